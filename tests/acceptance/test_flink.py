"""Flink's ML_PREDICT, ML_EVALUATE and model DDL cases, respelled: see README.md for the mapping and each case's origin."""

import pandas as pd
import pytest

PREFIX = "acc_flink_"
SRC = {
    "id": [1, 2, 3, 8, 9],
    "len": [12, 15, 15, 11, 12],
    "content": ["Julian", "Hello", "Fabian", "Hello world", "Hello world!"],
}
# Flink's tests look predictions up in a map; a tree with a leaf for each row is the same map.
MEMORIZE = "USING decision_tree OPTIONS (label = '{label}', split = 0, min_samples_leaf = 1, max_depth = NULL, {more})"


@pytest.fixture(scope="module")
def memorize(run):
    """Train a tree that answers each row of a query with its label."""

    def create(name, label, query, task="classification", head="CREATE MODEL"):
        options = MEMORIZE.format(label=label, more=f"task = '{task}'")
        (row,) = run(f"{head} {PREFIX}{name} {options} AS {query}")
        return row

    return create


@pytest.fixture(scope="module")
def src(save, memorize):
    """The five rows, and models from their numbers to z (a text), y (a number), and from id and len to z."""
    save("src", SRC)
    save(
        "pairs",
        {"id": [15, 3, 11, 9, 12], "len": [15, 15, 11, 12, 12], "z": ["z1515", "z315", "z1111", "z912", "z1212"]},
    )
    memorize("m1", "z", "SELECT id, concat('z', id) AS z FROM src")
    memorize("y1", "y", "SELECT id, id AS y FROM src")
    memorize("m2", "z", "SELECT id, len, z FROM pairs")


@pytest.fixture(scope="module")
def evaluated(run, memorize):
    """Models and labelled rows for EVALUATE, as in Flink's evaluation tests; n numbers the rows."""
    run("CREATE VIEW texts AS SELECT * FROM VALUES (1, 'positive', 'positive'), (2, 'negative', 'negative'), "
        "(3, 'negative', 'positive'), (4, 'positive', 'negative') AS t(n, label, text)")  # fmt: skip
    run("CREATE VIEW numbers AS SELECT * FROM VALUES (1, 1D, 1D), (2, 2D, 2D), (3, 3D, 3D), (4, NULL, 4D), (5, 5D, NULL) "
        "AS t(n, label, feature)")  # fmt: skip
    options = MEMORIZE.format(label="label", more="task = 'classification'")
    run(f"CREATE MODEL {PREFIX}mirror {options.replace('OPTIONS', 'TRANSFORM (text = ' + repr('positive') + ' AS p) OPTIONS')} "
        "AS SELECT label, text FROM texts WHERE n <= 2")  # fmt: skip
    lookup = "SELECT * FROM VALUES (1D, 1D), (2D, 3D), (3D, 3D), (4D, 4D) AS t(feature, label)"
    memorize("lookup", "label", lookup, task="regression")


def test_each_row_gets_the_prediction_of_its_features(run, src):
    rows = run(f"SELECT id, predict('{PREFIX}m1', struct(id)) AS z FROM src ORDER BY id")
    assert [tuple(row) for row in rows] == [(1, "z1"), (2, "z2"), (3, "z3"), (8, "z8"), (9, "z9")]


def test_several_features_are_bound_and_a_row_with_a_null_has_no_prediction(run, src):
    nullable = "SELECT IF(len = 15 AND content = 'Hello' OR len = 11, NULL, id) AS id, len FROM src WHERE id > 1"
    rows = run(f"SELECT id, len, predict('{PREFIX}m2', struct(id, len)) AS z FROM ({nullable}) ORDER BY id, len")
    assert [tuple(row) for row in rows] == [(None, 11, None), (None, 15, None), (3, 15, "z315"), (9, 12, "z912")]


