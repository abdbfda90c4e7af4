"""The doctor names runs that broke off, what their readers do not see, and settings that endanger tables."""

import contextlib
import fcntl
import os
import shutil
from datetime import datetime

import pytest

from jobs.commits import committed
from jobs.doctor import check_leftovers, check_settings
from jobs.doctor_publication import check_publication, check_unfinished_runs
from jobs.run_lock import schema_folder
from jobs.runs import Run, recorded_run


@pytest.fixture
def folder(spark, schema):
    return schema_folder(spark)


def insert_gap(spark):
    spark.sql("INSERT INTO gaps SELECT 'x', 'A', 0, 1, 2, 2, now(), now()")


def break_off(spark):
    """An ingest that fails behind its first table."""
    with contextlib.suppress(ZeroDivisionError), recorded_run(spark, "ingest", "files", "", tables=("gaps",)) as run:
        committed(spark, "gaps", lambda: insert_gap(spark))
        raise ZeroDivisionError
    return run.run_id


def finish(spark):
    with recorded_run(spark, "ingest", "files", "", tables=("gaps",)) as run:
        committed(spark, "gaps", lambda: insert_gap(spark))
    return run.run_id


def found(findings):
    return [(one.check, one.severity, one.subject) for one in findings]


def test_a_killed_run_is_told_from_one_that_goes_on(spark, folder):
    Run(spark, "ingest", "files", "", "ingest_1", datetime(2026, 3, 1, 9, 15)).begin()
    lock = folder / "_locks" / "ingest.lock"
    lock.parent.mkdir()
    lock.touch()
    (one,) = check_unfinished_runs(spark, folder)
    assert (one.check, one.severity, one.subject) == ("run", "warning", "ingest_1")
    assert one.finding == "ingest, begun at 2026-03-01 09:15 UTC, ended without a word"
    assert one.remedy.startswith("foretable ingest:")
    with lock.open() as place:
        fcntl.flock(place, fcntl.LOCK_EX)
        assert found(check_unfinished_runs(spark, folder)) == []


def test_rows_behind_a_broken_run_are_named_with_the_command_that_finishes_it(spark, folder):
    finish(spark)
    assert found(check_publication(spark)) == []
    run_id = break_off(spark)
    (one,) = check_publication(spark)
    assert (one.check, one.severity, one.subject) == ("publication", "warning", "gaps")
    assert one.finding == f"readers see version 1 of 2: {run_id}, which wrote the next one, is failed"
    assert one.remedy == "foretable ingest: it finishes what that run began"
    finish(spark)
    assert found(check_publication(spark)) == []


def test_a_published_version_whose_files_are_gone_is_an_error(spark, folder):
    finish(spark)
    for file in (folder / "gaps").glob("*.parquet"):
        file.unlink()
    assert found(check_publication(spark)) == [("publication", "error", "gaps")]


def test_a_damaged_publication_file_is_an_error(spark, folder):
    (folder / "_last_good.json").write_text('{"gaps": ')
    assert found(check_publication(spark)) == [("publication", "error", "_last_good.json")]


def test_a_published_table_that_was_dropped_is_told(spark, folder):
    spark.sql("CREATE TABLE scored (a INT)")
    with recorded_run(spark, "batch_predict", "scored", "", tables=("scored",)):
        committed(spark, "scored", lambda: spark.sql("INSERT INTO scored VALUES (1)"))
    assert found(check_publication(spark)) == []
    spark.sql("DROP TABLE scored")
    assert found(check_publication(spark)) == [("publication", "info", "scored")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spark.delta.logStore.file.impl", "org.apache.spark.sql.delta.storage.HDFSLogStore"),
        ("spark.databricks.delta.retentionDurationCheck.enabled", "false"),
        ("spark.sql.session.timeZone", "Europe/Berlin"),
        ("spark.sql.ansi.enabled", "False"),
        ("spark.sql.files.ignoreCorruptFiles", "true"),
        ("spark.sql.files.ignoreMissingFiles", "TRUE"),
    ],
)
def test_a_setting_that_endangers_tables_or_numbers_is_an_error(name, value):
    assert found(check_settings({name: value, "spark.driver.memory": "2g"})) == [("setting", "error", name)]


def test_settings_that_change_nothing_are_no_finding():
    assert found(check_settings({"spark.sql.ansi.enabled": "TRUE", "spark.sql.session.timeZone": "UTC"})) == []


def test_the_aside_of_a_commit_that_was_killed_is_a_leftover_after_a_day(tmp_path):
    log = tmp_path / "warehouse" / "foretable.db" / "bars" / "_delta_log"
    log.mkdir(parents=True)
    aside = log / ".00000000000000000001.json.1f2e.tmp"
    aside.touch()
    (log / "00000000000000000000.json").touch()
    assert found(check_leftovers(tmp_path)) == []
    os.utime(aside, (1, 1))
    os.utime(log / "00000000000000000000.json", (1, 1))
    assert found(check_leftovers(tmp_path)) == [("leftover", "info", str(aside))]
    shutil.rmtree(tmp_path / "warehouse")
    assert found(check_leftovers(tmp_path)) == []
