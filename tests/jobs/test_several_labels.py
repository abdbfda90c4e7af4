"""A model of several labels in SQL: one model for each, asked as one; expected values follow from how the rows are made."""

import itertools

import pytest
from pyspark.sql import functions as F

from jobs.pipeline import select_models

_names = itertools.count(1)
QUERY = "SELECT t, a, b, far, side FROM rows"


@pytest.fixture(scope="module")
def table(spark, schema_copy):
    """far = 2 a + 3 b + 1, and side is up where a > b."""
    with schema_copy("several_labels"):
        rows = spark.range(300).selectExpr("id AS t", "double(id * 7 % 23) AS a", "double(id * 5 % 19) AS b")
        far, side = F.expr("2 * a + 3 * b + 1"), F.expr("CASE WHEN a > b THEN 'up' ELSE 'down' END")
        rows.withColumn("far", far).withColumn("side", side).write.saveAsTable("rows")
        yield


@pytest.fixture(scope="module")
def run(spark, table):
    return lambda text: [tuple(row) for row in spark.sql(text).collect()]


@pytest.fixture
def name(registry):
    """A name no other test uses; its models are gone afterwards."""
    fresh = f"outlook_{next(_names)}"
    yield fresh
    for model in registry.list_models():
        if model.split(".")[0] == fresh:
            registry.delete_model(model)


@pytest.fixture
def outlook(run, name):
    """A model of a number and a class, answered by Python."""
    run(f"CREATE MODEL {name} USING decision_tree OPTIONS (label = ('far', 'side'), time = 't', null_policy = 'fail', "
        f"max_depth = 20, min_samples_leaf = 1, leakage = 'off') AS {QUERY}")  # fmt: skip
    return name


def test_one_statement_trains_a_model_for_each_label_and_takes_no_label_for_a_feature(run, registry, name):
    options = "label = ('far', 'B'), split = 0, leakage = 'off'"
    created = run(f"CREATE MODEL {name} USING linear OPTIONS ({options}) AS {QUERY.replace(', side', '')}")
    assert [row[:4] for row in created] == [
        (f"{name}.far", 1, "trained, and champion", True),
        (f"{name}.B", 1, "trained, and champion", True),
    ]
    assert registry.resolve(f"{name}.far").feature_names == registry.resolve(f"{name}.B").feature_names == ("t", "a")


def test_the_answer_has_a_field_of_its_own_type_for_each_label(spark, run, outlook):
    frame = spark.sql(f"SELECT far, side, predict('{outlook}', struct(*)) AS p FROM rows WHERE t < 180")
    assert frame.schema["p"].dataType.simpleString() == "struct<far:double,side:string>"
    rows = frame.collect()
    assert len(rows) == 180
    assert [tuple(row.p) for row in rows] == [(row.far, row.side) for row in rows]  # a deep tree knows its rows


def test_the_answer_is_that_of_the_models_asked_one_by_one(run, outlook):
    whole = f"SELECT t, p.far, p.side FROM (SELECT t, predict('{outlook}@champion', struct(*)) AS p FROM rows)"
    single = f"SELECT t, predict('{outlook}.far', struct(*)), predict('{outlook}.side/1', struct(*)) FROM rows"
    assert sorted(run(whole)) == sorted(run(single))


def test_a_query_asks_only_the_models_whose_fields_it_uses(run, outlook):
    asked = run(f"EXPLAIN PREDICT SELECT t FROM rows WHERE predict('{outlook}', struct(a, b, t)).side = 'up'")
    assert [row[:3] for row in asked if row[0] == "predict"] == [("predict", f"{outlook}.side", 1)]
    up = f"SELECT count(*) FROM rows WHERE t < 180 AND predict('{outlook}', struct(a, b, t)).side = 'up'"
    assert run(up) == run("SELECT count(*) FROM rows WHERE t < 180 AND a > b")


def test_a_table_keeps_the_answer_without_a_name_given(spark, run, outlook):
    call = f"predict('{outlook}', struct(a, b, t))"
    run(f"CREATE TABLE kept AS SELECT t, {call}, {call}.far FROM rows")
    assert spark.table("kept").columns == ["t", f"predict_{outlook}", f"predict_{outlook}.far"]
    spark.sql("DROP TABLE kept")


def test_the_default_model_may_have_several_labels(spark, run, outlook):
    spark.sql(f"SET foretable.default_model = {outlook}")
    try:
        assert run("SELECT predict(struct(a, b, t)).side FROM rows WHERE t = 1") == [("up",)]  # a = 7, b = 5
    finally:
        spark.sql("RESET foretable.default_model")


