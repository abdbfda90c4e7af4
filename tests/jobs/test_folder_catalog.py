import json
import shutil
import subprocess
import sys

import pytest
from pyspark.errors import AnalysisException

from jobs.session import use_schema
from jobs.tables import PUBLISHED, REGISTRY_VIEWS

WRITE = """
import sys, pyarrow as pa, deltalake
folder, mode, *values = sys.argv[1:]
deltalake.write_deltalake(folder, pa.table({"x": [int(value) for value in values]}), mode=mode)
"""

ANOTHER_SPARK = """
import json, sys
from pathlib import Path
from jobs.session import SessionSettings, start_session
home, schema, *statements = sys.argv[1:]
spark = start_session(SessionSettings(Path(home), schema, "local[1]", spark={"spark.driver.memory": "1g"}))
print(json.dumps([[list(row) for row in spark.sql(text).collect()] for text in statements]))
spark.stop()
"""


@pytest.fixture
def folder(home, schema):
    """Folder of the current schema in the warehouse."""
    return home / "warehouse" / f"{schema}.db"


def write_elsewhere(table, *values, mode="error"):
    """Write a Delta table from another process that knows nothing of Spark."""
    subprocess.run([sys.executable, "-c", WRITE, str(table), mode, *map(str, values)], check=True)


def names(spark):
    """What a catalog holds, without the temporary views that other tests may have left in the session."""
    return {row.tableName for row in spark.sql("SHOW TABLES").collect() if not row.isTemporary}


def values(spark, text):
    return sorted(row[0] for row in spark.sql(text).collect())


def definitions(folder):
    """Files of a schema's definitions, without those of the views that every schema has."""
    ours = {f"{view}.view.json" for view in (*REGISTRY_VIEWS, *(f"published_{table}" for table in PUBLISHED))}
    return sorted({file.name for file in (folder / "_definitions").glob("*")} - ours)


def test_a_table_of_another_process_is_there_at_once(spark, folder):
    write_elsewhere(folder / "made_elsewhere", 1, 2)
    assert values(spark, "SELECT x FROM made_elsewhere") == [1, 2]
    write_elsewhere(folder / "made_elsewhere", 3, mode="append")
    assert values(spark, "SELECT x FROM Made_Elsewhere") == [1, 2, 3]


def test_a_table_of_another_process_is_listed(spark, folder):
    before = names(spark)
    write_elsewhere(folder / "made_elsewhere", 1)
    assert names(spark) - before == {"made_elsewhere"}


def test_a_table_that_another_process_made_takes_our_rows(spark, folder):
    import deltalake

    write_elsewhere(folder / "shared", 1)
    spark.sql("INSERT INTO shared VALUES (2)")
    assert sorted(deltalake.DeltaTable(folder / "shared").to_pyarrow_table()["x"].to_pylist()) == [1, 2]


def test_a_table_that_another_process_dropped_is_forgotten(spark, folder):
    spark.sql("CREATE TABLE short_lived AS SELECT 1 AS x")
    shutil.rmtree(folder / "short_lived")
    assert "short_lived" not in names(spark)
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("SELECT * FROM short_lived")
    spark.sql("CREATE TABLE short_lived AS SELECT 'again' AS word")
    assert values(spark, "SELECT word FROM short_lived") == ["again"]


def test_a_table_that_lost_its_log_is_forgotten_and_its_files_stay(spark, folder, tmp_path):
    spark.sql("CREATE TABLE damaged AS SELECT 1 AS x")
    assert values(spark, "SELECT x FROM damaged") == [1]
    log = folder / "damaged" / "_delta_log"
    shutil.move(log, tmp_path)
    log.mkdir()  # as another process leaves it that has begun to write the table
    assert "damaged" not in names(spark)
    assert len(list((folder / "damaged").glob("*.parquet"))) == 1
    log.rmdir()
    shutil.move(tmp_path / "_delta_log", log)
    assert values(spark, "SELECT x FROM damaged") == [1]


def test_a_table_that_others_made_and_dropped_is_forgotten_too(spark, folder):
    write_elsewhere(folder / "passing", 1)
    assert values(spark, "SELECT x FROM passing") == [1]
    shutil.rmtree(folder / "passing")
    assert "passing" not in names(spark)
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("SELECT * FROM passing")


def test_a_schema_of_another_process_is_found(spark, home, schema):
    write_elsewhere(home / "warehouse" / f"{schema}_other.db" / "t", 7)
    assert values(spark, f"SELECT x FROM {schema}_other.t") == [7]
    use_schema(spark, f"{schema}_other")
    assert names(spark) == {"t"}


def test_a_name_cannot_lead_out_of_its_schema(spark, home, folder, schema):
    write_elsewhere(home / "warehouse" / f"{schema}_other.db" / "secret", 7)
    for name in (f"../{schema}_other.db/secret", "../../../x", "..", ".", "a/b", "x\ny"):
        with pytest.raises(AnalysisException, match=r"TABLE_OR_VIEW_NOT_FOUND|INVALID"):
            spark.sql(f"SELECT * FROM `{name}`")
    with pytest.raises(AnalysisException, match="INVALID"):
        spark.sql("CREATE VIEW `../escaped` AS SELECT 1 AS x")
    assert definitions(folder) == []


