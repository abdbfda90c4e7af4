"""Runs: what readers see of them, what their successors make of those that broke off, and that nothing is written twice."""

import contextlib
import shutil
import threading
import weakref
from collections import namedtuple
from datetime import datetime

import pytest
from pyspark.errors import PySparkException

from jobs import commits
from jobs.commits import committed, with_retries
from jobs.last_good import good_version, published_versions
from jobs.run_history import is_overtaken, last_inputs
from jobs.run_lock import schema_folder
from jobs.runs import Run, recorded_run
from jobs.table_log import table_log
from jobs.tables import create_tables
from models.errors import NothingToDo, SafetyError, StorageError, TryAgainError


@pytest.fixture
def ticks(spark, schema):
    """Two tables that a made-up job writes."""
    for name in ("ticks", "tocks"):
        spark.sql("CREATE TABLE IDENTIFIER(:name) (number INT)", args={"name": name})
    return Ticks(spark)


class Ticks:
    """The made-up job ``tick``: appends a number to its tables."""

    def __init__(self, spark):
        self.spark = spark

    def run(self, job="tick", tables=("ticks",), target="ticks", digest="digest"):
        return recorded_run(self.spark, job, target, digest, tables=tables)

    def run_that_breaks(self, **settings):
        with self.run(**settings) as run:
            run.begin()
            raise ZeroDivisionError

    def write(self, number, table="ticks", **transaction):
        committed(self.spark, table, lambda: self.insert(number, table), **transaction)

    def insert(self, number, table="ticks"):
        self.spark.sql("INSERT INTO IDENTIFIER(:table) VALUES (:number)", args={"table": table, "number": number})

    def break_off(self, number, error=ZeroDivisionError):
        """A run that raises after its first write."""
        with contextlib.suppress(error), self.run():
            self.write(number)
            raise error

    def all(self, table="ticks"):
        return sorted(row.number for row in self.spark.table(table).collect())

    def published(self, table="ticks"):
        return self.all(f"`{table}@good`")

    def states(self):
        rows = self.spark.table("runs").orderBy("run_number").collect()
        return [(row.job, row.state) for row in rows]


def leave_behind(spark, job):
    """What a process leaves that is killed in a run of ``job``."""
    run = Run(spark, job, "ticks", "digest", f"{job}_1", datetime(2026, 3, 1))
    run.begin()
    folder = schema_folder(spark) / "_locks"
    folder.mkdir(exist_ok=True)
    (folder / f"{job}.lock").write_text(f"{job}_1, process 1\n")


def test_rows_of_a_run_are_seen_once_it_is_done_and_all_at_once(spark, ticks):
    with ticks.run(tables=("ticks", "tocks")):
        ticks.write(1)
        assert (ticks.published(), ticks.published("tocks")) == ([], [])
        assert ticks.states() == [("tick", "running")]
        ticks.write(2, "tocks")
        assert (ticks.published(), ticks.published("tocks")) == ([], [])
    assert (ticks.published(), ticks.published("tocks")) == ([1], [2])
    (run,) = spark.table("runs").collect()
    assert (run.state, run.run_number, run.outputs, run.before) == (
        "done", 1, {"ticks": 1, "tocks": 1}, {"ticks": 0, "tocks": 0},
    )  # fmt: skip
    assert set(run.timings) == {"ticks", "tocks"}


def test_a_failed_run_shows_nothing_and_its_successor_shows_both(ticks):
    ticks.break_off(1)
    assert (ticks.all(), ticks.published()) == ([1], [])
    with ticks.run():
        ticks.write(2)
    assert ticks.published() == [1, 2]
    assert ticks.states() == [("tick", "failed"), ("tick", "done")]


def test_an_interrupted_run_is_recorded_as_cancelled(ticks):
    ticks.break_off(1, KeyboardInterrupt)
    assert ticks.states() == [("tick", "cancelled")]
    assert ticks.published() == []


def test_a_run_without_work_leaves_no_row(ticks):
    with pytest.raises(NothingToDo), ticks.run():
        raise NothingToDo("nothing")
    with ticks.run() as run:
        run.is_empty = True
    assert ticks.states() == []


def test_a_killed_run_is_named_by_its_successor(spark, ticks):
    leave_behind(spark, "tick")
    with ticks.run():
        ticks.write(1)
    assert ticks.states() == [("tick", "killed"), ("tick", "done")]


def test_a_run_that_was_killed_between_record_and_publication_is_published_by_its_successor(spark, ticks):
    with ticks.run():
        ticks.write(1)
    pointer = schema_folder(spark) / "_last_good.json"
    pointer.write_text("{}")
    leave_behind(spark, "other")
    with ticks.run(job="other") as run:
        raise NothingToDo("nothing")
    assert run.took_over  # which is something done
    assert ticks.published() == [1]
    with pytest.raises(NothingToDo), ticks.run(job="other"):
        raise NothingToDo("nothing")


