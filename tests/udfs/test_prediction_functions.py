"""predict_probability, predict_detail and explain_prediction in SQL; models as native expressions; versions of a query."""

import contextlib
import itertools
import threading

import numpy as np
import pandas as pd
import psutil
import pytest
from pyspark.errors import AnalysisException

from models.artifact import load_scorer
from udfs import register as registration

ONE = "struct(1D AS a, 2D AS b)"


@pytest.fixture(scope="module")
def forest(register):
    return register("forest_ab2", "random_forest", n_estimators=30)


@pytest.fixture(scope="module")
def updown(register):
    return register("updown_ab", "logistic", "classification", ["down", "up"])


def refusal(sql, text):
    with pytest.raises(AnalysisException) as caught:
        sql(text)
    assert str(caught.value).count("\n") < 5
    return str(caught.value)


def test_the_probability_of_a_class_is_the_librarys_own(sql, updown):
    down, up = updown[0].predict_probability(np.array([[1.0, 2.0]]))[0]
    assert sql(
        f"SELECT predict_probability('updown_ab', {ONE}, 'up'), predict_probability('updown_ab', {ONE}, 'down'), "
        f"predict_probability('updown_ab', {ONE}), predict_probability(class => 'up', features => {ONE}, model => 'updown_ab')"
    ) == [(up, down, max(up, down), up)]


def test_a_class_that_the_model_lacks_is_refused_with_its_classes(sql, updown):
    message = refusal(sql, f"SELECT predict_probability('updown_ab', {ONE}, 'upp')")
    assert "has no class 'upp': its classes are up, down" in message


def test_a_regressor_has_no_probability(sql, forest):
    assert "predicts a number, which has no probability" in refusal(
        sql, f"SELECT predict_probability('forest_ab2', {ONE})"
    )


def test_every_detail_names_the_version_that_answered(sql, forest):
    ((detail,),) = sql(f"SELECT predict_detail('forest_ab2', {ONE})")
    version = forest[1]
    assert detail.prediction == forest[0].predict(np.array([[1.0, 2.0]]))[0]
    assert (detail.model, detail.version, detail.digest) == ("forest_ab2", version.version, version.digest)
    assert (detail.label, detail.status, detail.error) == ("y", "OK", None)


def test_attributions_add_up_to_the_prediction_minus_the_baseline(sql, spark, forest):
    model, _, rows = forest
    frame = pd.DataFrame(rows[:50], columns=["a", "b"]).assign(row=range(50))
    spark.createDataFrame(frame).createOrReplaceTempView("explained")
    got = sql("SELECT row, explain_prediction('forest_ab2', struct(a, b)) FROM explained ORDER BY row")
    totals = np.array([sum(pair.attribution for pair in pairs) for _, pairs in got])
    # The baseline of a forest: the mean over trees of the training mean of each tree, from scikit-learn's own root.
    baseline = np.mean([tree.tree_.value[0, 0, 0] for tree in model.estimator.estimators_])
    np.testing.assert_allclose(totals, model.predict(rows[:50]) - baseline, atol=1e-6)
    assert all(abs(pairs[0].attribution) >= abs(pairs[1].attribution) for _, pairs in got)


def test_a_linear_model_and_a_small_tree_need_no_python(spark, register):
    for name, family, options in (("native_ridge", "ridge", {}), ("native_tree", "decision_tree", {"max_depth": 3})):
        model, _, rows = register(name, family, **options)
        frame = spark.createDataFrame(pd.DataFrame(rows, columns=["a", "b"]))
        scored = frame.selectExpr("a", "b", f"predict('{name}', struct(*)) AS p")
        assert "Python" not in scored._jdf.queryExecution().executedPlan().toString()
        got = scored.toPandas()
        np.testing.assert_array_equal(got.p, model.predict(got[["a", "b"]].to_numpy()))


def test_a_native_model_is_null_where_python_would_be(sql, register):
    register("native_null")
    values = "(1, 1D, 2D), (2, NULL, 2D), (3, double('NaN'), 2D), (4, double('-Infinity'), 2D)"
    rows = sql(
        f"SELECT id, predict('native_null', struct(a, b)) IS NULL FROM VALUES {values} AS t(id, a, b) ORDER BY id"
    )
    assert rows == [(1, False), (2, True), (3, True), (4, True)]


def test_on_error_fail_ends_the_query_with_one_sentence(sql, spark, register):
    register("strict_ab")
    spark.sql("SET foretable.on_error = fail")
    try:
        with pytest.raises(
            Exception, match="met 1 bad rows in a batch of 1, the first with status NULL_FEATURE"
        ) as caught:
            sql("SELECT predict('strict_ab', struct(CAST(NULL AS DOUBLE) AS a, 2D AS b))")
        assert len(str(caught.value).strip().splitlines()) <= 5
    finally:
        spark.sql("RESET foretable.on_error")


def test_another_value_of_on_error_is_refused(sql, spark, forest):
    spark.sql("SET foretable.on_error = ignore")
    try:
        assert "SET foretable.on_error = null or fail" in refusal(sql, f"SELECT predict('forest_ab2', {ONE})")
    finally:
        spark.sql("RESET foretable.on_error")