def test_constants_of_a_common_table_expression_are_predicted_with_named_arguments(run, src):
    rows = run(
        "WITH v(id) AS (SELECT * FROM (VALUES (CAST(1 AS BIGINT)), (CAST(2 AS BIGINT)))) "
        f"SELECT *, predict(model => '{PREFIX}y1', features => struct(id)) AS y, predict(features => struct(id), model => '{PREFIX}m1') AS z "
        "FROM v ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [(1, 1, "z1"), (2, 2, "z2")]


def test_a_view_holds_the_input_columns_and_the_predictions(run, src):
    run(
        f"CREATE VIEW view_src AS SELECT id, len, content, predict('{PREFIX}y1', struct(id)) AS y, predict('{PREFIX}m1', struct(id)) AS z FROM src"
    )
    rows = [tuple(row) for row in run("SELECT * FROM view_src ORDER BY id")]
    assert rows == [(id_, n, text, id_, f"z{id_}") for id_, n, text in zip(*SRC.values(), strict=True)]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("predict('{m}')", "usage: predict("),
        ("predict('{m}', struct(id, len), 1D, 'arg0')", "usage: predict("),
        ("predict('NonExistModel', struct(id, len))", "NonExistModel"),
        ("predict(struct(id, len), struct(id, len))", "usage: predict("),
        ("predict('{m}', struct(id))", "needs the feature len, which the struct lacks: it has id"),
        ("predict('{m}', struct(no_col))", "`no_col` cannot be resolved"),
    ],
)  # fmt: skip
def test_a_call_that_does_not_fit_is_refused_while_it_is_planned(refusal, src, call, sentence):
    assert sentence in refusal(f"SELECT {call.format(m=PREFIX + 'm2')} FROM src")


def test_an_extra_feature_is_ignored_and_a_qualified_column_keeps_its_name(run, src):
    expected = [row.z for row in run(f"SELECT predict('{PREFIX}m2', struct(id, len)) AS z FROM src ORDER BY id")]
    for columns in ("struct(id, len, content)", "struct(src.len, src.id)"):
        assert [row.z for row in run(f"SELECT predict('{PREFIX}m2', {columns}) AS z FROM src ORDER BY id")] == expected


def test_a_prediction_beside_a_column_of_the_labels_name_takes_the_models_name(spark, run, src):
    frame = spark.sql(f"SELECT *, predict('{PREFIX}m1', struct(id)) FROM (SELECT id, 'own' AS z FROM src)")
    assert frame.columns == ["id", "z", f"predict_{PREFIX}m1"]
    assert {row.z for row in frame.collect()} == {"own"}


@pytest.mark.parametrize(
    "type_", ["BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(5,2)", "DECIMAL(10,2)"]
)
def test_a_number_of_any_type_is_a_feature(run, src, type_):
    rows = run(f"SELECT predict('{PREFIX}m1', struct(CAST(1 AS {type_}) AS id)) AS z")
    assert rows[0].z == "z1"


@pytest.mark.parametrize(
    "value",
    [
        "'1'",
        "DATE '2024-01-01'",
        "TIMESTAMP '2024-01-01 00:00:00'",
        "X'01'",
        "array(1)",
        "map('a', 1)",
        "struct(1 AS a)",
    ],
)
def test_a_value_of_another_type_is_refused(refusal, src, value):
    message = refusal(f"SELECT predict('{PREFIX}m1', struct({value} AS id))")
    assert f"feature id of model {PREFIX}m1/1 must be a number" in message


def test_a_wrong_setting_is_refused(spark, refusal, src):
    spark.sql("SET foretable.on_error = true")
    try:
        assert "SET foretable.on_error = null or fail" in refusal(f"SELECT predict('{PREFIX}m1', struct(1 AS id))")
    finally:
        spark.sql("RESET foretable.on_error")


@pytest.mark.parametrize(("n_rows", "accuracy"), [(1, 1.0), (2, 1.0), (3, 0.6666666666666666), (4, 0.5)])
def test_the_accuracy_of_a_classifier_is_flinks(run, evaluated, n_rows, accuracy):
    row = run(f"EVALUATE MODEL {PREFIX}mirror ON (SELECT label, text FROM texts WHERE n <= {n_rows})")[0]
    assert (row.n_rows, row.accuracy) == (n_rows, accuracy)


