"""Tables and views of a schema: made, completed and read; statements take their parameters by name."""

import pytest
from pyspark.sql.types import StructType

from jobs import tables
from jobs.quote_bars import QUOTE_COLUMNS
from jobs.tables import TABLES, create_tables, run_sql, sql_text, table_version
from models.errors import DataContractError, UsageError


def test_every_table_of_the_design_exists_and_says_what_one_row_is(spark, schema):
    for table in TABLES:
        assert spark.table(table).count() == 0
        comment = spark.sql("DESCRIBE TABLE EXTENDED IDENTIFIER(:t)", args={"t": table}).where("col_name = 'Comment'")
        assert comment.collect()[0].data_type.startswith("One row is")


def test_every_column_carries_a_comment(spark, schema):
    for table in TABLES:
        for field in spark.table(table).schema:
            assert "comment" in field.metadata, f"{table}.{field.name}"


ADDED = {
    "runs": ("run_number", "input_files", "before", "timings"),
    "ingested_files": ("n_disordered",),
    "quotes": ("order_flow",),
    "bars": ("last_trade_at", "last_event_at", *QUOTE_COLUMNS),
}


@pytest.mark.parametrize("table", ADDED)
def test_a_table_of_an_earlier_version_gains_the_columns_that_it_lacks(spark, schema, table):
    now = spark.table(table).schema
    spark.sql("DROP TABLE IDENTIFIER(:table)", args={"table": table})
    older = StructType([field for field in now if field.name not in ADDED[table]])
    spark.createDataFrame([], older).write.format("delta").saveAsTable(table)
    create_tables(spark)
    kinds = {field.name: field.dataType for field in now}
    assert {field.name: field.dataType for field in spark.table(table).schema} == kinds
    assert ADDED.keys() == tables._OLDER.keys()


def test_a_missing_parameter_is_refused_by_name(spark, monkeypatch):
    monkeypatch.setattr("jobs.tables.sql_text", lambda _: "SELECT :horizon -- not :this\n, ':nor_this', x::int FROM t")
    with pytest.raises(UsageError, match=r"q\.sql lacks a value for horizon$"):
        run_sql(spark, "q")


def test_an_extra_parameter_is_refused_by_name(spark):
    with pytest.raises(UsageError, match=r"ddl/bars\.sql has no parameter width; it has none"):
        run_sql(spark, "ddl/bars", width=60)


def test_table_version_counts_commits(spark, schema):
    assert table_version(spark, "gaps") == 0
    spark.sql("INSERT INTO gaps VALUES ('x', 'A', 0, 5, 6, 2, TIMESTAMP'2024-01-01', TIMESTAMP'2024-01-02')")
    assert table_version(spark, "gaps") == 1


def test_table_version_of_an_unknown_table_names_it(spark, schema):
    with pytest.raises(DataContractError, match="there is no Delta table nowhere"):
        table_version(spark, "nowhere")


def test_sql_text_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sql_text("ddl/bars").startswith("-- Bars")
