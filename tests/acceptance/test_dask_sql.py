"""dask-sql's model tests, respelled: see README.md for the mapping and for each case's origin."""

import json

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

PREFIX = "acc_dask_"
N = 200
FIRST_100 = "SELECT x, y, x * y > 0 AS target FROM timeseries WHERE row < 100"
BOOSTING = "USING gradient_boosting OPTIONS (label = 'target', split = 0, max_iter = 20, min_samples_leaf = 5, learning_rate = 0.3)"


@pytest.fixture(scope="module")
def timeseries(save):
    """Two columns between -1 and 1, as dask's own demonstration data have them."""
    return save("timeseries", pd.DataFrame(np.random.default_rng(0).uniform(-1, 1, (N, 2)), columns=["x", "y"]))


@pytest.fixture(scope="module")
def boosted(run, timeseries):
    """A classifier that every test may ask and none may change."""
    run(f"CREATE MODEL {PREFIX}boosted {BOOSTING} AS {FIRST_100}")
    return f"{PREFIX}boosted"


def predictions(run, model, table="timeseries"):
    return [
        row.target for row in run(f"SELECT row, predict('{model}', struct(x, y)) AS target FROM {table} ORDER BY row")
    ]


def test_a_trained_classifier_adds_a_target_to_every_row_and_leaves_no_table_behind(run, boosted, timeseries):
    before = run("SHOW TABLES")
    targets = predictions(run, boosted)
    assert len(targets) == N
    assert set(targets) == {True, False}
    assert run("SHOW TABLES") == before
    truth = timeseries.x * timeseries.y > 0
    assert np.mean(truth[:100] == targets[:100]) > 0.9  # the 100 rows it has seen


def test_a_model_is_replaced_by_another_family_of_the_same_task(run, fresh, timeseries):
    run(f"CREATE MODEL {fresh} {BOOSTING} AS {FIRST_100}")
    (row,) = run(
        f"CREATE OR REPLACE MODEL {fresh} USING logistic OPTIONS (label = 'target', time = 'row', split = 0, C = 1) "
        "AS SELECT x, y, x * y > 0 AS target, row FROM timeseries"
    )
    assert (row.version, row.n_train) == (2, N)
    scaled = StandardScaler().fit_transform(timeseries[["x", "y"]])
    expected = LogisticRegression(max_iter=500).fit(scaled, timeseries.x * timeseries.y > 0).predict(scaled)
    assert predictions(run, f"{fresh}/2") == expected.tolist()


def test_a_model_is_not_replaced_by_one_of_another_task(run, refusal, fresh, timeseries):
    classifier = "USING logistic OPTIONS (label = 'target') AS SELECT x, y, IF(x * y > 0, 'up', 'down') AS target FROM timeseries"
    regression = "USING ridge OPTIONS (label = 'target') AS SELECT x, y, x * y AS target FROM timeseries"
    run(f"CREATE MODEL {fresh} {classifier}")
    message = refusal(f"CREATE OR REPLACE MODEL {fresh} {regression}")
    assert "predicts target STRING (classification); for target DOUBLE (regression) choose another name" in message
    run(f"DROP MODEL {fresh}")
    run(f"CREATE MODEL {fresh} {regression}")
    assert "predicts target DOUBLE (regression)" in refusal(f"CREATE OR REPLACE MODEL {fresh} {classifier}")
    assert [row.version for row in run(f"SHOW VERSIONS IN MODEL {fresh}")] == [1]


def test_a_linear_regression_is_scikit_learns(run, fresh, timeseries):
    run(
        f"CREATE MODEL {fresh} USING ridge OPTIONS (label = 'target', split = 0, alpha = 1e-9) "
        "AS SELECT x, y, x * y AS target FROM timeseries"
    )
    inputs = timeseries[["x", "y"]]
    expected = LinearRegression().fit(inputs, timeseries.x * timeseries.y).predict(inputs)
    np.testing.assert_allclose(predictions(run, fresh), expected, rtol=1e-7)


def test_a_model_learns_from_the_predictions_of_another(run, boosted, fresh):
    query = f"SELECT x, y, predict('{boosted}', struct(x, y)) AS target FROM timeseries WHERE row < 100"
    run(f"CREATE MODEL {fresh} {BOOSTING} AS {query}")
    assert len(predictions(run, fresh)) == N


