"""Models by group in SQL, from CREATE MODEL to predict, against scikit-learn fitted group by group on the same rows."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from models.group_key import key_columns, key_expressions

N = 480
GROUPS = ["BTC-USD", "ETH-USD", "few"]
_names = itertools.count(1)


@pytest.fixture(scope="module")
def frame():
    """Rows in time order, the groups interleaved: 10 rows of the last one, and 30 without a group."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(N, 2)), columns=["a", "b"])
    place = random.permutation(np.repeat([0, 1, 2, 3], [220, 220, 10, 30]))
    rows["symbol"] = np.array([*GROUPS, None], dtype=object)[place]
    rows["id"] = place.astype("int64")
    slope = np.array([2.0, -2.0, 0.0, 0.0])[place]
    rows["y"] = slope * rows.a + rows.b + random.normal(size=N) * 0.3
    rows["up"] = np.where(rows.y > 0, "up", "down")
    rows["t"] = pd.date_range("2024-01-01", periods=N, freq="min")
    return rows


@pytest.fixture(scope="module")
def table(spark, schema_copy, frame):
    with schema_copy("groups_in_sql"):
        for name, seed in (("rows", 1), ("other_order", 2)):
            spark.createDataFrame(frame.sample(frac=1, random_state=seed)).write.saveAsTable(name)
        yield "rows"


@pytest.fixture(scope="module")
def run(spark, table):
    return lambda text: spark.sql(text).collect()


@pytest.fixture
def name(registry):
    fresh = f"grouped_{next(_names)}"
    yield fresh
    if fresh in registry.list_models():
        registry.delete_model(fresh)


def test_spark_and_python_make_the_same_key(spark):
    texts = ["x" * length for length in range(71)]
    texts += [chr(0x20 + i % 90) * (i % 37) + str(i) for i in range(200)]
    texts += ["", "é", "日本語", "🙂" * 20, "\u0000", "BTC-USD", "ß" * 33, "a\tb\n", " trailing "]
    texts += [None]
    high, low = key_expressions("text")
    rows = spark.createDataFrame([(i, text) for i, text in enumerate(texts)], "i int, text string")
    found = rows.selectExpr("i", f"{high} AS high", f"{low} AS low").orderBy("i").collect()
    assert [[row.high, row.low] for row in found] == key_columns(texts).tolist()
    assert (found[-1].high, found[-1].low) == (-1.0, -1.0)
    numbers = spark.sql(f"SELECT {high} AS high, {low} AS low FROM VALUES (-7L), (0L), (12345678901L) AS n(text)")
    assert [[row.high, row.low] for row in numbers.collect()] == key_columns([-7, 0, 12345678901]).tolist()
    truths = spark.sql(f"SELECT {high} AS high, {low} AS low FROM VALUES (true), (false) AS n(text)")
    assert [[row.high, row.low] for row in truths.collect()] == key_columns([True, False]).tolist()


@pytest.mark.parametrize(
    ("family", "options", "estimator"),
    [
        ("ridge", "alpha = 3", make_pipeline(StandardScaler(), Ridge(alpha=3))),
        (
            "decision_tree",
            "min_samples_leaf = 5",
            DecisionTreeRegressor(max_depth=4, min_samples_leaf=5, random_state=0),
        ),
    ],
)
def test_each_row_is_answered_by_the_model_of_its_group(run, frame, name, family, options, estimator):
    (row,) = run(
        f"CREATE MODEL {name} USING {family} OPTIONS (label = 'y', group = 'symbol', split = 0, {options}) "
        "AS SELECT symbol, a, b, y FROM rows"
    )
    assert (row.n_train, row.is_champion) == (N, True)
    expected = pd.Series(index=frame.index, dtype=float)
    for group in GROUPS[:2]:
        own = frame[frame.symbol == group]
        expected[own.index] = estimator.fit(own[["a", "b"]].to_numpy(), own.y).predict(own[["a", "b"]].to_numpy())
    others = frame[~frame.symbol.isin(GROUPS[:2])]
    expected[others.index] = estimator.fit(frame[["a", "b"]].to_numpy(), frame.y).predict(others[["a", "b"]].to_numpy())
    # predict is given the fields in another order, and one more
    answers = run(f"SELECT t, predict('{name}', struct(b, t, a, symbol)) AS p FROM rows ORDER BY t")
    np.testing.assert_allclose([row.p for row in answers], expected, rtol=1e-9, atol=1e-12)
    unseen = run(f"SELECT t, predict('{name}', struct('never seen' AS symbol, a, b)) AS p FROM rows ORDER BY t")
    pooled = estimator.predict(frame[["a", "b"]].to_numpy())
    np.testing.assert_allclose([row.p for row in unseen], pooled, rtol=1e-9, atol=1e-12)


