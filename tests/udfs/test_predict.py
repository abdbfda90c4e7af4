import numpy as np
import pandas as pd
import pytest
from pyspark.errors import AnalysisException


@pytest.fixture(scope="module")
def ridge(register):
    return register("ridge_ab")


@pytest.fixture
def inputs(spark, ridge):
    frame = pd.DataFrame(ridge[2], columns=["a", "b"])
    frame["row"] = range(len(frame))
    spark.createDataFrame(frame).createOrReplaceTempView("inputs")


def refusal(sql, text):
    with pytest.raises(AnalysisException) as caught:
        sql(text)
    message = str(caught.value)
    assert message.count("\n") < 5
    return message


@pytest.mark.parametrize("family", ["ridge", "random_forest", "gradient_boosting"])
def test_predict_equals_the_librarys_own_number_bit_for_bit(spark, sql, register, family):
    model, _, rows = register(f"exact_{family}", family)
    frame = pd.DataFrame(rows, columns=["a", "b"]).assign(row=range(len(rows)))
    spark.createDataFrame(frame).repartition(3).createOrReplaceTempView("exact")
    got = sql(f"SELECT row, predict('exact_{family}', struct(a, b)) FROM exact ORDER BY row")
    np.testing.assert_array_equal([value for _, value in got], model.predict(rows))


def test_a_struct_is_bound_by_name_and_extra_fields_are_ignored(sql, ridge, inputs):
    straight, turned, star = sql(
        "SELECT predict('ridge_ab', struct(a, b)), predict('ridge_ab', struct(b, 'x' AS text, a)), predict('ridge_ab', struct(*)) "
        "FROM inputs WHERE row = 0"
    )[0]
    assert straight == turned == star == ridge[0].predict(ridge[2][:1])[0]


def test_names_match_whatever_their_case(sql, ridge):
    assert (
        sql("SELECT predict('ridge_ab', named_struct('B', 2D, 'A', 1D))")[0][0]
        == ridge[0].predict(np.array([[1.0, 2.0]]))[0]
    )


def test_integers_decimals_floats_and_booleans_are_numbers(sql, ridge):
    expected = ridge[0].predict(np.array([[1.0, 2.0]]))[0]
    rows = sql(
        "SELECT predict('ridge_ab', named_struct('a', 1, 'b', 2L)), predict('ridge_ab', named_struct('a', true, 'b', 2.00BD)), "
        "predict('ridge_ab', named_struct('a', CAST(1 AS FLOAT), 'b', CAST(2 AS TINYINT)))"
    )
    assert rows == [(expected, expected, expected)]


def test_a_bad_row_is_null_and_the_others_go_on(sql, ridge):
    values = "(1, 1D, 2D), (2, NULL, 2D), (3, double('NaN'), 2D), (4, double('Infinity'), 2D), (5, 3D, 4D)"
    rows = sql(f"SELECT id, predict('ridge_ab', struct(a, b)) FROM VALUES {values} AS t(id, a, b) ORDER BY id")
    good = ridge[0].predict(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert rows == [(1, good[0]), (2, None), (3, None), (4, None), (5, good[1])]


def test_a_null_struct_is_null(sql, ridge):
    assert sql(
        "SELECT predict('ridge_ab', IF(id = 1, struct(1D AS a, 2D AS b), NULL)) IS NULL FROM range(2) ORDER BY id"
    ) == [
        (True,),
        (False,),
    ]


def test_no_rows_give_no_rows(sql, ridge):
    assert sql("SELECT predict('ridge_ab', struct(1D AS a, 2D AS b)) FROM range(0)") == []


def test_a_forest_refuses_what_float32_cannot_hold(sql, register):
    register("forest_ab", "random_forest")
    assert sql(
        "SELECT predict('forest_ab', struct(1e39D AS a, 2D AS b)) IS NULL, predict('forest_ab', struct(1D AS a, 2D AS b)) IS NULL"
    ) == [(True, False)]


@pytest.mark.parametrize("classes", [["down", "up"], [3, 7], [False, True]])
def test_a_classifier_answers_in_the_labels_own_type(sql, register, classes):
    model, _, rows = register(f"kind_{type(classes[0]).__name__}", "logistic", "classification", classes)
    (got,) = sql(f"SELECT predict('kind_{type(classes[0]).__name__}', struct({rows[0, 0]}D AS a, {rows[0, 1]}D AS b))")[
        0
    ]
    assert got == model.predict(rows[:1])[0]
    assert type(got) is type(classes[0])


def test_arguments_go_by_name(sql, ridge):
    assert sql("SELECT predict(features => struct(1D AS a, 2D AS b), model => 'ridge_ab')") == sql(
        "SELECT predict('ridge_ab', struct(1D AS a, 2D AS b))"
    )


def test_the_default_model_is_the_registrys_until_set_in_the_session(spark, sql, registry, ridge, register):
    other, _, _ = register("other_ab", seed=7, alpha=50.0)
    registry.set_default_model("ridge_ab")
    row = np.array([[1.0, 2.0]])
    assert sql("SELECT predict(struct(1D AS a, 2D AS b))") == [(ridge[0].predict(row)[0],)]
    spark.sql("SET foretable.default_model = other_ab")
    try:
        assert sql("SELECT predict(struct(1D AS a, 2D AS b))") == [(other.predict(row)[0],)]
    finally:
        spark.sql("RESET foretable.default_model")


def test_a_version_an_alias_and_the_champion_are_told_apart(sql, registry, register):
    first, v1, _ = register("versions_ab")
    second, v2, _ = register("versions_ab", seed=1)
    registry.set_alias("versions_ab", "champion", v1.version)
    registry.set_alias("versions_ab", "challenger", v2.version)
    row = np.array([[1.0, 2.0]])
    calls = [f"predict('versions_ab{which}', struct(1D AS a, 2D AS b))" for which in ("", "/1", "/2", "@challenger")]
    assert sql(f"SELECT {', '.join(calls)}") == [
        (first.predict(row)[0], first.predict(row)[0], second.predict(row)[0], second.predict(row)[0])
    ]


def test_a_promotion_takes_effect_in_the_next_query_of_a_view(sql, registry, register):
    first, v1, _ = register("promoted_ab")
    second, v2, _ = register("promoted_ab", seed=1)
    row = np.array([[1.0, 2.0]])
    registry.set_alias("promoted_ab", "champion", v1.version)
    sql("CREATE OR REPLACE VIEW promoted AS SELECT predict('promoted_ab', struct(1D AS a, 2D AS b)) AS p")
    try:
        assert sql("SELECT * FROM promoted") == [(first.predict(row)[0],)]
        registry.set_alias("promoted_ab", "champion", v2.version)
        assert sql("SELECT * FROM promoted") == [(second.predict(row)[0],)]
    finally:
        sql("DROP VIEW promoted")


def test_new_sessions_views_functions_and_ctas_see_predict(spark, sql, schema, ridge):
    expected = ridge[0].predict(np.array([[1.0, 2.0]]))[0]
    other = spark.newSession()
    assert other.sql("SELECT predict('ridge_ab', struct(1D AS a, 2D AS b)) AS p").first().p == expected
    sql("CREATE FUNCTION score(x DOUBLE, y DOUBLE) RETURNS DOUBLE RETURN predict('ridge_ab', struct(x AS a, y AS b))")
    sql("CREATE TABLE saved AS SELECT score(1D, 2D) AS p, predict('ridge_ab', struct(2D AS b, 1D AS a)) AS q")
    assert sql("SELECT * FROM saved") == [(expected, expected)]


def test_a_sequence_model_reads_the_last_rows_oldest_first(spark, sql, register):
    pytest.importorskip("tensorflow")
    model, _, _ = register("lstm_ab", "lstm", sequence_length=3, epochs=1)
    values = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]])
    frame = pd.DataFrame(values, columns=["a", "b"]).assign(t=range(4))
    spark.createDataFrame(frame).createOrReplaceTempView("steps")
    got = sql(
        "SELECT t, predict('lstm_ab', collect_list(struct(b, a)) OVER (ORDER BY t ROWS 2 PRECEDING)) FROM steps ORDER BY t"
    )
    assert [value for _, value in got[:2]] == [None, None]
    expected = model.predict(np.stack([values[0:3], values[1:4]]))
    np.testing.assert_allclose([value for _, value in got[2:]], expected, atol=1e-6)


