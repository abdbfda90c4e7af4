"""Undo of an ingest of a million events: asserts that all tables are as before it, then prints the seconds it took.

    python -m benchmarks.undo [messages]

The claim: under a minute. A market is simulated, its first tenth is ingested as one file, then the rest, which is
taken back. Content is compared by an order-free digest over every column. Exit code 1 where it took longer.
"""

import gzip
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.surroundings import fresh_home
from jobs.app import App
from jobs.config import Config
from jobs.pipeline import INGESTED, ingest_step
from jobs.simulator.market import Market, last_for_messages
from jobs.simulator.simulation import simulate
from jobs.sources import Source
from jobs.undo_run import undo_run

LIMIT_SECONDS = 60


def _split(files: tuple[Path, ...], folder: Path) -> tuple[Path, Path]:
    """Write the first tenth of the lines of files and the rest."""
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines(keepends=True)]
    first, rest = folder / "first.jsonl", folder / "rest.jsonl"
    first.write_bytes(b"".join(lines[: len(lines) // 10]))
    rest.write_bytes(b"".join(lines[len(lines) // 10 :]))
    return first, rest


def _contents(spark: SparkSession) -> dict[str, tuple[int, str]]:
    """Rows and digest of each table, as readers see it and as it is."""
    names = [name for table in INGESTED for name in (table, f"`{table}@good`")]
    digest = "SELECT count(*), string(sum(CAST(xxhash64(*) AS DECIMAL(38)))) FROM "
    return {name: tuple(spark.sql(digest + name).collect()[0]) for name in names}


def _timed_undo(home: Path, n_messages: int) -> tuple[float, int]:
    """Seconds of an undo and the rows that it took back."""
    files = simulate(last_for_messages(Market(), n_messages), home / "files").files
    app = App(is_quiet=True)
    app.config = Config(home=home)
    spark = app.session()
    try:
        for part in _split(files, home):
            before = _contents(spark)
            n_before = spark.table("orders").count()
            ingest_step(app, [Source(path=str(part), format="coinbase_full", exchange="simulated")], 0.01)
        n_orders = spark.table("orders").count() - n_before
        (run_id,) = spark.sql("SELECT run_id FROM runs WHERE job = 'ingest' ORDER BY run_number DESC LIMIT 1").first()
        started = time.perf_counter()
        undo_run(spark, run_id, lambda text: None)
        seconds = time.perf_counter() - started
        assert _contents(spark) == before, "the tables are not as before the run"
        return seconds, n_orders
    finally:
        app.close()


def main() -> int:
    """Measure once; 1 where it took longer than claimed."""
    n_messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_200_000
    with fresh_home() as home:
        seconds, n_orders = _timed_undo(home, n_messages)
    print(
        f"undo of an ingest of {n_orders:,} rows: {seconds:.1f} s, same content as before it (claim: {LIMIT_SECONDS} s)"
    )
    return int(seconds > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