def test_what_a_killed_run_had_written_is_published_by_a_successor_that_finds_nothing_to_add(spark, ticks):
    ticks.break_off(1)
    with ticks.run() as run:
        raise NothingToDo("the ticks are up to date")
    assert run.took_over
    assert ticks.published() == [1]
    with pytest.raises(NothingToDo), ticks.run():
        raise NothingToDo("the ticks are up to date")
    ticks.break_off(2)
    with ticks.run() as run:
        run.is_empty = True
    assert ticks.published() == [1, 2]
    assert ticks.states() == [("tick", "failed"), ("tick", "done")] * 2


def test_half_an_ingest_is_not_published_by_the_ingest_of_another_source(ticks):
    with contextlib.suppress(ZeroDivisionError), ticks.run("ingest", target="b/*.gz"):
        ticks.write(1)
        raise ZeroDivisionError
    with ticks.run("ingest", target="a/*.gz"):
        ticks.write(2)
    assert ticks.published() == []
    with ticks.run("ingest", target="b/*.gz"):
        ticks.write(3)
    assert ticks.published() == [1, 2, 3]


def test_a_run_lets_go_of_what_it_held_in_java(spark, ticks):
    with ticks.run():
        ticks.write(1)
        rows = spark.range(1)._jdf
        rows.schema()  # from its first call on the object refers to itself
        held = weakref.ref(rows)
        del rows
        assert held() is not None
    assert held() is None


def test_what_others_insert_is_good_at_once_but_not_behind_an_unfinished_run(spark, ticks):
    ticks.insert(1)
    assert good_version(spark, "ticks") == 1
    ticks.break_off(2)
    ticks.insert(3)
    assert table_log(spark, "ticks").version == 3
    assert good_version(spark, "ticks") == 1
    with ticks.run() as run:
        assert good_version(spark, "ticks", run) == 3


def test_what_a_run_has_read_is_published_with_it(spark, ticks):
    ticks.insert(1)
    with ticks.run(tables=("tocks",)) as run:
        run.inputs = {"ticks": good_version(spark, "ticks")}
        ticks.write(2, "tocks")
    assert (ticks.published(), ticks.published("tocks")) == ([1], [2])


def test_another_job_over_an_unfinished_run_publishes_nothing_of_it(spark, ticks):
    ticks.break_off(1)
    with ticks.run(job="maintain") as run:
        run.inputs = {"ticks": 1}
        ticks.write(2)
    assert ticks.published() == []


def test_one_query_over_several_tables_sees_one_publication(spark, ticks):
    for number in (1, 2):
        ticks.insert(number, "ticks")
        ticks.insert(number, "tocks")
    stop = threading.Event()
    write = spark._jvm.foretable.LastGood.write

    def flip():
        while not stop.is_set():
            for version in (1, 2):
                write(
                    spark._jsparkSession, spark.catalog.currentDatabase(), f'{{"ticks": {version}, "tocks": {version}}}'
                )

    flipping = threading.Thread(target=flip)
    flipping.start()
    try:
        for _ in range(12):
            a, b = spark.sql("SELECT (SELECT count(*) FROM `ticks@good`), (SELECT count(*) FROM `tocks@good`)").first()
            assert a == b
    finally:
        stop.set()
        flipping.join()


def test_published_views_follow_and_gain_the_columns_of_their_table(spark, schema):
    assert spark.table("published_gaps").count() == 0
    spark.sql("ALTER TABLE gaps ADD COLUMNS (note STRING)")
    with recorded_run(spark, "tick", "gaps", "", tables=("gaps",)):
        committed(
            spark, "gaps", lambda: spark.sql("INSERT INTO gaps SELECT 'x', 'A', 0, 1, 2, 2, now(), now(), 'hole'")
        )
    assert [row.note for row in spark.sql("SELECT * FROM published_gaps").collect()] == ["hole"]


def test_rows_that_follow_from_the_same_inputs_are_written_once(spark, ticks):
    for _ in range(2):
        with ticks.run() as run:
            ticks.write(1, inputs={"tocks": 0}, rows_digest="a")
    assert ticks.all() == [1]
    assert run.outputs == {"ticks": 1}
    assert ticks.states() == [("tick", "done")] * 2


def test_other_rows_from_the_same_inputs_are_refused(ticks):
    with ticks.run():
        ticks.write(1, inputs={"tocks": 0}, rows_digest="a")
    with pytest.raises(SafetyError, match="from these very inputs before"), ticks.run():
        ticks.write(2, inputs={"tocks": 0}, rows_digest="b")
    assert ticks.all() == [1]
    with ticks.run() as run:
        run.is_rebuild = True
        ticks.write(2, inputs={"tocks": 0}, rows_digest="b")
    assert ticks.all() == [1, 2]


