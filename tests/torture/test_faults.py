"""Full and read-only disks, dying workers: one sentence and its exit code, readers see the last version, a rerun heals."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable
from processes import Pool
from small_disk import SmallDisk

pytestmark = pytest.mark.slow  # the pool of worker processes costs a minute
DISK, TRY_AGAIN, UP_TO_DATE = 74, 75, 99
FORETABLE = Path(sys.executable).with_name("foretable")
COMPILER = shutil.which("cc")
DISK_MIB = 192
SCHEMA = "tb_small"
POINTS = ("before_write", "after_write", "before_publish")


class Market:
    """The first file is ingested in ``tb_first``; what the second one and its bars should add is known."""

    def __init__(self, worker, states, command, settings):
        self.worker, self.states, self.command, self.settings = worker, states, command, settings
        self.wanted = {}

    def words(self, schema, job):
        return self.command(self.settings["both"], schema, job)

    def run(self, schema, job, **request):
        return self.worker.run(arguments=self.words(schema, job), **request)

    def prepare(self):
        self.worker.run(schema="tb_first", home=str(self.states.home))
        words = self.command(self.settings["first"], "tb_first", "ingest")
        assert self.worker.run(arguments=words)["code"] == 0
        self.wanted["first"] = self.states.published("tb_first")
        self.states.copy("tb_first", "tb_calm")
        for job in ("ingest", "resample"):
            assert self.run("tb_calm", job)["code"] == 0
            self.wanted[job] = self.states.published("tb_calm")
        return self

    def check_readers(self, schema, state="first"):
        """Spark and deltalake see the rows of ``state``."""
        assert self.states.published(schema) == self.wanted[state]
        for table in ("orders", "trades"):
            (row,) = self.worker.run(sql=f"SELECT count(*) FROM {schema}.published_{table}")["rows"]
            assert row == [self.wanted[state][table][0]]

    def check_rerun(self, schema):
        """Nothing stands in the way any longer: the end is that of a run that nothing disturbed."""
        for job in ("ingest", "resample"):
            answer = self.run(schema, job)
            assert answer["code"] in (0, UP_TO_DATE), answer  # all was written, and only now is it published
            assert self.states.newest(schema) == self.states.published(schema) == self.wanted[job]
        assert {state for _, state in self.states.runs(schema)} <= {"done", "failed", "killed"}


def check_sentence(answer, code, *words):
    """One line says what went wrong and what to do; no stack trace stands around it."""
    assert answer["code"] == code, answer
    said = answer["said"]
    (line,) = [line for line in said.splitlines() if line.startswith("foretable: ")]
    assert all(word in line for word in words), line
    assert line.count(". ") == 0, line
    assert len(line) < 400, line
    assert not any(sign in said for sign in ("Traceback", "\tat ", "Exception", "this is a bug")), said


@pytest.fixture(scope="module")
def market(pool, states, pieces, configure, command):
    worker = pool.take()
    settings = {"first": configure("tb_one", pieces[:1]), "both": configure("tb_two", pieces[:2])}
    yield Market(worker, states, command, settings).prepare()
    pool.give_back(worker)


@pytest.fixture(scope="module")
def disk(market, states):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    small = SmallDisk(states.folder(SCHEMA), DISK_MIB)
    yield small
    small.close()


@pytest.fixture
def schema(disk, market, states):
    """The schema on the small disk after the first file."""
    disk.holds(states.folder("tb_first"), SCHEMA)
    return SCHEMA


def test_a_disk_that_is_nearly_full_is_told_before_anything_is_written(market, states, schema, disk):
    with disk.filled(free_bytes=20 << 20):
        check_sentence(market.run(schema, "ingest"), DISK, "MiB free", "nothing was written", "run again")
        market.check_readers(schema)
        assert states.newest(schema) == market.wanted["first"]
    market.check_rerun(schema)


@pytest.mark.parametrize("point", [POINTS[1], *(pytest.param(p, marks=pytest.mark.torture) for p in POINTS[::2])])
def test_a_disk_that_fills_up_in_the_middle_of_a_run_costs_nothing(point, market, schema, disk, tmp_path):
    market.worker.ask(arguments=market.words(schema, "ingest"), pause=f"{point}:{tmp_path}")
    while not (tmp_path / "reached").exists():
        assert not market.worker.has_answered(0.02), market.worker.answer()
    with disk.filled():
        (tmp_path / "go").touch()
        check_sentence(market.worker.answer(), DISK, "the disk is full", "free space and run again")
        market.check_readers(schema)
        answer = market.run(schema, "ingest")  # still full
        check_sentence(answer, DISK, "run again")
        market.check_readers(schema)
    market.check_rerun(schema)


def test_a_read_only_disk_is_told_and_can_still_be_read(market, schema, disk):
    with disk.read_only():
        check_sentence(market.run(schema, "ingest"), DISK, "ead-only")
        market.check_readers(schema)
    market.check_rerun(schema)


def test_a_python_worker_that_the_system_kills_for_memory_costs_one_run(market, states, python_workers):
    schema = "tb_killed"
    states.copy("tb_first", schema)
    market.worker.ask(arguments=market.words(schema, "ingest"))
    while not market.worker.has_answered(0.005):
        for process in python_workers(market.worker.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    check_sentence(market.worker.answer(), TRY_AGAIN, "memory", "run again")
    market.check_readers(schema)
    market.check_rerun(schema)
    states.drop(schema)


@pytest.mark.torture
def test_a_python_worker_above_its_limit_of_memory_costs_one_run(market, states):
    schema = "tb_limit"
    states.copy("tb_first", schema)
    words = market.words(schema, "ingest")
    limited = [FORETABLE, "--conf", "spark.executor.pyspark.memory=64m", "--master", "local[1]", *words]
    ended = subprocess.run(limited, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    check_sentence({"code": ended.returncode, "said": ended.stderr}, TRY_AGAIN, "memory", "run again")
    market.check_readers(schema)
    market.check_rerun(schema)
    states.drop(schema)


@pytest.fixture
def yesterday(torture_home, monkeypatch, tmp_path):
    """A worker whose clock is a day behind."""
    if COMPILER is None:
        pytest.skip("a clock that is set back needs a C compiler (Debian: apt-get install gcc)")
    clock = tmp_path / "yesterday.so"
    source = Path(__file__).with_name("yesterday.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", str(clock), str(source), "-ldl"], check=True)
    with monkeypatch.context() as change:
        change.setenv("LD_PRELOAD", str(clock))
        workers = Pool(torture_home)
    yield workers.take()
    workers.close()


@pytest.mark.torture
def test_a_clock_that_is_set_back_between_two_runs_changes_no_row(
    yesterday, market, states, pieces, configure, command
):
    schema = "tb_clock"
    states.copy("tb_first", schema)
    before = time.time()
    for job in ("ingest", "resample"):
        answer = yesterday.run(arguments=market.words(schema, job))
        assert answer["code"] == 0, answer
        assert states.newest(schema) == states.published(schema) == market.wanted[job]
    set_back_commits(states.folder(schema), since=before)
    for job in ("ingest", "resample"):
        assert market.run(schema, job)["code"] == UP_TO_DATE
    third = configure("tb_three", pieces[:3])
    for one in (schema, "tb_calm"):
        for job in ("ingest", "resample"):
            answer = market.worker.run(arguments=command(third, one, job))
            assert answer["code"] == 0, (one, answer)
    assert states.published(schema) == states.newest(schema) == states.published("tb_calm")
    runs = DeltaTable(states.folder(schema) / "runs").to_pyarrow_table().to_pylist()
    runs.sort(key=lambda row: row["run_number"])
    assert [row["job"] for row in runs] == ["ingest", "ingest", "resample", "ingest", "resample"]
    days_back = [(runs[0]["started_at"] - row["started_at"]).total_seconds() / 86_400 for row in runs]
    assert [round(days) for days in days_back] == [0, 1, 1, 0, 0]
    for table in ("orders", "trades", "bars", "runs"):
        history = market.worker.run(sql=f"DESCRIBE HISTORY {schema}.{table}")["rows"]
        times = [row[1] for row in sorted(history)]
        assert times == sorted(set(times)), (table, times)


def set_back_commits(folder, since):
    """Commits of a clock that was set back have files of an earlier day, too: the kernel's goes on."""
    for commit in folder.glob("*/_delta_log/*.json"):
        if commit.stat().st_mtime > since:
            os.utime(commit, (since - 86_400, since - 86_400))
