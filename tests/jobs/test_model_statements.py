"""SHOW, DESCRIBE, ALTER, DROP, EXPORT MODEL, EXPLAIN PREDICT, and the views over the registry."""

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from jobs.commands.models import models
from models.artifact import load_scorer
from models.registry import CHAMPION


@pytest.fixture
def run(spark):
    return lambda text: spark.sql(text).collect()


@pytest.fixture
def two_versions(registry, register):
    """A ridge with versions 1 (champion) and 2, gone afterwards."""
    first, v1, _ = register("stated")
    second, _, _ = register("stated", seed=1)
    registry.set_alias("stated", CHAMPION, v1.version)
    yield first, second
    for name in {"stated", "restated"} & set(registry.list_models()):
        registry.delete_model(name)


def test_models_and_versions_are_shown(run, two_versions):
    (row,) = run("SHOW MODELS LIKE 'stat*'")
    assert (row.model, row.champion, row.newest, row.family, row.n_versions) == ("stated", 1, 2, "ridge", 2)
    versions = run("SHOW VERSIONS IN MODEL stated")
    assert [(row.version, row.aliases) for row in versions] == [(2, ""), (1, "champion")]
    described = {row.property: row.value for row in run("DESCRIBE MODEL stated")}
    assert (described["version"], described["features"], described["label"]) == ("1", "a, b", "y DOUBLE")
    assert {row.property: row.value for row in run("DESCRIBE MODEL 'stated/2'")}["version"] == "2"


def test_the_views_show_the_registry_of_the_moment(run, schema, two_versions, registry):
    count = "SELECT count(*) FROM model_versions WHERE model = 'stated'"
    assert run(count) == [(2,)]
    registry.delete_version("stated", 2)
    assert run(count) == [(1,)]
    assert run("SELECT champion, family FROM models WHERE model = 'stated'") == [(1, "ridge")]
    assert run("SELECT split, metric, value FROM training_runs WHERE model = 'stated'") == [("test", "mse", 0.1)]


def test_an_alias_moves_and_every_open_session_follows_in_its_next_query(run, spark, two_versions, refusal):
    other = spark.newSession()
    query = "SELECT predict('stated', struct(1D AS a, 2D AS b)) AS p"
    first, second = (model.predict(np.array([[1.0, 2.0]]))[0] for model in two_versions)
    assert (run(query)[0].p, other.sql(query).first().p) == (first, first)
    assert run("ALTER MODEL stated SET ALIAS champion = 2") == [("stated@champion is version 2, before version 1",)]
    assert (run(query)[0].p, other.sql(query).first().p) == (second, second)
    run("ALTER MODEL stated SET ALIAS old = 1")
    assert run("SELECT predict('stated@old', struct(1D AS a, 2D AS b)) AS p")[0].p == first
    run("ALTER MODEL stated UNSET ALIAS old")
    assert "has no alias 'old'" in refusal("SELECT predict('stated@old', struct(1D AS a, 2D AS b))")


def test_a_renamed_model_answers_under_its_new_name(run, two_versions, refusal):
    run("ALTER MODEL stated RENAME TO restated")
    assert "There is no model 'stated'; known models: restated" in refusal("DESCRIBE MODEL stated")
    assert [row.version for row in run("SHOW VERSIONS IN MODEL restated")] == [2, 1]
    assert "model restated exists" in refusal("ALTER MODEL restated RENAME TO restated")
    assert run("ALTER MODEL IF EXISTS stated RENAME TO other") == [("there was no model stated",)]


def test_the_champion_is_dropped_only_with_its_model(run, two_versions, refusal):
    assert "stated/1 is the champion" in refusal("DROP MODEL stated/1")
    assert run("DROP MODEL stated/2") == [("dropped version 2 of model stated",)]
    assert run("DROP MODEL stated") == [("dropped model stated with 1 version",)]
    assert "There is no model 'stated'" in refusal("DROP MODEL stated")
    assert run("DROP MODEL IF EXISTS stated") == [("there was no model stated",)]


def test_an_export_is_the_artifact_and_is_never_written_over_something(run, registry, two_versions, tmp_path, refusal):
    target = tmp_path / "exported"
    (row,) = run(f"EXPORT MODEL stated TO '{target}'")
    version = registry.resolve("stated")
    assert (row.format, row.version) == ("artifact", 1)
    assert load_scorer(target, version.digest).manifest.family == "ridge"
    assert "exists and is not overwritten" in refusal(f"EXPORT MODEL stated TO '{target}'")
    assert "there is no format onx: choose one of onnx" in refusal(f"EXPORT MODEL stated TO '{target}2' FORMAT onx")
    assert "without the form keras: it has artifact, skops" in refusal(
        f"EXPORT MODEL stated TO '{target}2' FORMAT keras"
    )
    assert "give the path from the root on" in refusal("EXPORT MODEL stated TO 'here'")