def test_details_come_for_each_label_and_a_class_for_none(run, refusal, outlook):
    (row,) = run(f"SELECT d.far.status, d.side.version, d.side.prediction FROM "
                 f"(SELECT predict_detail('{outlook}', struct(a, b, t)) AS d FROM rows WHERE t = 1)")  # fmt: skip
    assert row == ("OK", 1, "up")
    said = refusal(f"SELECT predict_probability('{outlook}', struct(a, b, t), 'up') FROM rows")
    assert f"model {outlook}.far/1 predicts a number, which has no probability" in said


def test_a_missing_feature_is_told_of_the_model_that_needs_it(refusal, outlook):
    assert f"model {outlook}.far/1 needs the feature b, which the struct lacks" in refusal(
        f"SELECT predict('{outlook}', struct(a, t)) FROM rows"
    )


def test_versions_belong_to_the_models_of_the_labels(run, refusal, outlook):
    told = f"Model '{outlook}' is one model for each of its labels, with versions of its own: "
    assert told in refusal(f"SELECT predict('{outlook}/1', struct(a, b, t)) FROM rows")
    assert told in refusal(f"EVALUATE MODEL {outlook} ON ({QUERY})")
    run(f"CREATE OR REPLACE MODEL {outlook}.side USING decision_tree OPTIONS (label = 'side', leakage = 'off', "
        "split = 0) AS SELECT t, a, b, side FROM rows".replace(f"{outlook}.side", f"`{outlook}.side`"))  # fmt: skip
    run(f"ALTER MODEL `{outlook}.side` SET ALIAS champion = 2")
    both = (
        f"SELECT d.far.version, d.side.version FROM (SELECT predict_detail('{outlook}', struct(a, b, t)) d FROM rows)"
    )
    assert set(run(both)) == {(1, 2)}


def test_what_exists_is_kept_replaced_or_refused_before_anything_is_trained(run, registry, refusal, outlook):
    statement = f"MODEL {outlook} USING ridge OPTIONS (label = ('near', 'far'), leakage = 'off') AS SELECT *, a AS near FROM rows"
    assert f"model {outlook}.far exists: CREATE OR REPLACE MODEL adds a version" in refusal(f"CREATE {statement}")
    assert f"{outlook}.near" not in registry.list_models()
    rows = run(f"CREATE {statement.replace('MODEL ', 'MODEL IF NOT EXISTS ', 1).replace('*,', 't, b, far,')}")
    assert [(row[0], row[2]) for row in rows] == [
        (f"{outlook}.near", "trained, and champion"), (f"{outlook}.far", "exists, nothing was trained"),
    ]  # fmt: skip


def test_a_name_of_several_labels_is_no_name_of_one(refusal, outlook):
    said = refusal(f"CREATE MODEL {outlook} USING ridge OPTIONS (label = 'far') AS SELECT a, far FROM rows")
    assert f"'{outlook}' stands for the models {outlook}.far, {outlook}.side" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("label = ('far', 'FAR')", "label far is given twice: keep one"),
        ("label = ('far', 1)", "say what to predict: OPTIONS (label = ('column', 'other_column'))"),
        ("label = ('far', 'nowhere')", "label = 'nowhere' is no column of the query: it has "),
        ("label = 'far', alpha = (1, 2)", "option alpha takes one value, got 2: only label takes several, in brackets"),
    ],
)
def test_labels_that_cannot_be_meant_are_told(refusal, name, table, options, message):
    said = refusal(f"CREATE MODEL {name} USING ridge OPTIONS ({options}) AS SELECT a, b, far FROM rows")
    assert message in said


def test_dropping_the_name_drops_its_models_and_their_functions(run, registry, name):
    run(
        f"CREATE MODEL {name} USING linear OPTIONS (label = ('far', 'b'), leakage = 'off') AS SELECT a, b, far FROM rows"
    )
    assert run(f"SHOW FUNCTIONS IN foretable LIKE 'predict_{name}.far'")
    assert run(f"DROP MODEL {name}") == [
        (f"dropped model {name}.far with 1 version; dropped model {name}.b with 1 version",)
    ]
    assert not [model for model in registry.list_models() if model.startswith(name)]
    assert not run(f"SHOW FUNCTIONS IN foretable LIKE 'predict_{name}*'")
    assert run(f"DROP MODEL IF EXISTS {name}") == [(f"there was no model {name}",)]


def test_training_of_the_configuration_takes_the_name_of_all_or_of_one(make_app):
    two = [
        {"name": "outlook", "family": "ridge", "label": ["return_5m", "return_1m"]},
        {"name": "m", "family": "lasso"},
    ]
    labels = [{"name": f"return_{n}m", "kind": "log_return", "horizon_seconds": 60 * n} for n in (1, 5)]
    config = make_app(models=two, labels=labels).config
    assert [one.name for one in select_models(config, ["outlook"]).models] == ["outlook.return_5m", "outlook.return_1m"]
    assert [one.name for one in select_models(config, ["outlook.return_1m", "m"]).models] == ["outlook.return_1m", "m"]