def test_an_unknown_model_is_refused_with_near_names_before_any_task_runs(sql, ridge):
    assert "ridge_ab" in refusal(sql, "SELECT predict('ridg_ab', struct(raise_error('ran') AS a, 2D AS b))")


def test_a_missing_feature_is_refused_by_name(sql, ridge):
    assert "needs the feature b, which the struct lacks: it has a, c" in refusal(
        sql, "SELECT predict('ridge_ab', struct(1D AS a, 2D AS c))"
    )


def test_a_feature_of_a_wrong_type_is_refused_by_name(sql, ridge):
    assert "feature b of model ridge_ab/1 must be a number, the struct has STRING" in refusal(
        sql, "SELECT predict('ridge_ab', struct(1D AS a, 'x' AS b))"
    )


def test_a_field_given_twice_is_refused(sql, ridge):
    assert "has the field a 2 times" in refusal(sql, "SELECT predict('ridge_ab', struct(1D AS a, 2D AS a, 3D AS b))")


def test_plain_columns_are_refused_since_they_would_bind_by_position(sql, ridge):
    assert "usage: predict(features) or predict('model', features)" in refusal(
        sql, "SELECT predict('ridge_ab', 1D, 2D)"
    )


def test_a_model_name_that_is_a_column_is_refused(sql, ridge):
    assert "must be a constant text" in refusal(
        sql, "SELECT predict(m, struct(1D AS a, 2D AS b)) FROM VALUES ('ridge_ab') AS t(m)"
    )


def test_a_tampered_artifact_is_refused_when_it_is_loaded(sql, register):
    _, version, _ = register("tampered_ab")
    file = next(version.folder.glob("*.skops"))
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(Exception, match="was changed after it was registered"):
        sql("SELECT predict('tampered_ab', struct(1D AS a, 2D AS b))")


def test_only_the_features_of_the_model_are_read(spark, sql, schema, ridge):
    sql("CREATE TABLE wide AS SELECT named_struct('a', 1D, 'b', 2D, 'c', 3D) AS features, 'x' AS other")
    plan = (
        spark.sql("SELECT predict('ridge_ab', features) AS p FROM wide")._jdf.queryExecution().executedPlan().toString()
    )
    assert "ReadSchema: struct<features:struct<a:double,b:double>>" in plan


def test_describe_function_shows_our_text(sql):
    text = "\n".join(row[0] for row in sql("DESCRIBE FUNCTION EXTENDED predict"))
    assert "Prediction of a registered model" in text
    assert "SELECT bar_start, predict(features) FROM features" in text


def test_the_column_is_named_after_the_call(spark, sql, ridge):
    calls = ["predict('ridge_ab', struct(1D AS a, 2D AS b))", "predict('ridge_ab/1', struct(1D AS a, 2D AS b)) > 0"]
    assert spark.sql(f"SELECT {', '.join(calls)}").columns == ["predict_ridge_ab", "(predict_ridge_ab > 0)"]