STOCK_SPARK = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
    "spark.sql.warehouse.dir", sys.argv[2]).getOrCreate()
text = open(sys.argv[1]).read().rstrip().rstrip(";").replace("CREATE OR REPLACE FUNCTION", "CREATE TEMPORARY FUNCTION")
spark.sql(text)
print(repr(spark.sql("SELECT predict_stated(b => 2D, a => 1D) AS p").first().p))
"""


@pytest.mark.slow
def test_a_stock_spark_without_us_scores_with_the_exported_function(run, two_versions, tmp_path):
    run(f"EXPORT MODEL stated TO '{tmp_path}/stated.sql' FORMAT sql")
    command = [sys.executable, "-c", STOCK_SPARK, f"{tmp_path}/stated.sql", str(tmp_path / "warehouse")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    expected = two_versions[0].predict(np.array([[1.0, 2.0]]))[0]
    assert float(done.stdout.split()[-1]) == pytest.approx(expected, abs=1e-12)


def test_the_published_function_follows_a_promotion_in_sessions_that_have_used_it(
    run, spark, schema, two_versions, refusal
):
    first, second = (model.predict(np.array([[1.0, 2.0]]))[0] for model in two_versions)
    run("ALTER MODEL stated SET ALIAS champion = 1")
    other = spark.newSession()
    query = "SELECT foretable.predict_stated(1D, 2D) AS p"
    run("CREATE VIEW published AS SELECT foretable.predict_stated(1D, 2D) AS p")
    assert (run(query)[0].p, other.sql(query).first().p, run("TABLE published")[0].p) == (first, first, first)
    run("ALTER MODEL stated SET ALIAS champion = 2")
    assert (run(query)[0].p, other.sql(query).first().p, run("TABLE published")[0].p) == (second, second, second)
    run("DROP MODEL stated")
    assert "predict_stated" in refusal(query)


def test_the_command_promote_publishes_too(run, schema, make_app, two_versions):
    done = CliRunner().invoke(models, ["promote", "stated/2"], obj=make_app())
    assert done.exit_code == 0, done.output
    expected = two_versions[1].predict(np.array([[1.0, 2.0]]))[0]
    assert run("SELECT foretable.predict_stated(1D, 2D) AS p")[0].p == expected


def test_explain_predict_names_rows_bytes_version_and_engine_before_anything_runs(run, schema, two_versions, register):
    register("explained_forest", "random_forest", n_estimators=30)
    run("CREATE TABLE wide AS SELECT CAST(id AS DOUBLE) AS a, 1D AS b, raise_error('ran') IS NULL AS c FROM range(0)")
    run("INSERT INTO wide SELECT id, 2 * id, TRUE FROM range(10)")
    rows = run(
        "EXPLAIN PREDICT SELECT predict('stated', struct(*)), predict('explained_forest', struct(*)) AS p FROM wide "
        "WHERE predict('explained_forest', struct(*)) > 0"
    )
    scan, *calls = rows
    assert (scan.item, scan.name, scan.version, scan.n_rows, scan.n_files > 0, scan.n_bytes > 0) == (
        "scan",
        "wide",
        1,
        10,
        True,
        True,
    )
    assert sorted((call.item, call.name, call.version, call.executed_as, call.times_per_row) for call in calls) == [
        ("predict", "explained_forest", 1, "scikit-learn in Python", 1),
        ("predict", "stated", 1, "SQL expression", 1),
    ]


def test_explain_predict_says_where_a_guard_spares_rows(run, schema, register):
    register("guarded_forest_2", "random_forest", n_estimators=30)
    (call,) = run(
        "EXPLAIN PREDICT SELECT CASE WHEN id > 5 THEN predict('guarded_forest_2', struct(id AS a, id AS b)) END FROM range(9)"
    )
    assert (call.executed_as, call.times_per_row) == ("scikit-learn in Python where wanted", 1)


def test_statements_stand_among_comments_and_in_any_case(run, two_versions):
    assert run("/* all */ show\n models like 'stated' -- of them\n;")[0].model == "stated"


def test_a_table_called_model_is_described_as_ever(run, schema):
    run("CREATE TABLE model (price DOUBLE)")
    assert run("DESCRIBE TABLE model")[0].col_name == "price"
    assert run("DESCRIBE model")[0].col_name == "price"


def test_parameters_go_through_deltas_parser_and_ours(spark, schema):
    assert spark.sql("SELECT :x + ? AS y".replace("?", ":z"), args={"x": 1, "z": 2}).first().y == 3
    assert spark.sql("SELECT ? + ? AS y", args=[1, 2]).first().y == 3


def test_a_wrong_statement_says_what_was_expected(refusal):
    assert "[FORETABLE_USAGE] expected USING after CREATE MODEL m, found AS" in refusal("CREATE MODEL m AS SELECT 1")