@pytest.mark.parametrize(
    ("n_read", "n_rows", "n_bad", "mae", "r2", "rmse", "mse"),
    [
        (1, 1, 0, 0.0, None, 0.0, 0.0),
        (2, 2, 0, 0.5, -1.0, 0.7071067811865476, 0.5),
        (3, 3, 0, 0.3333333333333333, 0.5, 0.5773502691896257, 0.3333333333333333),
        (4, 3, 0, 0.3333333333333333, 0.5, 0.5773502691896257, 0.3333333333333333),  # a row without a label
        (5, 3, 1, 0.3333333333333333, 0.5, 0.5773502691896257, 0.3333333333333333),  # a row without a prediction
    ],
)
def test_the_errors_of_a_regressor_are_flinks(run, evaluated, n_read, n_rows, n_bad, mae, r2, rmse, mse):
    row = run(f"EVALUATE MODEL {PREFIX}lookup ON (SELECT label, feature FROM numbers WHERE n <= {n_read})")[0]
    assert (row.n_rows, row.n_bad) == (n_rows, n_bad)
    assert row.r2 == (None if r2 is None else pytest.approx(r2))
    assert (row.mae, row.rmse, row.mse) == (pytest.approx(mae), pytest.approx(rmse), pytest.approx(mse))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("EVALUATE MODEL NonExistModel ON (SELECT label, feature FROM numbers)", "NonExistModel"),
        ("EVALUATE MODEL {p}lookup (SELECT label, feature FROM numbers)", "expected ON"),
        ("EVALUATE MODEL ON (SELECT label, feature FROM numbers)", "ON"),
        ("EVALUATE MODEL {p}lookup ON (SELECT feature FROM numbers)", "label = 'label' is no column of the query"),
        ("EVALUATE MODEL {p}lookup ON (SELECT label FROM numbers)", "feature"),
        ("EVALUATE MODEL {p}lookup ON (SELECT 'x' AS label, feature FROM numbers)", "label label is STRING, the model predicts DOUBLE"),
        ("EVALUATE MODEL {p}lookup ON (SELECT label, 'x' AS feature FROM numbers)", "must be a number"),
        ("EVALUATE MODEL {p}lookup ON (SELECT label, no_col FROM numbers)", "no_col"),
    ],
)  # fmt: skip
def test_an_evaluation_that_does_not_fit_is_refused(refusal, evaluated, text, sentence):
    assert sentence in refusal(text.format(p=PREFIX))


def test_an_extra_column_does_not_disturb_an_evaluation(run, evaluated):
    plain, extra = (
        run(f"EVALUATE MODEL {PREFIX}lookup ON (SELECT label, feature{more} FROM numbers)")[0] for more in ("", ", n")
    )
    assert plain == extra


def test_keywords_match_whatever_their_case_and_names_may_be_quoted(run, registry, src, fresh):
    run(
        f"create model if not exists `{fresh}` using decision_tree options (label = 'z', split = 0) as select id, concat('z', id) as z from src"
    )
    assert fresh in [row.model for row in run("show models")]
    run(f"alter model {fresh} rename to `{fresh}_2`")
    run(f"drop model if exists {fresh}_2")
    assert not [name for name in registry.list_models() if name.startswith(fresh)]


def test_a_model_that_exists_is_not_created_again(run, refusal, memorize, src):
    query = "SELECT id, concat('z', id) AS z FROM src"
    assert memorize("m1", "z", query, head="CREATE MODEL IF NOT EXISTS").version == 1
    assert "exists" in refusal(f"CREATE MODEL {PREFIX}m1 USING decision_tree OPTIONS (label = 'z') AS {query}")


def test_an_unknown_family_is_refused(refusal, src):
    text = f"CREATE MODEL {PREFIX}none USING non_exist_model OPTIONS (label = 'z') AS SELECT id, content AS z FROM src"
    assert "There is no model family 'non_exist_model'" in refusal(text)