def test_later_inputs_write_again_and_earlier_ones_no_more(ticks):
    with ticks.run():
        ticks.write(1, inputs={"tocks": 3}, rows_digest="a")
    with ticks.run():
        ticks.write(2, inputs={"tocks": 4}, rows_digest="b")
    with pytest.raises(TryAgainError, match="a later run has written ticks"), ticks.run():
        ticks.write(3, inputs={"tocks": 3}, rows_digest="c")
    with ticks.run(target="others"):
        ticks.write(4, inputs={"tocks": 3}, rows_digest="c")
    assert ticks.all() == [1, 2, 4]


def test_a_commit_that_another_program_replaced_is_noticed(spark, ticks):
    log = schema_folder(spark) / "ticks" / "_delta_log"

    def write_and_lose():
        ticks.insert(1)
        (log / f"{1:020d}.json").write_text((log / f"{0:020d}.json").read_text())

    with pytest.raises(TryAgainError, match="not in the history of ticks"), ticks.run():
        committed(spark, "ticks", write_and_lose, {"tocks": 0}, "a")


class Contested:
    """A write that meets another writer some times before it succeeds."""

    def __init__(self, n_conflicts):
        self.n_left, self.n_calls = n_conflicts, 0

    def __call__(self):
        self.n_calls += 1
        if self.n_calls <= self.n_left:
            raise PySparkException("[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] a file was added. SQLSTATE: 2D521")


def test_a_conflict_is_tried_again_but_not_for_ever(monkeypatch):
    pauses = []
    monkeypatch.setattr(commits.time, "sleep", pauses.append)
    write = Contested(3)
    with_retries(write)
    assert write.n_calls == 4
    assert len(pauses) == 3
    assert all(0.1 * 2**i <= pause <= 0.3 * 2**i for i, pause in enumerate(pauses))
    hopeless = Contested(100)
    with pytest.raises(PySparkException):
        with_retries(hopeless)
    assert hopeless.n_calls == commits.ATTEMPTS


def test_an_error_that_is_no_conflict_is_not_tried_again():
    calls = []

    def write():
        calls.append(1)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        with_retries(write)
    assert calls == [1]


def test_the_newest_run_is_told_by_its_number_whatever_the_clock_said(spark, ticks):
    for version in (3, 7):
        with ticks.run() as run:
            run.inputs = {"tocks": version}
    spark.sql("UPDATE runs SET finished_at = TIMESTAMP'1999-01-01' WHERE inputs['tocks'] = 7")  # the clock was set back
    assert last_inputs(spark, "tick", "ticks", "digest") == {"tocks": 7}


def test_what_a_run_read_counts_no_more_once_one_with_other_settings_came_after_it(spark, ticks):
    def last():
        return [last_inputs(spark, "tick", "ticks", digest) for digest in ("digest", "other")]

    for digest, version, expected in (
        ("digest", 1, [{"tocks": 1}, None]),
        ("other", 2, [None, {"tocks": 2}]),
        ("digest", 3, [{"tocks": 3}, None]),
    ):
        with ticks.run(digest=digest) as run:
            run.inputs = {"tocks": version}
        assert last() == expected
    with pytest.raises(ZeroDivisionError):
        ticks.run_that_breaks(digest="other")
    assert last() == [None, None]
    with ticks.run(job="tock", digest="other"), ticks.run(target="tocks", digest="other"):
        pass
    assert not is_overtaken(spark, "tick", "never", "digest")


def test_no_run_starts_on_a_disk_that_is_nearly_full(spark, ticks, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(100, 99, 10 * 2**20))
    with pytest.raises(StorageError, match="10 MiB free and 64 MiB may be needed"), ticks.run():
        ticks.write(1)
    assert ticks.all() == []


def test_runs_of_the_first_release_gain_the_new_columns(spark, schema):
    spark.sql("DROP TABLE runs")
    old = "run_id STRING NOT NULL, job STRING, target STRING, state STRING, started_at TIMESTAMP, finished_at TIMESTAMP NOT NULL"
    counts = "n_read BIGINT, n_good BIGINT, n_quarantined BIGINT, n_duplicate BIGINT, n_pending BIGINT"
    rest = "inputs MAP<STRING, BIGINT>, outputs MAP<STRING, BIGINT>, config_digest STRING, code_version STRING, message STRING"
    spark.sql(f"CREATE TABLE runs ({old}, {counts}, {rest}) USING delta")
    spark.sql(
        "INSERT INTO runs SELECT 'r', 'tick', 'ticks', 'done', now(), now(), 1, 1, 0, 0, 0, map('a', 1L), map('b', 2L), "
        "'digest', '0.1.0', NULL"
    )
    create_tables(spark)
    with recorded_run(spark, "tick", "ticks", "digest"):
        pass
    assert last_inputs(spark, "tick", "ticks", "digest") == {}
    assert {row.run_number for row in spark.table("runs").collect()} == {None, 1}
    assert published_versions(spark) == {}