def test_a_promotion_between_two_calls_of_a_query_does_not_mix_versions(sql, registry, register, monkeypatch):
    _, v1, _ = register("pinned_ab")
    second, v2, _ = register("pinned_ab", seed=1)
    registry.set_alias("pinned_ab", "champion", v1.version)
    planner = registration._KEPT_ALIVE[0]
    resolve = planner.registry.resolve

    def resolve_and_promote(reference):
        found = resolve(reference)
        registry.set_alias("pinned_ab", "champion", v2.version)
        return found

    monkeypatch.setattr(planner.registry, "resolve", resolve_and_promote)
    ((one, other),) = sql(
        f"SELECT predict_detail('pinned_ab', {ONE}).version, predict_detail('pinned_ab', {ONE}).version"
    )
    assert (one, other) == (1, 1)
    monkeypatch.undo()
    assert sql(f"SELECT predict('pinned_ab', {ONE})") == [(second.predict(np.array([[1.0, 2.0]]))[0],)]


def test_a_million_rows_with_one_percent_bad_give_a_number_or_a_code_each(spark, compiled, forest):
    with compiled():
        spark.range(1_000_000).selectExpr(
            "CAST(id AS DOUBLE) / 1e6 AS a", "IF(id % 100 = 7, IF(id % 200 = 7, NULL, double('NaN')), 1D) AS b"
        ).createOrReplaceTempView("million")
        counts = spark.sql(
            "SELECT d.status, count(*) AS n, count(d.prediction) AS answered FROM "
            "(SELECT predict_detail('forest_ab2', struct(a, b)) AS d FROM million) GROUP BY d.status"
        ).collect()
    assert sorted(map(tuple, counts)) == [("NULL_FEATURE", 10_000, 0), ("OK", 990_000, 990_000)]


def test_a_worker_that_is_killed_gives_an_error_that_names_the_model_and_the_session_goes_on(
    spark, sql, forest, python_workers
):
    stop, jvm = threading.Event(), spark._jvm.ProcessHandle.current().pid()

    def kill_workers():
        for number in itertools.count(4):
            if stop.wait(number / 4):  # longer and longer: on a busy machine a worker takes its time to begin
                return
            for worker in python_workers(jvm):
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()

    def until_one_dies_at_work():
        for _ in range(50):  # a worker may also be killed before it begins
            try:
                sql("SELECT sum(predict('forest_ab2', struct(id / 7 AS a, id / 3 AS b))) FROM range(3000000)")
            except Exception as e:
                if "ended its worker" in str(e):
                    raise

    killer = threading.Thread(target=kill_workers)
    killer.start()
    try:
        with pytest.raises(Exception, match="predict with forest_ab2/1 ended its worker, which crashed or was killed"):
            until_one_dies_at_work()
    finally:
        stop.set()
        killer.join()
    assert sql(f"SELECT predict('forest_ab2', {ONE}) IS NOT NULL") == [(True,)]


def test_a_policy_of_the_model_holds_in_sql(sql, registry, register):
    from models.families import build_model
    from models.protocol import ModelSpec
    from models.training_profile import profile_training

    rows = np.random.default_rng(3).normal(size=(200, 2))
    spec = ModelSpec("imputing_ab", "ridge", "y", null_policy="impute")
    model = build_model(spec, ("a", "b")).fit(rows, rows.sum(axis=1))
    profile = profile_training(model, rows, rows.sum(axis=1), None)
    version = registry.register(spec, model, {}, {}, {}, "impute", profile=profile)
    expected = model.predict(np.array([[np.median(rows[:, 0]), 2.0]]))[0]
    assert sql("SELECT predict('imputing_ab', struct(CAST(NULL AS DOUBLE) AS a, 2D AS b))") == [(expected,)]
    assert load_scorer(version.folder, version.digest).manifest.null_policy == "impute"


def test_joins_windows_views_and_merge_take_the_answer_like_any_other_column(sql, schema, forest):
    sql("CREATE TABLE inputs_of (id INT, a DOUBLE, b DOUBLE)")
    sql("INSERT INTO inputs_of VALUES (1, 0.1, 0.2), (2, 1.5, -0.5), (3, NULL, 1)")
    sql("CREATE TABLE kept AS SELECT id, predict('forest_ab2', struct(*)) FROM inputs_of WHERE id < 3")
    sql(
        "MERGE INTO kept USING (SELECT id, predict('forest_ab2', struct(*)) AS p FROM inputs_of) AS new ON kept.id = new.id "
        "WHEN MATCHED THEN UPDATE SET predict_forest_ab2 = new.p WHEN NOT MATCHED THEN INSERT (id, predict_forest_ab2) VALUES (new.id, new.p)"
    )
    expected = [forest[0].predict(np.array([row]))[0] for row in ([0.1, 0.2], [1.5, -0.5])]
    assert sql("SELECT * FROM kept ORDER BY id") == [(1, expected[0]), (2, expected[1]), (3, None)]
    ranked = sql(
        "SELECT id, rank() OVER (ORDER BY predict('forest_ab2', struct(a, b)) DESC) FROM inputs_of JOIN kept USING (id) "
        "WHERE kept.predict_forest_ab2 IS NOT NULL ORDER BY id"
    )
    assert ranked == ([(1, 1), (2, 2)] if expected[0] > expected[1] else [(1, 2), (2, 1)])
    sql(
        "INSERT INTO kept REPLACE WHERE id = 3 SELECT id, predict('forest_ab2', struct(0D AS a, 0D AS b)) FROM inputs_of WHERE id = 3"
    )
    assert sql("SELECT predict_forest_ab2 IS NOT NULL FROM kept WHERE id = 3") == [(True,)]


@pytest.mark.parametrize("function", ["predict", "predict_probability", "predict_detail", "explain_prediction"])
def test_describe_function_shows_a_text_and_an_example(sql, function):
    text = "\n".join(row[0] for row in sql(f"DESCRIBE FUNCTION EXTENDED {function}"))
    assert f"{function}([model, ] features" in text
    assert "Examples:" in text