def test_a_persistent_view_is_kept_as_a_file_until_it_is_dropped(spark, folder):
    spark.sql("CREATE VIEW doubled (twice COMMENT 'two times id') AS SELECT id * 2 AS x FROM range(3)")
    assert definitions(folder) == ["doubled.view.json"]
    spark.sql("DROP VIEW doubled")
    assert definitions(folder) == []


def test_create_or_replace_and_rename_move_the_file_along(spark, folder):
    spark.sql("CREATE VIEW one AS SELECT 1 AS x")
    spark.sql("CREATE OR REPLACE VIEW one AS SELECT 2 AS x")
    spark.sql("ALTER VIEW one RENAME TO other")
    assert definitions(folder) == ["other.view.json"]
    assert "SELECT 2 AS x" in (folder / "_definitions" / "other.view.json").read_text()


def test_a_temporary_view_leaves_no_file(spark, folder):
    spark.sql("CREATE TEMPORARY VIEW passing AS SELECT 1 AS x")
    spark.sql("DROP VIEW passing")
    assert definitions(folder) == []


def test_views_and_functions_come_back_from_their_files(spark, home, folder, schema):
    spark.sql("CREATE TABLE base AS SELECT id AS x FROM range(3)")
    spark.sql("CREATE VIEW doubled COMMENT 'x twice' AS SELECT x * 2 AS twice FROM base")
    spark.sql("CREATE VIEW quadrupled AS SELECT twice * 2 AS four FROM doubled")
    spark.sql("CREATE FUNCTION add_one(x BIGINT) RETURNS BIGINT RETURN x + 1")
    assert definitions(folder) == ["add_one.function.json", "doubled.view.json", "quadrupled.view.json"]
    # The copy is a schema that this process has never seen: only the files can tell what is in it.
    shutil.copytree(folder, home / "warehouse" / f"{schema}_copy.db")
    use_schema(spark, f"{schema}_copy")
    assert values(spark, "SELECT four FROM quadrupled") == [0, 4, 8]
    assert values(spark, "SELECT add_one(twice) FROM doubled") == [1, 3, 5]
    described = {row.col_name: row.data_type for row in spark.sql("DESCRIBE EXTENDED doubled").collect()}
    assert described["Comment"] == "x twice"


def test_a_new_session_of_the_process_sees_views_and_functions(spark, folder, schema):
    spark.sql("CREATE VIEW seven AS SELECT 7 AS x")
    spark.sql("CREATE FUNCTION add_two(x BIGINT) RETURNS BIGINT RETURN x + 2")
    other = spark.newSession()
    other.sql(f"USE {schema}")
    assert values(other, "SELECT add_two(x) FROM seven") == [9]


def test_a_view_that_another_process_changed_or_dropped_follows(spark, folder):
    spark.sql("CREATE VIEW word AS SELECT 'old' AS w")
    file = folder / "_definitions" / "word.view.json"
    aside = file.with_name(".word")
    aside.write_text(file.read_text().replace("'old'", "'new'"))
    aside.replace(file)
    assert values(spark, "SELECT w FROM word") == ["new"]
    file.unlink()
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("SELECT * FROM word")
    assert "word" not in names(spark)


def test_a_function_that_was_dropped_leaves_no_file(spark, folder):
    spark.sql("CREATE FUNCTION add_three(x BIGINT) RETURNS BIGINT RETURN x + 3")
    spark.sql("DROP FUNCTION add_three")
    assert definitions(folder) == []


@pytest.mark.slow
def test_two_open_sessions_see_each_others_tables_views_and_functions(spark, home, folder, schema):
    spark.sql("CREATE TABLE ours AS SELECT id AS x FROM range(3)")
    spark.sql("CREATE VIEW doubled AS SELECT x * 2 AS twice FROM ours")
    spark.sql("CREATE FUNCTION add_one(x BIGINT) RETURNS BIGINT RETURN x + 1")
    spark.sql("CREATE VIEW gone AS SELECT 1 AS x")
    statements = [
        "SELECT sum(add_one(twice)) FROM doubled",
        "CREATE TABLE theirs AS SELECT twice + 100 AS y FROM doubled",
        "CREATE OR REPLACE VIEW doubled AS SELECT x * 3 AS twice FROM ours",
        "CREATE VIEW over_view AS SELECT max(twice) AS top FROM doubled",
        "DROP VIEW gone",
        "INSERT INTO ours VALUES (10)",
    ]
    command = [sys.executable, "-c", ANOTHER_SPARK, str(home), schema, *statements]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
    assert json.loads(said.splitlines()[-1])[0] == [[1 + 3 + 5]]
    assert values(spark, "SELECT y FROM theirs") == [100, 102, 104]
    assert values(spark, "SELECT twice FROM doubled") == [0, 3, 6, 30]
    assert values(spark, "SELECT top FROM over_view") == [30]
    assert "gone" not in names(spark)
