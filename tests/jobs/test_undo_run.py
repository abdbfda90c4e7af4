"""Undo of a run: tables, readers and successors are as if it had not been; what others wrote since is never lost."""

import contextlib

import pytest

from jobs.commits import committed
from jobs.last_good import good_version
from jobs.maintain import maintain
from jobs.runs import recorded_run
from jobs.undo_run import plan_undo, undo_run
from models.errors import NothingToDo, SafetyError, TryAgainError, UsageError


@pytest.fixture
def gate(spark, schema):
    """Job ``tick``, which appends a number to each of its tables; returns the run's id."""
    for name in ("ticks", "tocks"):
        spark.sql("CREATE TABLE IDENTIFIER(:name) (number INT)", args={"name": name})

    def run(number, *tables, job="tick", inputs=None, rows_digest=None):
        with recorded_run(spark, job, "t", "d", tables=tables) as running:
            for table in tables:
                committed(spark, table, lambda table=table: insert(spark, table, number), inputs, rows_digest)
        return running.run_id

    return run


def insert(spark, table, number):
    spark.sql("INSERT INTO IDENTIFIER(:table) VALUES (:number)", args={"table": table, "number": number})


def numbers(spark, table):
    return sorted(row.number for row in spark.sql(f"SELECT number FROM {table}").collect())


def states(spark):
    return {row.run_id: row.state for row in spark.table("runs").collect()}


def test_an_undone_run_is_gone_from_its_tables_and_for_readers(spark, gate):
    gate(1, "ticks", "tocks")
    second = gate(2, "ticks", "tocks")
    rows = undo_run(spark, second, print)
    assert [(row["table"], row["content_of_version"]) for row in rows] == [("ticks", 1), ("tocks", 1)]
    for table in ("ticks", "tocks", "`ticks@good`", "`tocks@good`"):
        assert numbers(spark, table) == [1]
    assert states(spark)[second] == "undone"
    with pytest.raises(NothingToDo, match="undone before"):
        undo_run(spark, second, print)


def test_runs_are_undone_from_the_newest_back(spark, gate):
    first, second = gate(1, "ticks"), gate(2, "ticks")
    with pytest.raises(SafetyError, match=f"written again by {second}: undo that run first"):
        undo_run(spark, first, print)
    undo_run(spark, second, print)
    undo_run(spark, first, print)
    assert numbers(spark, "ticks") == numbers(spark, "`ticks@good`") == []


def test_the_same_inputs_are_written_again_after_an_undo(spark, gate):
    once = gate(1, "ticks", inputs={"tocks": 0}, rows_digest="a")
    undo_run(spark, once, print)
    gate(1, "ticks", inputs={"tocks": 0}, rows_digest="a")
    assert numbers(spark, "`ticks@good`") == [1]


def test_rows_that_somebody_else_inserted_are_not_taken_back(spark, gate):
    run = gate(1, "ticks")
    insert(spark, "ticks", 7)
    with pytest.raises(SafetyError, match=r"changed by somebody else.*RESTORE TABLE"):
        undo_run(spark, run, print)
    assert numbers(spark, "ticks") == [1, 7]
    assert states(spark) == {run: "done"}


@pytest.mark.slow
def test_upkeep_and_the_leftovers_of_broken_runs_are_no_obstacle(spark, gate):
    gate(1, "ticks")
    second = gate(2, "ticks")
    maintain(spark, ["ticks"])
    with contextlib.suppress(ZeroDivisionError), recorded_run(spark, "tick", "t", "d", tables=("ticks",)):
        committed(spark, "ticks", lambda: insert(spark, "ticks", 3))
        raise ZeroDivisionError
    undo_run(spark, second, print)
    assert numbers(spark, "ticks") == numbers(spark, "`ticks@good`") == [1]


@pytest.mark.slow
def test_an_undo_that_was_killed_is_finished_by_the_next(spark, gate, monkeypatch):
    gate(1, "ticks", "tocks")
    second = gate(2, "ticks", "tocks")
    with monkeypatch.context() as patch:
        patch.setattr("jobs.undo_run.with_retries", lambda write: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            undo_run(spark, second, print)
    assert numbers(spark, "`ticks@good`") == [1, 2]
    undo_run(spark, second, print)
    assert numbers(spark, "`ticks@good`") == numbers(spark, "`tocks@good`") == [1]
    assert good_version(spark, "ticks") == 3  # restored once


def test_what_cannot_be_undone_says_why(spark, gate):
    with pytest.raises(UsageError, match="there is no run tick_9"):
        plan_undo(spark, "tick_9")
    with recorded_run(spark, "train", "m", "d") as trained:
        pass
    with pytest.raises(SafetyError, match="wrote no table: a model goes back with"):
        plan_undo(spark, trained.run_id)
    with pytest.raises(ZeroDivisionError), recorded_run(spark, "tick", "t", "d") as failed:
        raise ZeroDivisionError
    with pytest.raises(SafetyError, match=r"is failed and has published nothing: run foretable tick again"):
        plan_undo(spark, failed.run_id)


def test_a_run_is_not_undone_while_its_job_goes_on(spark, gate):
    run = gate(1, "ticks")
    with (
        recorded_run(spark, "tick", "t", "d"),
        pytest.raises(TryAgainError, match="another tick is running"),
    ):
        undo_run(spark, run, print)
