"""Tables that Arrow reads and writes itself: Spark and we see the same rows, and no other writer's work is lost."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow.compute as pc
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from jobs.commits import with_retries
from jobs.small_table import SmallTable
from jobs.spark_errors import translate
from jobs.table_log import table_log
from models.errors import DataContractError, TryAgainError

AT = datetime(2026, 3, 1, 12, 30, 0, 123_456, tzinfo=UTC)
FULL = {"name": "ü", "number": -5, "share": 0.25, "at": AT, "counts": {"a": 1, "b": None}, "is_good": True}
EMPTY = {"name": "none", "number": None, "share": None, "at": None, "counts": None, "is_good": None}


@pytest.fixture
def notes(spark, schema):
    """A table with a column of each type that ``runs`` has, and what opens it anew."""
    spark.sql(
        "CREATE TABLE notes (name STRING NOT NULL, number BIGINT, share DOUBLE, at TIMESTAMP, counts MAP<STRING, BIGINT>, "
        "is_good BOOLEAN) TBLPROPERTIES (delta.dataSkippingNumIndexedCols = 0)"
    )
    return lambda: SmallTable(spark, "notes")


def by_spark(spark):
    rows = [row.asDict() for row in spark.table("notes").collect()]
    return sorted((with_zone(row) for row in rows), key=lambda row: row["name"])


def by_us(table, columns=None):
    rows = table.rows(columns).to_pylist()
    return sorted((with_map(row) for row in rows), key=lambda row: row["name"])


def with_zone(row):
    return row | {"at": row["at"] and row["at"].replace(tzinfo=UTC)}


def with_map(row):
    return row | ({"counts": row["counts"] and dict(row["counts"])} if "counts" in row else {})


def test_what_we_append_is_read_by_spark_and_by_us(spark, notes):
    assert by_us(notes()) == []
    for row in (FULL, EMPTY):
        notes().append(row)
    assert by_spark(spark) == by_us(notes()) == [EMPTY, FULL]


def test_what_spark_writes_is_read_by_us(spark, notes):
    spark.sql(
        "INSERT INTO notes VALUES ('none', NULL, NULL, NULL, NULL, NULL), "
        "('ü', -5, 0.25, TIMESTAMP '2026-03-01 12:30:00.123456', map('a', 1L, 'b', NULL), true)"
    )
    assert by_us(notes()) == [EMPTY, FULL]
    assert by_us(notes(), ["number", "name"]) == [{"number": None, "name": "none"}, {"number": -5, "name": "ü"}]


def test_only_the_rows_that_are_meant_change_and_a_null_is_not_meant(spark, notes):
    spark.sql(
        "INSERT INTO notes (name, number) SELECT /*+ COALESCE(1) */ * FROM VALUES ('a', 1), ('b', 2), ('c', NULL)"
    )
    notes().change(pc.field("number") > 1, {"share": math.pi, "counts": {"x": 2**60}, "at": AT})
    rows = {row["name"]: (row["number"], row["share"], row["counts"], row["at"]) for row in by_spark(spark)}
    nothing = (None, None, None)
    assert rows == {"a": (1, *nothing), "b": (2, math.pi, {"x": 2**60}, AT), "c": (None, *nothing)}


def test_a_change_that_means_no_row_writes_no_version(spark, notes):
    notes().append(FULL)
    version = table_log(spark, "notes").version
    notes().change(pc.field("name") == "nobody", {"number": 1})
    assert table_log(spark, "notes").version == version


def test_a_change_puts_many_small_files_together_and_keeps_every_row(spark, notes):
    for number in range(22):
        notes().append(EMPTY | {"name": f"{number:02d}", "number": number})
    notes().change(pc.field("number") == 7, {"is_good": True})
    assert len(spark.table("notes").inputFiles()) == 1
    assert [(row["number"], row["is_good"]) for row in by_spark(spark)] == [(n, n == 7 or None) for n in range(22)]
    assert by_us(notes()) == by_spark(spark)


def test_a_column_that_came_later_is_null_in_older_files(spark, notes):
    notes().append(FULL)
    spark.sql("ALTER TABLE notes ADD COLUMN remark STRING")
    assert by_us(notes()) == [FULL | {"remark": None}]
    notes().change(pc.field("name") == "ü", {"remark": "new"})
    assert by_spark(spark) == [FULL | {"remark": "new"}]


@pytest.mark.parametrize("between", ["UPDATE notes SET number = 1", "INSERT INTO notes (name) VALUES ('other')"])
def test_a_change_of_what_another_has_written_to_meanwhile_is_refused(spark, notes, between):
    notes().append(FULL)
    late = notes()
    spark.sql(between)
    before = by_spark(spark)
    with pytest.raises((PySparkException, Py4JJavaError)) as raised:
        late.change(pc.field("name") == "ü", {"share": 2.0})
    assert isinstance(translate(raised.value), TryAgainError)
    assert by_spark(spark) == before


def test_a_row_is_appended_whatever_others_write_meanwhile(spark, notes):
    notes().append(FULL)
    ours = notes()
    spark.sql("INSERT INTO notes (name) VALUES ('other')")
    ours.append(EMPTY)
    assert [row["name"] for row in by_spark(spark)] == ["none", "other", "ü"]


def test_changes_of_many_threads_all_come_through(spark, notes):
    for number in range(4):
        notes().append(EMPTY | {"name": f"{number}"})

    def change(number):
        with_retries(lambda: notes().change(pc.field("name") == f"{number}", {"number": number}))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, range(4)))
    assert [row["number"] for row in by_spark(spark)] == [0, 1, 2, 3]


def test_a_commit_carries_the_tag_of_the_session(spark, notes):
    spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", "who")
    try:
        notes().append(FULL)
    finally:
        spark.conf.unset("spark.databricks.delta.commitInfo.userMetadata")
    last = spark.sql("DESCRIBE HISTORY notes LIMIT 1").first()
    assert (last.userMetadata, last.isBlindAppend) == ("who", True)


def test_files_are_found_without_deltas_checksums_too(spark, notes, home, schema):
    notes().append(FULL)
    for checksum in (home / "warehouse" / f"{schema}.db" / "notes" / "_delta_log").glob("*.crc"):
        checksum.unlink()
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    assert by_us(notes()) == [FULL]


def test_a_file_elsewhere_comes_through_hadoop(notes, monkeypatch):
    """A stand-in for object storage: the file is read as bytes, as where it has no path on this machine."""
    notes().append(FULL)
    table = notes()

    class Elsewhere:
        def __init__(self, inner):
            self.inner = inner

        def localPath(self, name):
            return ""

        def read(self, name):
            return self.inner.read(name)

    table._table = Elsewhere(table._table)
    assert by_us(table) == [FULL]


def test_a_table_that_is_not_there_is_one_sentence(spark, schema):
    with pytest.raises(DataContractError, match="there is no Delta table nowhere: SHOW TABLES lists what is there"):
        SmallTable(spark, "nowhere")


def test_a_table_whose_files_are_not_the_whole_truth_is_refused(spark, schema):
    spark.sql("CREATE TABLE marked (name STRING) TBLPROPERTIES (delta.enableDeletionVectors = true)")
    with pytest.raises(PySparkException) as raised:
        SmallTable(spark, "marked")
    told = translate(raised.value)
    assert isinstance(told, DataContractError)
    assert "marked has deletion vectors or renamed columns: ALTER TABLE marked DROP FEATURE" in str(told)


def test_the_log_counts_rows_for_those_who_ask_it(spark, notes, home, schema):
    notes().append(FULL)
    log = home / "warehouse" / f"{schema}.db" / "notes" / "_delta_log" / f"{1:020d}.json"
    (added,) = [line["add"] for line in map(json.loads, log.read_text().splitlines()) if "add" in line]
    assert json.loads(added["stats"]) == {"numRecords": 1}
    assert spark.table("notes").count() == 1