def test_show_models_gives_their_names_in_order(run, timeseries):
    for number in (2, 3, 1):
        run(f"CREATE MODEL {PREFIX}shown{number} USING logistic OPTIONS (label = 'target') AS {FIRST_100}")
    shown = [row.model for row in run("SHOW MODELS")]
    assert [name for name in shown if "shown" in name] == [f"{PREFIX}shown{number}" for number in (1, 2, 3)]
    assert [row.model for row in run(f"SHOW MODELS LIKE '{PREFIX}shown%'")] == [f"{PREFIX}shown{n}" for n in (1, 2, 3)]
    assert shown == sorted(shown)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT predict('{0}', struct(x, y)) FROM timeseries", "There is no model '{0}'"),
        ("CREATE MODEL {0} OPTIONS (label = 'target') AS SELECT x, y, target FROM t", "expected USING"),
        ("CREATE MODEL {0} USING MagicMock OPTIONS (label = 'target') AS SELECT x, y, target FROM t", "There is no model family 'MagicMock'"),
        ("CREATE MODEL {0} USING that.is.not.a.python.class OPTIONS (label = 'target') AS SELECT x FROM t", "'that.is.not.a.python.class' is not an estimator that Foretable trains by class path"),
        ("CREATE MODEL {0} USING logistic OPTIONS (label = 'targets') AS SELECT x, x > 0 AS target FROM timeseries",
         "label = 'targets' is no column of the query: it has target, x"),
    ],
)  # fmt: skip
def test_a_wrong_training_or_prediction_is_refused(run, refusal, registry, timeseries, text, sentence):
    name = f"{PREFIX}unknown"
    assert sentence.format(name) in refusal(text.format(name))
    assert name not in registry.list_models()


def test_options_reach_the_estimator_in_their_own_type(run, fresh, timeseries):
    given = {
        "criterion": "entropy",
        "splitter": "best",
        "max_depth": 3,
        "min_samples_split": 0.25,
        "max_features": None,
    }
    run(
        f"CREATE MODEL {fresh} USING decision_tree OPTIONS (label = 'target', criterion = 'entropy', splitter = \"best\", "
        f"max_depth = 3, min_samples_split = 0.25, max_features = NULL) AS {FIRST_100}"
    )
    described = {row.property: row.value for row in run(f"DESCRIBE MODEL {fresh}")}
    shown = json.loads(described["options"])
    assert {name: shown[name] for name in given} == given
    assert described["features"] == "x, y"


def test_a_negative_number_and_a_truth_value_reach_the_estimator(run, refusal, fresh, registry, timeseries):
    negative = refusal(
        f"CREATE MODEL {fresh} USING decision_tree OPTIONS (label = 'target', max_depth = -300) AS {FIRST_100}"
    )
    assert "decision_tree refuses an option" in negative
    assert "-300" in negative
    run(
        f"CREATE MODEL {fresh} USING ridge OPTIONS (label = 'z', fit_intercept = False, split = 0) AS SELECT x, y, x + 5 AS z FROM timeseries"
    )
    assert registry.resolve(fresh).options["fit_intercept"] is False
    # The inputs are centred, so without an intercept the mean prediction is 0 and not about 5.
    (row,) = run(f"SELECT avg(predict('{fresh}', struct(x, y))) AS mean FROM timeseries")
    assert row.mean == pytest.approx(0, abs=1e-9)


def test_create_twice_is_an_error_unless_told_otherwise(run, refusal, registry, fresh, timeseries):
    text = f"MODEL {fresh} USING logistic OPTIONS (label = 'target', C = 1) AS {FIRST_100}"
    run(f"CREATE {text}")
    first = registry.resolve(fresh).digest
    assert f"model {fresh} exists" in refusal(f"CREATE {text}")
    run(f"CREATE {text.replace('MODEL', 'MODEL IF NOT EXISTS')}")
    assert registry.resolve(fresh).digest == first
    run(f"CREATE OR REPLACE {text.replace('C = 1', 'C = 2')}")
    second = registry.resolve(f"{fresh}/2").digest
    assert second != first
    run(f"DROP MODEL {fresh}")
    (row,) = run(f"CREATE {text.replace('MODEL', 'MODEL IF NOT EXISTS').replace('C = 1', 'C = 3')}")
    assert (row.version, row.is_champion) == (1, True)
    assert registry.resolve(fresh).digest not in (first, second)


def test_drop_needs_a_model_unless_if_exists_stands(run, refusal, registry, fresh, timeseries):
    assert f"There is no model '{fresh}'" in refusal(f"DROP MODEL {fresh}")
    run(f"DROP MODEL IF EXISTS {fresh}")
    run(f"CREATE MODEL IF NOT EXISTS {fresh} USING logistic OPTIONS (label = 'target') AS {FIRST_100}")
    run(f"DROP MODEL IF EXISTS {fresh}")
    assert fresh not in registry.list_models()
    assert f"There is no model '{fresh}'" in refusal(f"SELECT predict('{fresh}', struct(x, y)) FROM timeseries")


