"""Maintenance rewrites files, never rows; what it leaves is read by deltalake, an implementation of its own."""

import contextlib
import hashlib
import json
import os
import time

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from jobs import cli
from jobs.commands.maintain import maintain as command
from jobs.commits import committed
from jobs.maintain import (
    Upkeep,
    _size,
    _talk_to_stderr,
    check_retain_hours,
    choose_tables,
    maintain,
    plan_maintenance,
    refuse_idle,
)
from jobs.runs import recorded_run
from jobs.table_log import table_log
from jobs.table_versions import changed_rows
from jobs.tables import TABLES
from models.errors import DataContractError, NothingToDo, SafetyError

HOUR_SECONDS = 3_600


@pytest.fixture
def ticks(spark, schema, home):
    """Folder of a clustered table of three files in versions 1 to 3, with two files that no version ever named."""
    spark.sql(
        "CREATE TABLE ticks (tick BIGINT, note STRING) USING delta CLUSTER BY (tick) "
        "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    )
    for first in (0, 2, 4):
        rows = spark.createDataFrame([(first, "a"), (first + 1, None)], "tick bigint, note string").coalesce(1)
        rows.write.format("delta").mode("append").saveAsTable("ticks")
    folder = home / "warehouse" / f"{schema}.db" / "ticks"
    for name, hours in (("old", 169), ("young", 167)):
        file = folder / f"{name}.parquet"
        file.write_bytes(b"of a writer that was killed")
        os.utime(file, (time.time() - hours * HOUR_SECONDS,) * 2)
    return folder


def content(folder, version=None):
    """Number of rows and digest of the rows, whatever their order."""
    rows = DeltaTable(folder, version=version).to_pyarrow_table().to_pylist()
    ordered = sorted(repr(sorted(row.items())) for row in rows)
    return len(rows), hashlib.sha256("\n".join(ordered).encode()).hexdigest()


def on_disk(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_files_change_and_rows_do_not(spark, ticks):
    before = content(ticks)
    (one,) = maintain(spark, ["ticks"])
    assert (one.table, one.action, one.version_before) == ("ticks", "optimize, vacuum", 3)
    assert (one.files_before, one.files_after, one.files_removed) == (3, 1, 1)
    now = DeltaTable(ticks)
    assert one.version_after == now.version()
    assert one.bytes_after == sum((ticks / file).stat().st_size for file in now.to_pyarrow_dataset().files)
    assert content(ticks) == before == (6, before[1])
    assert content(ticks, version=3) == before  # an old version is still read from its own files
    assert changed_rows(spark, "ticks", 3, one.version_after).count() == 0  # no work for the jobs that read it
    assert not (ticks / "old.parquet").exists()
    assert (ticks / "young.parquet").exists()
    run = spark.table("runs").first()
    assert (run.job, run.target, run.state) == ("maintain", "ticks", "done")
    assert (run.inputs, run.outputs) == ({"ticks": 3}, {"ticks": one.version_after})

    untouched = on_disk(ticks)
    again = maintain(spark, ["TICKS", "ticks"])
    assert [(row.action, row.version_before, row.version_after) for row in again] == [("none", *[now.version()] * 2)]
    assert on_disk(ticks) == untouched
    assert spark.table("runs").count() == 1


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(spark, ticks, make_app, capsys):
    untouched = on_disk(ticks)
    command.main(["ticks", "--dry-run"], obj=make_app(), standalone_mode=False)
    assert '"action": "optimize, vacuum", "version_before": 3, "version_after": null' in (
        out := capsys.readouterr().out
    )
    assert '"files_removed": 1' in out
    assert on_disk(ticks) == untouched
    assert spark.table("runs").count() == 0


def test_every_delta_table_is_meant_without_a_name_and_no_view(spark, schema):
    spark.sql("CREATE TABLE another (x INT) USING delta")
    spark.sql("CREATE VIEW seen AS SELECT * FROM another")
    spark.range(1).createOrReplaceTempView("passing")
    assert choose_tables(spark, []) == [*TABLES, "another"]
    spark.catalog.dropTempView("passing")


def test_an_unknown_table_is_refused_with_the_names_near_it(spark, schema):
    with pytest.raises(
        DataContractError, match=r"no Delta table bar in this schema: the nearest are bars, "
    ) as refused:
        maintain(spark, ["runs", "bar"])
    assert refused.value.exit_code == 3
    with pytest.raises(DataContractError, match="no Delta table models"):  # a view
        plan_maintenance(spark, ["models"])


def test_the_table_of_runs_does_not_give_itself_work_for_ever(spark, schema):
    for _ in range(2):
        with recorded_run(spark, "resample", "bars", ""):
            pass
    (one,) = plan_maintenance(spark, ["runs"])
    assert (one.files_before >= 2, one.action) == (True, "none")


def test_a_short_retention_is_refused_before_spark_starts(capsys):
    check_retain_hours(168)
    with pytest.raises(SafetyError):
        check_retain_hours(167)
    assert cli.run(["maintain", "--retain-hours", "167"]) == 77
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("foretable: --retain-hours 167 is below 168: queries that still read an older version")
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("function", [maintain, plan_maintenance])
def test_a_short_retention_is_refused_by_the_job_itself(function):
    with pytest.raises(SafetyError, match="take 168 or more"):
        function(None, ["orders"], 24)


def test_nothing_to_do_is_told_to_a_scheduler():
    idle = Upkeep("bars", "none", 3, 3, 1, 1, 10, 10, 0)
    busy = Upkeep("runs", "optimize", 3, 4, 10, 1, 99, 10, 0)
    refuse_idle([idle, busy])
    with pytest.raises(NothingToDo, match="every table is compact"):
        refuse_idle([idle])


def test_what_vacuum_prints_does_not_stand_amid_the_data(spark):
    console = getattr(getattr(spark._jvm.scala, "Console$"), "MODULE$")
    system = spark._jvm.java.lang.System
    with _talk_to_stderr(spark):
        assert console.out().equals(system.err)
    assert not console.out().equals(system.err)


def append(spark, number):
    spark.sql("INSERT INTO ticks VALUES (:number, 'a')", args={"number": number})


def test_a_checkpoint_gathers_the_log_where_it_has_grown(spark, schema, home):
    spark.sql("CREATE TABLE ticks (tick BIGINT, note STRING) USING delta")
    for number in range(8):
        append(spark, number)
    assert table_log(spark, "ticks").checkpoint_version == -1
    (one,) = maintain(spark, ["ticks"])
    assert (one.action, one.version_before, one.version_after) == ("optimize, checkpoint", 8, 9)
    assert table_log(spark, "ticks").checkpoint_version == 9
    folder = home / "warehouse" / f"{schema}.db" / "ticks"
    for entry in (folder / "_delta_log").glob("*.json"):
        entry.unlink()  # an independent reader needs the checkpoint alone, which has the statistics too
    table = DeltaTable(folder)
    assert content(folder)[0] == 8
    assert pa.table(table.get_add_actions(flatten=True))["max.tick"].to_pylist() == [7]


def test_the_version_that_readers_see_keeps_its_files_however_old(spark, schema, home):
    """An unfinished run has replaced all files nine days ago: VACUUM of the newest version alone would take them."""
    spark.sql("CREATE TABLE ticks (tick BIGINT, note STRING) USING delta")
    with recorded_run(spark, "tick", "t", "d", tables=("ticks",)):
        committed(spark, "ticks", lambda: append(spark, 1))
    with contextlib.suppress(ZeroDivisionError), recorded_run(spark, "tick", "t", "d", tables=("ticks",)):
        committed(spark, "ticks", lambda: spark.sql("INSERT OVERWRITE ticks VALUES (2, 'b')"))
        raise ZeroDivisionError
    folder = home / "warehouse" / f"{schema}.db" / "ticks"
    age(spark, folder, hours=9 * 24)
    assert spark.sql("VACUUM ticks RETAIN 168 HOURS DRY RUN").count() == 1
    (one,) = maintain(spark, ["ticks"])
    assert (one.action, one.files_removed) == ("none", 0)
    assert one.note.startswith("readers see version 1 for longer than 168 hours: foretable doctor")
    assert [row.tick for row in spark.sql("SELECT tick FROM `ticks@good`").collect()] == [1]
    with recorded_run(spark, "tick", "t", "d", tables=("ticks",)):  # the rerun finishes and publishes
        committed(spark, "ticks", lambda: append(spark, 3))
    (one,) = maintain(spark, ["ticks"])
    assert ("vacuum" in one.action, one.note) == (True, "")
    assert sorted(row.tick for row in spark.sql("SELECT tick FROM `ticks@good`").collect()) == [2, 3]


def age(spark, folder, hours):
    """Let all that a table has done so far lie further back: times in the log, and of its files."""
    for file in folder.rglob("*"):
        if file.suffix == ".json":
            moved = []
            for line in file.read_text().splitlines():
                action = json.loads(line)
                for part in action.values():
                    for name in ("timestamp", "deletionTimestamp", "modificationTime", "inCommitTimestamp"):
                        if name in part:
                            part[name] -= hours * HOUR_SECONDS * 1000
                moved.append(json.dumps(action))
            file.write_text("\n".join(moved) + "\n")
        elif file.suffix == ".crc":
            file.unlink()
    for file in folder.rglob("*"):
        if file.exists():
            os.utime(file, (time.time() - hours * HOUR_SECONDS,) * 2)
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.mark.slow
def test_maintenance_in_the_middle_of_a_run_and_one_that_was_killed_keep_no_reader_waiting(spark, ticks, monkeypatch):
    with recorded_run(spark, "tick", "t", "d", tables=("ticks",)):
        committed(spark, "ticks", lambda: append(spark, 10))
        maintain(spark, ["ticks"])
        assert content(ticks)[0] == 7
        assert spark.table("`ticks@good`").count() == 6  # nothing of the run that goes on
        append(spark, 11)
    assert spark.table("`ticks@good`").count() == 8
    with monkeypatch.context() as patch:
        patch.setattr("jobs.maintain._size", lambda delta, real=_size: real(delta) if optimized(delta) < 2 else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            maintain(spark, ["ticks"])
    assert spark.table("runs").where("job = 'maintain' AND state = 'failed'").count() == 1
    with recorded_run(spark, "tock", "t", "d", tables=("ticks",)):
        committed(spark, "ticks", lambda: append(spark, 12))
    assert spark.table("`ticks@good`").count() == 9


def optimized(delta):
    return delta.history().where("operation = 'OPTIMIZE'").count()
