"""One run of a job at a time in a schema, whatever process it is in."""

import subprocess
import sys

import pytest

from jobs.run_lock import only_run
from jobs.runs import recorded_run
from models.errors import TryAgainError

HOLDER = """
import fcntl, sys, time
place = open(sys.argv[1], "a+")
fcntl.flock(place, fcntl.LOCK_EX)
place.truncate(0); place.write("ingest_1, process 7\\n"); place.flush()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def other_process(home, schema):
    """A process that is in an ingest of this schema."""
    folder = home / "warehouse" / f"{schema}.db" / "_locks"
    folder.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder / "ingest.lock"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    yield holder
    holder.kill()
    holder.wait()
    holder.stdout.close()


def test_a_second_run_of_a_job_is_told_to_try_again(spark, other_process):
    with (
        pytest.raises(TryAgainError, match=r"another ingest is running \(ingest_1, process 7\): run again"),
        recorded_run(spark, "ingest", "files", "digest"),
    ):
        pass
    assert spark.table("runs").count() == 0


def test_another_job_goes_on(spark, other_process):
    with recorded_run(spark, "resample", "bars", "digest") as run:
        run.n_good = 1
    assert [row.state for row in spark.table("runs").collect()] == ["done"]


def test_the_place_of_a_process_that_was_killed_is_free(spark, other_process):
    other_process.kill()
    other_process.wait()
    with only_run(spark, "ingest", "ingest_2"):
        pass


def test_the_same_process_does_not_enter_twice(spark, schema):
    with (
        only_run(spark, "ingest", "ingest_3"),
        pytest.raises(TryAgainError, match="ingest_3"),
        only_run(spark, "ingest", "x"),
    ):
        pass


def test_the_folder_of_locks_is_no_table(spark, schema):
    before = spark.sql("SHOW TABLES").count()
    with only_run(spark, "ingest", "ingest_4"):
        assert spark.sql("SHOW TABLES").count() == before
