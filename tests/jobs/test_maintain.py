"""Maintenance rewrites files, never rows; what it leaves is read by deltalake, an implementation of its own."""

import hashlib
import os
import time

import pytest
from deltalake import DeltaTable

from jobs import cli
from jobs.commands.maintain import maintain as command
from jobs.maintain import (
    Upkeep,
    _talk_to_stderr,
    check_retain_hours,
    choose_tables,
    maintain,
    plan_maintenance,
    refuse_idle,
)
from jobs.runs import recorded_run
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
