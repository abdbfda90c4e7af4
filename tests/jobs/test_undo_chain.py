"""After the undo of an ingest the jobs behind it follow: all tables are those of a home that never saw its file."""

import gzip
from pathlib import Path

import pytest

from jobs.pipeline import ingest_step, normalize_step, resample_step
from jobs.sources import Source
from jobs.undo_run import undo_run
from models.errors import NothingToDo

TABLES = ("orders", "trades", "gaps", "ingested_files", "bars", "features", "feature_scales")


@pytest.mark.slow
def test_bars_and_features_after_an_undo_are_those_of_a_home_that_never_saw_the_file(
    spark, schema, schema_copy, make_app, simulated_source, tmp_path, compiled
):
    source = simulated_source("simulated", days=0.2, signal=1.0, seed=5)
    (file,) = Path(source["path"]).iterdir()
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines[: len(lines) * 2 // 3]))
    (tmp_path / "b.jsonl").write_bytes(b"".join(lines[len(lines) * 2 // 3 :]))
    # named, for without it the span of the first run settles where training ends, and scales once fitted stay
    app = make_app(bars={"seconds": [60]}, features={"train_end": "2024-01-01T01:30:00Z"})

    def follow():
        resample_step(app)
        normalize_step(app)

    def contents(suffix=""):
        named = {name: spark.sql(f"SELECT * FROM `{name}{suffix}`") for name in TABLES}
        return {name: sorted(map(repr, table.drop("run_id").collect())) for name, table in named.items()}

    def ingest(name):
        ingest_step(app, [Source(path=str(tmp_path / name), format="coinbase_full", exchange="simulated")], 0.01)

    with compiled():
        with schema_copy(f"{schema}_never"):
            ingest("a.jsonl")
            follow()
            expected = contents()
        spark.sql("USE IDENTIFIER(:schema)", args={"schema": schema})
        ingest("a.jsonl")
        ingest("b.jsonl")
        follow()
        assert contents()["bars"] != expected["bars"]
        (run_id,) = spark.sql("SELECT run_id FROM runs WHERE job = 'ingest' ORDER BY run_number DESC LIMIT 1").first()
        undo_run(spark, run_id, print)
        (tmp_path / "b.jsonl").unlink()
        with pytest.raises(NothingToDo):
            ingest("*.jsonl")
        follow()
        assert contents() == contents("@good") == expected