@pytest.mark.parametrize("clause", ["INPUT (id INT)", "OUTPUT (z STRING)", "WITH ('key1' = 'value1')"])
def test_columns_come_from_the_query_and_are_not_declared(refusal, src, clause):
    text = f"CREATE MODEL IF NOT EXISTS {PREFIX}none {clause} USING decision_tree OPTIONS (label = 'z') AS SELECT id, content AS z FROM src"
    assert "expected USING" in refusal(text)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE MODEL {p}none USING ridge OPTIONS (label = 'y') AS DROP TABLE victim",
        "EVALUATE MODEL {p}m1 ON (DROP TABLE victim)",
        "EXPLAIN PREDICT DROP TABLE victim",
    ],
)
def test_only_a_query_may_follow_as(run, refusal, src, statement):
    run("CREATE TABLE IF NOT EXISTS victim AS SELECT 1 AS x, 2 AS y")
    assert "a query is needed here" in refusal(statement.format(p=PREFIX))
    assert len(run("SHOW TABLES LIKE 'victim'")) == 1


def test_a_renamed_model_answers_under_its_new_name_only(run, refusal, memorize, src):
    memorize("before", "z", "SELECT id, concat('z', id) AS z FROM src")
    run(f"ALTER MODEL {PREFIX}before RENAME TO {PREFIX}after")
    assert run(f"SELECT predict('{PREFIX}after', struct(8 AS id)) AS z")[0].z == "z8"
    assert f"{PREFIX}before" in refusal(f"SELECT predict('{PREFIX}before', struct(8 AS id))")
    assert "exists" in refusal(f"ALTER MODEL {PREFIX}after RENAME TO {PREFIX}m1")
    assert f"{PREFIX}before" in refusal(f"ALTER MODEL {PREFIX}before RENAME TO {PREFIX}other")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("SET ('k1' = 'v1')", "expected ALIAS"),
        ("SET ()", "expected ALIAS"),
        ("RESET ('k1')", "expected SET or UNSET or RENAME"),
        ("RESET ()", "expected SET or UNSET or RENAME"),
    ],
)
def test_options_of_a_trained_model_cannot_be_altered(refusal, src, change, sentence):
    assert sentence in refusal(f"ALTER MODEL {PREFIX}m1 {change}")


def test_show_models_takes_a_pattern(run, src):
    assert [row.model for row in run(f"SHOW MODELS LIKE '{PREFIX}m%'") if row.label == "z"] == [
        f"{PREFIX}m1",
        f"{PREFIX}m2",
    ]
    assert run("SHOW MODELS LIKE '%no such model%'") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SHOW MODELS FROM db1", "expected the end of the statement after SHOW MODELS, found FROM"),
        ("SHOW MODELS NOT LIKE '%abc%'", "expected the end of the statement after SHOW MODELS, found NOT"),
        ("DROP MODEL cat1.db1.m1", "expected the end of the statement after DROP MODEL cat1, found ."),
        ("DROP TEMPORARY MODEL m1", "Syntax error at or near 'MODEL'"),
        ("CREATE TEMPORARY MODEL m1 USING ridge OPTIONS (label = 'y') AS SELECT 1 AS x, 2 AS y", "Syntax error at or near 'MODEL'"),
    ],
)  # fmt: skip
def test_one_registry_has_no_schemas_and_no_temporary_models(refusal, src, text, sentence):
    assert sentence in refusal(text)


def test_describe_shows_features_and_label_with_its_type(run, src):
    described = {row.property: row.value for row in run(f"DESCRIBE MODEL {PREFIX}m2")}
    assert (described["features"], described["label"]) == ("id, len", "z STRING")
    assert (described["classes"], described["version"]) == ("z1111, z1212, z1515, z315, z912", "1")


def test_a_dataframe_predicts_like_a_query(spark, src):
    frame = spark.createDataFrame(pd.DataFrame({"id": [3, 8]}))
    assert [row.z for row in frame.selectExpr(f"predict('{PREFIX}m1', struct(id)) AS z").collect()] == ["z3", "z8"]