def test_a_classifier_answers_by_group_with_probabilities(run, frame, name):
    run(
        f"CREATE MODEL {name} USING logistic OPTIONS (label = 'up', group = 'symbol', split = 0, C = 1) "
        "AS SELECT symbol, a, b, up FROM rows"
    )
    own = frame[frame.symbol == "ETH-USD"]
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1, max_iter=500)).fit(
        own[["a", "b"]].to_numpy(), own.up
    )
    rows = run(
        f"SELECT predict('{name}', struct(*)) AS p, predict_probability('{name}', struct(*), 'up') AS q FROM rows "
        "WHERE symbol = 'ETH-USD' ORDER BY t"
    )
    assert [row.p for row in rows] == fitted.predict(own[["a", "b"]].to_numpy()).tolist()
    np.testing.assert_allclose(
        [row.q for row in rows], fitted.predict_proba(own[["a", "b"]].to_numpy())[:, 1], rtol=1e-6
    )


def test_the_view_tells_rows_status_and_errors_of_each_group(run, registry, frame, name):
    run(
        f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', time = 't', group = 'symbol', alpha = 1) "
        "AS SELECT symbol, a, b, y, t FROM rows"
    )
    rows = {row.group_name: row for row in run(f"SELECT * FROM model_groups WHERE model = '{name}'")}
    assert list(rows) == GROUPS
    train, test = frame[: int(N * 0.6)], frame[int(N * 0.8) :]
    for group, row in rows.items():
        own_test = test[test.symbol == group]
        fitted_on = train[train.symbol == group] if group != "few" else train
        model = make_pipeline(StandardScaler(), Ridge(alpha=1)).fit(fitted_on[["a", "b"]].to_numpy(), fitted_on.y)
        error = np.sqrt(np.mean((model.predict(own_test[["a", "b"]].to_numpy()) - own_test.y) ** 2))
        assert (row.version, row.metric, row.n_train) == (1, "rmse", (train.symbol == group).sum())
        assert row.n_test == len(own_test)
        assert row.test_error == pytest.approx(error, rel=1e-9)
    n_few = (train.symbol == "few").sum()
    assert [row.status for row in rows.values()] == ["own", "own", f"{n_few} training rows, fewer than 50"]
    assert rows["BTC-USD"].test_error < rows["BTC-USD"].pooled_test_error / 3
    assert rows["few"].test_error == rows["few"].pooled_test_error
    assert registry.resolve(name).metrics["groups"] == {"own": 2, "pooled": 1}
    half = "SELECT DISTINCT round(d.upper - d.prediction, 9) AS half FROM (SELECT predict_detail('{}', struct(*)) AS d FROM rows WHERE symbol = '{}')"
    assert run(half.format(name, "BTC-USD")) == [(round(rows["BTC-USD"].half_width, 9),)]
    assert rows["few"].half_width is None
    (described,) = run(
        f"SELECT value FROM (SELECT * FROM training_runs WHERE model = '{name}' AND split = 'groups' AND metric = 'own')"
    )
    assert described.value == 2


def test_an_explanation_adds_up_to_the_prediction_of_the_group(run, name):
    run(
        f"CREATE MODEL {name} USING gradient_boosting OPTIONS (label = 'y', group = 'symbol', max_iter = 20, min_samples_leaf = 10) "
        "AS SELECT symbol, a, b, y FROM rows"
    )
    rows = run(
        f"SELECT symbol, predict('{name}', struct(*)) - aggregate(explain_prediction('{name}', struct(*)).attribution, 0D, (x, y) -> x + y) "
        "AS baseline FROM rows"
    )
    baselines = pd.DataFrame([row.asDict() for row in rows]).fillna("none").groupby("symbol").baseline
    assert (baselines.max() - baselines.min()).max() < 1e-9
    assert baselines.mean().round(6).nunique() == 3  # two of their own, and one for few and none


def test_the_order_of_the_rows_changes_nothing(run, registry, name):
    text = "CREATE OR REPLACE MODEL {} USING random_forest OPTIONS (label = 'y', time = 't', group = 'symbol', n_estimators = 5) AS SELECT symbol, a, b, y, t FROM {}"
    run(text.format(name, "rows"))
    (row,) = run(text.format(name, "other_order"))
    assert row.result == "unchanged: same settings and data as this version"
    (row,) = run(text.format(name, "rows").replace("n_estimators", "group_min_rows = 30, n_estimators"))
    assert row.version == 2


def test_a_group_may_be_a_whole_number_and_features_be_computed(run, frame, name):
    run(
        f"CREATE MODEL {name} USING ridge TRANSFORM (a * 2 AS twice, b) OPTIONS (label = 'y', group = 'id', split = 0, null_policy = 'impute') "
        "AS SELECT id, a, b, y FROM rows"
    )
    own = frame[frame.id == 1]
    inputs = np.column_stack([own.a * 2, own.b])
    expected = make_pipeline(StandardScaler(), Ridge(alpha=100.0)).fit(inputs, own.y).predict(inputs)
    for written in ("id", "CAST(id AS INT) AS id", "CAST(id AS STRING) AS id"):
        rows = run(f"SELECT predict('{name}', struct({written}, a, b)) AS p FROM rows WHERE id = 1 ORDER BY t")
        np.testing.assert_allclose([row.p for row in rows], expected, rtol=1e-9)
    (row,) = run(f"SELECT predict_detail('{name}', struct(1 AS id, CAST(NULL AS DOUBLE) AS a, 1.0 AS b)) AS d")
    assert (row.d.status, row.d.prediction is None) == ("OK", False)


