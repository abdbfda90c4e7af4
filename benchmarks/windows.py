"""Windows of a table of features: stored and streamed through one epoch in memory that does not follow the rows.

    python -m benchmarks.windows [millions of rows …, default 1 10]

Each size runs in a process and a home of its own: rows of ten symbols are written to ``features`` by a formula, stored
as windows of 20 steps, and read by ``tf.data`` for an epoch, shuffled, in batches of 1,024. Before a figure is printed
each window of the epoch is compared with the formula. Python's memory is the peak of what is its own (anonymous pages:
the operating system may take mapped files back at any time), looked at five times a second; Java's is its largest size.

The claim: the peak of Python's memory grows by the places of the windows and the order of an epoch, 12 bytes a window,
and a tenth.
"""

import json
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.surroundings import in_a_process, machine

TOLERANCE = 0.1
ORDER_BYTES = 12
N_SYMBOLS, N_STEPS, BATCH = 10, 20, 1_024
CYCLE = 9_973  # prime: no window is that of another place by chance
FIRST_SECOND = 1_600_000_020  # a whole minute


class Peak:
    """Largest size of what this process owns itself, in MiB."""

    def __init__(self) -> None:
        """Begin to look."""
        self.mebibytes = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while True:
            own = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
            self.mebibytes = max(self.mebibytes, int(own.split()[1]) / 1024)
            time.sleep(0.2)


def fill_features(spark: Any, names: tuple[str, ...], label: str, n_rows: int) -> None:
    """Rows by a formula: feature j of row i is ``i * (j + 1) % CYCLE``, its label ``i``; symbols follow each other."""
    fields = ", ".join(f"`{name}` DOUBLE" for name in names)
    spark.sql(f"ALTER TABLE features ADD COLUMNS (features STRUCT<{fields}>, labels STRUCT<`{label}` DOUBLE>)")
    values = ", ".join(f"'{name}', double(id * {j + 1} % {CYCLE})" for j, name in enumerate(names))
    of_symbol = n_rows // N_SYMBOLS
    rows = spark.range(n_rows).selectExpr(
        "'simulated' AS exchange", f"char(65 + id div {of_symbol}) AS symbol", "60 AS bar_seconds",
        f"timestamp_seconds({FIRST_SECOND} + 60 * (id % {of_symbol})) AS bar_start",
        f"timestamp_seconds({FIRST_SECOND} + 60 * (id % {of_symbol} + 1)) AS available_at",
        "true AS is_warm", f"id % {of_symbol} < {of_symbol * 6 // 10} AS is_training", "'formula' AS feature_set",
        f"named_struct({values}) AS features", f"named_struct('{label}', double(id)) AS labels",
    )  # fmt: skip
    rows.writeTo("features").append()


def measure(home: Path, millions: float) -> dict[str, Any]:
    """Store and read the windows of so many rows; in a process of its own."""
    from jobs.app import App
    from jobs.config import Config
    from jobs.sources import Source
    from jobs.window_rows import store_windows
    from models.window_dataset import window_dataset

    app = App(is_quiet=True)
    source = Source(path=str(home / "files"), format="coinbase_full", exchange="simulated")
    app.config = Config(home=home, sources=(source,))
    spark = app.session()
    names, label = app.config.features.names(), app.config.labels[0].name
    n_rows = int(millions * 1e6) // N_SYMBOLS * N_SYMBOLS
    fill_features(spark, names, label, n_rows)
    peak, started = Peak(), time.perf_counter()
    store = store_windows(spark, app.config, label, N_STEPS, home / "windows")
    stored, of_storing = time.perf_counter(), peak.mebibytes
    java = psutil.Process(spark.sparkContext._gateway.proc.pid)
    assert len(store) == n_rows - N_SYMBOLS * (N_STEPS - 1), len(store)
    java_mebibytes = max(one.memory_info().rss for one in [java, *java.children(recursive=True)]) / 2**20
    app.close()
    n_seen = 0
    steps, factors = np.arange(N_STEPS - 1, -1, -1)[:, None], np.arange(1, len(names) + 1)
    for inputs, labels in window_dataset(store, np.arange(len(store)), BATCH, seed=1):
        rows = labels.numpy().astype(np.int64)  # float32 holds whole numbers up to 2^24: 16 million rows
        expected = (rows[:, None, None] - steps) * factors % CYCLE
        assert np.array_equal(inputs.numpy(), expected), "a window is not that of the formula"
        n_seen += len(rows)
    assert n_seen == len(store), n_seen
    read = time.perf_counter()
    return {"windows": n_seen, "features": len(names), "store": stored - started, "epoch": read - stored,
            "storing": of_storing, "python": peak.mebibytes, "java": java_mebibytes}  # fmt: skip


def main() -> int:
    """Measure all sizes; 1 where memory grows otherwise than claimed."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(Path(sys.argv[2]), float(sys.argv[3]))))
        return 0
    sizes = [float(text) for text in sys.argv[1:]] or [1.0, 10.0]
    print(machine("pyspark"))
    found = []
    for size in sizes:
        found.append(one := in_a_process("benchmarks.windows", size))
        as_arrays = one["windows"] * N_STEPS * one["features"] * 8 / 2**20
        print(
            f"{one['windows']:,} windows of {N_STEPS} steps and {one['features']} features ({as_arrays:,.0f} MiB as an "
            f"array of doubles): stored in {one['store']:.0f} s, an epoch in {one['epoch']:.0f} s, each as the formula "
            f"says; peak {one['python']:,.0f} MiB of Python ({one['storing']:,.0f} up to when they are stored), "
            f"{one['java']:,.0f} MiB of Java"
        )
    holds = True
    for before, after in pairwise(found):
        more = ORDER_BYTES * (after["windows"] - before["windows"]) / 2**20
        holds &= after["python"] <= (before["python"] + more) * (1 + TOLERANCE)
    print(f"memory {'is' if holds else 'is NOT'} bounded as claimed")
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
