"""ONNX files of scikit-learn models, asked by ONNX Runtime: the answers are scikit-learn's own, at thresholds too."""

import json

import numpy as np
import pytest
from onnx import ModelProto

from models.errors import ModelContractError
from models.onnx_check import check_answers
from models.onnx_export import onnx_file
from models.onnx_runtime import open_onnx

TEXTS, NUMBERS, SIDES = ["down", "flat", "up"], [-1, 1], [False, True]
FOREST, BOOSTING = {"n_estimators": 20}, {"max_iter": 40}
HUBER = "sklearn.preprocessing.RobustScaler | sklearn.linear_model.HuberRegressor"
NET = "sklearn.preprocessing.MinMaxScaler | sklearn.preprocessing.MaxAbsScaler | sklearn.linear_model.ElasticNet"
COUNTS = "sklearn.ensemble.HistGradientBoostingRegressor"
CASES = [
    ("linear", None, {}),
    ("ridge", None, {}),
    ("lasso", None, {}),
    ("logistic", SIDES, {}),
    ("logistic", TEXTS, {}),
    ("decision_tree", None, {}),
    ("decision_tree", NUMBERS, {}),
    ("random_forest", None, FOREST),
    ("random_forest", TEXTS, FOREST),
    ("gradient_boosting", None, BOOSTING),
    ("gradient_boosting", None, {**BOOSTING, "loss": "quantile", "quantile": 0.9}),
    ("gradient_boosting", SIDES, BOOSTING),
    ("gradient_boosting", TEXTS, BOOSTING),
    ("mlp", None, {"max_iter": 3, "activation": "tanh"}),
    ("mlp", NUMBERS, {"max_iter": 3, "activation": "logistic", "hidden_layer_sizes": [8, 4]}),
    ("mlp", TEXTS, {"max_iter": 3}),
    (HUBER, None, {}),
    (NET, None, {"minmaxscaler__clip": True}),
    ("sklearn.ensemble.ExtraTreesRegressor", None, {"n_estimators": 3}),
]


def ask(content, X):
    """Each output by its name."""
    session = open_onnx(content)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"features": X}), strict=True))


def check_equal(content, model, X):
    found = ask(content, X)
    if model.task == "regression":
        wanted = model.estimator.predict(X)
        np.testing.assert_allclose(found["prediction"], wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
    else:
        assert found["prediction"].tolist() == model.estimator.predict(X).tolist()
        np.testing.assert_allclose(found["probability"], model.estimator.predict_proba(X), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("family", "classes", "options"), CASES)
def test_a_file_answers_as_scikit_learn_does_however_many_rows_are_asked(family, classes, options, store):
    model, scorer = store(family, classes, **options)
    content = onnx_file(scorer)
    X = np.random.default_rng(3).normal(size=(4_000, 4)) * 2
    for n_rows in (1, 2, len(X)):
        check_equal(content, model, X[:n_rows])
    check_answers(content, scorer, X[:32])


@pytest.mark.parametrize("family", ["decision_tree", "gradient_boosting"])
def test_a_row_at_a_threshold_and_the_next_double_beside_it_go_where_scikit_learn_sends_them(family, store):
    model, scorer = store(family)
    if family == "decision_tree":
        tree = model.estimator.tree_
        splits = [(tree.feature[node], tree.threshold[node]) for node in np.flatnonzero(tree.children_left >= 0)]
    else:
        nodes = np.concatenate([predictor.nodes for (predictor,) in model.estimator._predictors])
        splits = [(node["feature_idx"], node["num_threshold"]) for node in nodes if not node["is_leaf"]]
    X = np.random.default_rng(4).normal(size=(3 * len(splits), 4))
    for place, (feature, threshold) in enumerate(splits):
        X[3 * place : 3 * place + 3, feature] = np.nextafter(threshold, -9), threshold, np.nextafter(threshold, 9)
    check_equal(onnx_file(scorer), model, X)
    if (
        family == "gradient_boosting"
    ):  # else this test tells nothing: a tree sees floats, which its next doubles are not
        at, after = model.estimator.predict(X[1::3]), model.estimator.predict(X[2::3])
        assert (at != after).mean() > 0.5


def test_a_tree_that_is_one_leaf_is_written_too(store):
    model, scorer = store("random_forest", n_estimators=2, min_samples_leaf=1_000)
    assert {member.tree_.node_count for member in model.estimator.estimators_} == {1}
    check_equal(onnx_file(scorer), model, np.zeros((3, 4)))


def test_boosting_of_counts_answers_with_its_exponential(store, rows):
    """Fitted by hand: a Poisson loss wants labels that are not negative."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model, scorer = store(COUNTS)
    model.estimator = HistGradientBoostingRegressor(loss="poisson", max_iter=20).fit(rows[0], np.exp(rows[1]))
    scorer.engine.estimator = model.estimator
    check_equal(onnx_file(scorer), model, rows[0])


def test_a_file_says_its_features_label_and_classes(store):
    _, scorer = store("logistic", TEXTS)
    model = ModelProto.FromString(onnx_file(scorer))
    facts = {fact.key: fact.value for fact in model.metadata_props}
    assert (facts["family"], facts["label"]) == ("logistic", "y")
    assert json.loads(facts["feature_names"]) == ["a", "b", "c", "d"]
    assert json.loads(facts["classes"]) == TEXTS


@pytest.mark.parametrize(
    "family", ["sklearn.svm.SVR", "sklearn.preprocessing.PolynomialFeatures | sklearn.linear_model.Ridge"]
)
def test_what_cannot_be_written_has_no_file(family, store):
    assert onnx_file(store(family)[1]) is None


def test_a_file_of_another_model_is_not_handed_out(store, rows):
    content = onnx_file(store("ridge")[1])
    with pytest.raises(ModelContractError, match=r"answers otherwise than the model of y, by up to .* its golden rows"):
        check_answers(content, store("linear")[1], rows[0])