def test_a_missing_feature_is_told_and_a_missing_group_is_none(run, name):
    run(f"CREATE MODEL {name} USING ridge OPTIONS (label = 'y', group = 'symbol') AS SELECT symbol, a, b, y FROM rows")
    (row,) = run(
        f"SELECT predict_detail('{name}', struct('BTC-USD' AS symbol, 1.0 AS a, CAST(NULL AS DOUBLE) AS b)) AS d"
    )
    assert (row.d.status, row.d.error) == ("NULL_FEATURE", "feature b is NULL or NaN")
    (row,) = run(f"SELECT predict_detail('{name}', struct(CAST(NULL AS STRING) AS symbol, 1.0 AS a, 1.0 AS b)) AS d")
    assert row.d.status == "OK"
    wanted = run(f"SELECT CASE WHEN symbol = 'few' THEN predict('{name}', struct(*)) END AS p FROM rows")
    assert sum(row.p is not None for row in wanted) == 10


def test_what_does_not_fit_is_refused_in_one_sentence(run, registry, name, refusal):
    create = f"CREATE MODEL {name} USING {{}} OPTIONS (label = 'y', {{}}) AS SELECT symbol, a, b, y FROM rows"
    assert "mlp cannot be trained by group; choose one of ridge" in refusal(create.format("mlp", "group = 'symbol'"))
    assert "group = 'symbl' is no column of the query: it has symbol" in refusal(
        create.format("ridge", "group = 'symbl'")
    )
    assert "group = 'a' is DOUBLE: a text or a whole number is needed" in refusal(create.format("ridge", "group = 'a'"))
    for cast in ("DECIMAL(5,2)", "TIMESTAMP"):
        told = refusal(create.format("ridge", "group = 's'").replace("symbol, a", f"CAST(a AS {cast}) AS s, a"))
        assert f"group = 's' is {cast}: a text or a whole number is needed, for example CAST(s AS STRING)" in told
    assert "group = 'y' is also the label or the time" in refusal(create.format("ridge", "group = 'y'"))
    assert "group_min_rows needs group = 'column'" in refusal(create.format("ridge", "group_min_rows = 9"))
    assert "column symbol is STRING, which is no feature" in refusal(create.format("ridge", "seed = 1"))
    assert name not in registry.list_models()
    run(create.format("ridge", "group = 'symbol'"))
    asked = f"SELECT predict('{name}', struct({{}})) FROM rows"
    assert f"model {name}/1 needs the group column symbol, which the struct lacks: it has" in refusal(
        asked.format("a, b")
    )
    assert "the group column symbol of model" in refusal(asked.format("a, b, a AS symbol"))
    assert "has DOUBLE" in refusal(asked.format("a, b, a AS symbol"))
    told = refusal(asked.format("a, b, CAST(1 AS DECIMAL(5,2)) AS symbol"))
    assert "the struct has DECIMAL(5,2): cast it as in the query that trained the model" in told
    assert (
        f"{name}/1 has a model for each symbol, which no file of the form skops holds: export its artifact"
        in refusal(f"EXPORT MODEL {name} TO '/tmp/never.skops' FORMAT skops")
    )
    assert not run(f"SHOW FUNCTIONS LIKE 'predict_{name}'")


def test_a_champion_without_groups_is_measured_on_the_same_rows(run, name):
    create = f"CREATE OR REPLACE MODEL {name} USING ridge OPTIONS (label = 'y', alpha = {{}}) AS SELECT {{}} FROM rows"
    run(create.format(1, "a, b, y"))
    (row,) = run(create.format("1, group = 'symbol'", "symbol, a, b, y"))
    assert row.is_champion  # its groups differ
    (row,) = run(create.format("1, group = 'symbol', group_min_rows = 400, null_policy = 'impute'", "symbol, a, b, y"))
    assert not row.is_champion  # all answered by that of all rows


def test_a_model_by_group_is_evaluated_and_tuned(run, frame, name):
    run(
        f"CREATE MODEL {name} USING decision_tree OPTIONS (label = 'y', time = 't', group = 'symbol', trials = 3) "
        "AS SELECT symbol, a, b, y, t FROM rows"
    )
    model, *_ = run(f"EVALUATE MODEL {name} ON (SELECT symbol, a, b, y FROM rows)")
    answers = run(f"SELECT t, predict('{name}', struct(*)) AS p FROM rows ORDER BY t")
    errors = np.array([row.p for row in answers]) - frame.y
    assert model.rmse == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-9)
    assert len(run(f"SELECT * FROM trials WHERE model = '{name}'")) == 3
