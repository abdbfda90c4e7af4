"""Whether the changes since an earlier run can still be told."""

import pytest

from jobs.table_versions import changed_rows, usable_since


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
