"""Whether the changes since an earlier run can still be told, and which files hold the rows of a version."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.table_versions import changed_rows, plain_files, rows_at, usable_since


@pytest.fixture
def table(spark, schema):
    """Versions 0 (made), 1 and 2 (a row each)."""
    spark.sql("CREATE TABLE kept (x INT) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    for x in (1, 2):
        spark.sql("INSERT INTO kept VALUES (:x)", args={"x": x})
    return "kept"


def test_the_versions_of_an_earlier_run_are_used_while_its_files_are_there(spark, table):
    assert usable_since(spark, {table: 1}, {table: 2}) == {table: 1}
    assert [row.x for row in changed_rows(spark, table, 1, 2).collect()] == [2]
    assert usable_since(spark, {table: 2}, {table: 2}) == {table: 2}


def test_a_table_that_was_made_anew_has_no_earlier_run(spark, table):
    assert usable_since(spark, {table: 7}, {table: 2}) is None
    assert usable_since(spark, {}, {table: 2}) is None
    assert usable_since(spark, None, {table: 2}) is None


def test_a_vacuum_that_may_have_deleted_files_of_the_feed_asks_for_a_rebuild(spark, table):
    spark.sql("OPTIMIZE kept")
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        spark.sql("VACUUM kept RETAIN 0 HOURS")
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    newest = spark.sql("DESCRIBE HISTORY kept").agg({"version": "max"}).first()[0]
    assert usable_since(spark, {table: 1}, {table: newest}) is None


def test_a_vacuum_that_keeps_a_week_takes_nothing_from_a_run_of_today(spark, table):
    spark.sql("VACUUM kept")
    newest = spark.sql("DESCRIBE HISTORY kept").agg({"version": "max"}).first()[0]
    assert newest > 2
    assert usable_since(spark, {table: 1}, {table: newest}) == {table: 1}


def test_the_files_of_a_version_hold_its_rows(spark, table):
    for version, rows in ((1, [1]), (2, [1, 2])):
        files = plain_files(spark, table, rows_at(spark, table, version))
        assert sorted(x for file in files for x in pq.read_table(file)["x"].to_pylist()) == rows


def test_a_name_with_blanks_and_signs_is_the_name_of_the_file(spark, schema, tmp_path):
    folder = tmp_path / "a b%20é"
    spark.range(1).write.format("delta").save(str(folder))
    spark.sql(f"CREATE TABLE named USING delta LOCATION '{folder}'")
    (file,) = plain_files(spark, "named", spark.table("named"))
    assert Path(file).is_file()


@pytest.mark.parametrize("feature", ["delta.enableDeletionVectors = true", "delta.columnMapping.mode = 'name'"])
def test_files_that_are_not_the_whole_truth_are_not_named(spark, table, feature):
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({feature})")
    assert plain_files(spark, table, spark.table(table)) is None