def test_describe_shows_the_options_and_the_training_columns(run, refusal, boosted):
    described = {row.property: row.value for row in run(f"DESCRIBE MODEL {boosted}")}
    assert json.loads(described["options"]).items() >= {"max_iter": 20, "min_samples_leaf": 5}.items()
    assert (described["family"], described["task"]) == ("gradient_boosting", "classification")
    assert (described["features"], described["label"]) == ("x, y", "target BOOLEAN")
    assert "There is no model 'undefined_model'" in refusal("DESCRIBE MODEL undefined_model")


def test_an_exported_estimator_is_loaded_elsewhere(run, refusal, boosted, timeseries, tmp_path):
    assert "There is no model 'not_available_model'" in refusal(
        f"EXPORT MODEL not_available_model TO '{tmp_path}/m' FORMAT skops"
    )
    file = tmp_path / "model.skops"
    (row,) = run(f"EXPORT MODEL {boosted} TO '{file}' FORMAT skops")
    assert (row.format, row.n_bytes) == ("skops", file.stat().st_size)
    estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    assert type(estimator).__name__ == "HistGradientBoostingClassifier"
    assert estimator.predict(timeseries[["x", "y"]].to_numpy()).tolist() == predictions(run, boosted)


@pytest.mark.parametrize("format_", ["keras", "pickle", "joblib"])
def test_a_form_that_the_model_does_not_have_is_refused(refusal, boosted, tmp_path, format_):
    assert format_ in refusal(f"EXPORT MODEL {boosted} TO '{tmp_path}/m' FORMAT {format_}")
    assert list(tmp_path.iterdir()) == []


def test_nullable_and_narrow_types_give_the_same_predictions(run, save, fresh):
    wide = save(
        "train_set",
        {
            "rough_day_of_year": [0, 1, 2, 3],
            "prev_day_inches_rained": [0.0, 1.0, 2.0, 3.0],
            "rained": [False, False, False, True],
        },
    )
    save("narrow_set", wide.drop(columns="row"), rough_day_of_year="int", prev_day_inches_rained="float")
    for table in ("train_set", "narrow_set"):
        run(
            f"CREATE OR REPLACE MODEL {fresh} USING logistic OPTIONS (label = 'rained', time = 'row', split = 0, C = 1) "
            f"AS SELECT * FROM {table}"
        )
    inputs = StandardScaler().fit_transform(wide.iloc[:, :2])
    expected = LogisticRegression(max_iter=500).fit(inputs, wide.rained).predict(inputs).tolist()
    for table in ("train_set", "narrow_set"):
        got = run(f"SELECT rained, predict('{fresh}', struct(*)) AS target FROM {table} ORDER BY row")
        assert [row.target for row in got] == expected


def test_limit_and_offset_choose_the_rows_to_predict(run, boosted):
    part = "SELECT * FROM timeseries ORDER BY row LIMIT 100 OFFSET 100"
    rows = run(f"SELECT row, predict('{boosted}', struct(x, y)) AS target FROM ({part}) ORDER BY row")
    assert [row.row for row in rows] == list(range(100, 200))
    assert [row.target for row in rows] == predictions(run, boosted)[100:]


def test_the_rows_to_predict_come_from_a_join_a_filter_a_group_or_a_view(run, boosted):
    target = f"predict('{boosted}', struct(x, y)) AS target"
    everything = predictions(run, boosted)
    joined = run(
        f"SELECT l.row, {target} FROM timeseries l JOIN (SELECT row, y AS other FROM timeseries) r ON l.row = r.row AND l.row < 5 ORDER BY 1"
    )
    assert [row.target for row in joined] == everything[:5]
    filtered = run(f"SELECT row FROM timeseries WHERE predict('{boosted}', struct(x, y)) ORDER BY row")
    assert [row.row for row in filtered] == [number for number, target in enumerate(everything) if target]
    grouped = run(
        f"SELECT target, count(*) AS n FROM (SELECT {target} FROM timeseries) GROUP BY target ORDER BY target"
    )
    assert [(row.target, row.n) for row in grouped] == [(False, N - sum(everything)), (True, sum(everything))]
    run(f"CREATE VIEW scored AS SELECT row, {target} FROM timeseries")
    assert [row.target for row in run("SELECT * FROM scored ORDER BY row")] == everything
