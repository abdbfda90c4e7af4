"""Pipelines of real SQL steps: failures, retries, time limits, and what stands in ``runs`` afterwards."""

import fcntl
import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from jobs.last_good import published_versions
from jobs.pipeline_plan import plan_pipeline, print_plan
from jobs.pipeline_run import run_pipeline
from jobs.run_lock import schema_folder
from jobs.tables import PUBLISHED, table_version
from jobs.undo_run import undo_run
from models.errors import DataContractError, TryAgainError, UsageError

ENDLESS = "SELECT count(*) AS n FROM range(1000000000000) WHERE id % 7 = 9"


@pytest.fixture
def run(make_app, schema):
    """``run(name={…}, …)`` runs a pipeline of sql steps, each needing only what it says."""

    def run(**steps):
        app = make_app(steps={name: {"job": "sql", "needs": [], **step} for name, step in steps.items()})
        app.is_quiet = False
        return run_pipeline(app, lambda step: None)

    return run


def states(spark):
    return {row.target: row.state for row in spark.table("runs").collect()}


def test_after_a_failed_step_those_that_need_it_are_skipped_and_the_others_go_on(spark, run, capsys):
    with pytest.raises(DataContractError, match="broken") as caught:
        run(
            bad={"query": "SELECT raise_error('broken')"},
            second={"query": "SELECT 1", "needs": ["bad"]},
            third={"query": "SELECT 1", "needs": ["second"]},
            alone={"query": "SELECT 7 AS number", "table": "kept"},
            late={"query": "SELECT raise_error('later')"},
        )
    assert caught.value.exit_code == 3
    assert states(spark) == {"bad": "failed", "alone": "done", "late": "failed"}
    assert spark.table("`kept@good`").first().number == 7
    said = capsys.readouterr().err
    told = {line.split()[0]: line for line in said[said.index("step") :].splitlines() if line}
    assert told["second"].split(None, 2)[1:] == ["skipped", "it needs bad"]
    assert told["third"].split(None, 2)[1:] == ["skipped", "it needs second"]
    assert told["alone"].split()[1] == "done"
    assert told["alone"].split()[-1] == "1"


def test_an_error_that_passes_is_tried_again_and_one_of_the_data_is_not(spark, run, capsys):
    folder = schema_folder(spark) / "_locks"
    folder.mkdir(exist_ok=True)
    with (folder / "sql.lock").open("w") as place:
        fcntl.flock(place, fcntl.LOCK_EX)  # another sql step is running, and ends soon
        threading.Timer(1.5, fcntl.flock, (place, fcntl.LOCK_UN)).start()
        assert run(waits={"query": "SELECT 1 AS one", "retries": 6, "retry_wait_seconds": 0.4})
    said = capsys.readouterr().err
    assert "another sql is running" in said
    assert "attempt 2 of 7 in" in said
    with pytest.raises(DataContractError):
        run(bad={"query": "SELECT raise_error('broken')", "retries": 6, "retry_wait_seconds": 60})
    assert "attempt" not in capsys.readouterr().err


def test_a_step_that_takes_too_long_is_cancelled_and_publishes_nothing(spark, run, capsys):
    limited = {"query": ENDLESS, "table": "counted", "timeout_seconds": 6, "retries": 1, "retry_wait_seconds": 0}
    with pytest.raises(TryAgainError, match=r"slow was stopped after 6 s") as caught:
        run(slow=limited, after={"query": "SELECT 1", "needs": ["slow"]}, quick={"query": "SELECT 1"})
    assert caught.value.exit_code == 75
    rows = spark.table("runs").orderBy("run_number").collect()
    assert {(row.target, row.state) for row in rows} == {("slow", "cancelled"), ("quick", "done")}
    assert rows[0].message == "stopped after 6 s"
    assert not spark.catalog.tableExists("counted")


def test_what_a_sql_step_changed_is_recorded_published_and_can_be_undone(spark, run, schema, tmp_path):
    spark.sql("CREATE TABLE sums (n BIGINT)")
    file = tmp_path / "daily.sql"
    statements = ["USE default", f"USE IDENTIFIER('{schema}')", *(f"INSERT INTO sums VALUES ({n})" for n in (5, 6))]
    file.write_text(";\n".join(statements))
    assert run(daily={"file": str(file)})
    (row,) = spark.table("runs").collect()
    assert (row.job, row.target, row.state, row.outputs, row.before) == (
        "sql",
        "daily",
        "done",
        {"sums": 2},
        {"sums": 0},
    )
    assert published_versions(spark)["sums"] == 2
    undo_run(spark, row.run_id, print)
    assert spark.table("`sums@good`").count() == 0


def test_a_text_that_is_no_single_query_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="keeps one query in kept and has 2 statements"):
        run(two={"query": "SELECT 1; SELECT 2", "table": "kept"})
    with pytest.raises(UsageError, match=r"none\.sql of the step gone cannot be read \(No such file"):
        run(gone={"file": str(tmp_path / "none.sql")})


def bar(schema, width, start):
    """A bar without a trade, start in seconds of an hour."""
    begin = datetime(2026, 1, 1) + timedelta(seconds=start)
    known = {"exchange": "x", "symbol": "A", "bar_seconds": width, "bar_start": begin, "is_filled": True,
             "available_at": begin + timedelta(seconds=width)}  # fmt: skip
    zeros = {"bigint": 0, "decimal(38,8)": Decimal(0)}
    return tuple(known.get(f.name, None if f.nullable else zeros.get(f.dataType.simpleString())) for f in schema)


def test_a_dry_run_counts_what_is_new_and_writes_nothing(spark, make_app, schema, tmp_path):
    source = {"path": str(tmp_path), "format": "coinbase_full", "exchange": "x"}
    (tmp_path / "new.jsonl").write_text("{}\n")
    bars = spark.table("bars").schema
    rows = [bar(bars, width, start) for width, start in ((60, 0), (60, 60), (10, 0))]
    spark.createDataFrame(rows, bars).write.insertInto("bars")
    before = {table: table_version(spark, table) for table in (*PUBLISHED, "runs")}
    app = make_app(sources=[source])
    plans = {plan.step: plan for plan in plan_pipeline(app, app.config.steps)}
    assert {name: plan.n_new for name, plan in plans.items()} == {
        "ingest": 1, "resample": 0, "normalize": 2, "train": 0, "score": 0,
    }  # fmt: skip
    assert plans["ingest"].new == "1 files of 3 bytes"
    assert plans["normalize"].reads == "bars version 1"
    assert plans["resample"].sql.startswith("-- Bring bars to what the events say")
    assert "MERGE INTO predictions" in plans["score"].sql
    assert {table: table_version(spark, table) for table in (*PUBLISHED, "runs")} == before


def test_a_dry_run_after_a_run_finds_nothing_new(in_pipeline, capsys):
    plans = plan_pipeline(in_pipeline, in_pipeline.config.steps)
    assert [plan.n_new for plan in plans] == [0] * 5
    assert plans[1].new == "0 changed rows of orders, 0 changed rows of trades, 0 changed rows of quotes"
    print_plan(in_pipeline, plans)
    assert '"step": "resample"' in capsys.readouterr().out
