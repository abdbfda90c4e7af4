"""scikit-learn's classes by path: stored and read back, they answer as scikit-learn's own."""

import importlib

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.linear_model import HuberRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, RobustScaler

from models.errors import UsageError
from models.families import build_model, family_name, family_options, find_family
from models.protocol import ModelSpec
from models.sklearn_catalog import ESTIMATOR_PATHS, TRANSFORMER_PATHS

SEED = 1  # that of ``store``
HUBER = "sklearn.linear_model.HuberRegressor"
PCA = "sklearn.decomposition.PCA"
CLASSES = ["down", "flat", "up"]
SMALL = {"n_estimators": 5}


def own_class(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def seeded(estimator, **options):
    """scikit-learn's own with the seed that Foretable gives it."""
    seed = {"random_state": SEED} if "random_state" in estimator().get_params() else {}
    return estimator(**seed, **options)


def small(path):
    return SMALL if "n_estimators" in own_class(path)().get_params() else {}


def check_as(theirs, scorer, rows):
    """The answers are those of scikit-learn's own estimator fitted on the same rows, and the same row by row."""
    X, y = rows
    if scorer.classes is None:
        theirs.fit(X, y)
        ask, wanted = scorer.predict, theirs.predict(X)
    else:
        labels = np.asarray(CLASSES)[np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))]
        theirs.fit(X, labels)
        ask, wanted = scorer.predict_probability, theirs.predict_proba(X)
        assert np.mean(scorer.predict(X) == theirs.predict(X)) > 0.999
    whole = ask(X)
    np.testing.assert_allclose(whole, wanted, rtol=1e-9, atol=1e-12)
    for n_rows in (1, 3, 64):
        parts = [ask(X[start : start + n_rows]) for start in range(0, 192, n_rows)]
        assert np.concatenate(parts)[:192].tolist() == whole[:192].tolist()


@pytest.mark.parametrize("path", ESTIMATOR_PATHS)
def test_a_class_is_fitted_and_stored_and_answers_as_its_own(path, store, rows):
    classes = CLASSES if is_classifier(own_class(path)()) else None
    _, scorer = store(path, classes, **small(path))
    check_as(seeded(own_class(path), **small(path)), scorer, rows)


@pytest.mark.parametrize("path", TRANSFORMER_PATHS)
def test_a_transformer_stands_before_an_estimator(path, store, rows):
    _, scorer = store(f"{path} | sklearn.linear_model.Ridge")
    check_as(make_pipeline(seeded(own_class(path)), Ridge()), scorer, rows)


def test_options_go_to_the_step_that_they_name(store, rows):
    family = f"sklearn.preprocessing.RobustScaler|sklearn.preprocessing.PolynomialFeatures |{HUBER}"
    _, scorer = store(
        family, robustscaler__with_centering=False, polynomialfeatures__degree=3, huberregressor__epsilon=2.0
    )
    theirs = make_pipeline(
        RobustScaler(with_centering=False), PolynomialFeatures(degree=3), HuberRegressor(epsilon=2.0)
    )
    check_as(theirs, scorer, rows)


def test_principal_components_may_be_fewer_and_whitened(store, rows):
    _, scorer = store("sklearn.decomposition.PCA | sklearn.svm.SVR", pca__n_components=2, pca__whiten=True)
    pca, svr = own_class("sklearn.decomposition.PCA"), own_class("sklearn.svm.SVR")
    check_as(make_pipeline(pca(n_components=2, whiten=True, random_state=SEED), svr()), scorer, rows)


def test_an_explanation_adds_up_to_the_prediction(store, rows):
    _, scorer = store(HUBER)
    told = scorer.explain(rows[0][:5])
    np.testing.assert_allclose(told.baseline + told.attributions.sum(axis=1), scorer.predict(rows[0][:5]), rtol=1e-12)


def test_rows_that_a_class_cannot_take_are_told_in_one_sentence(store):
    with pytest.raises(UsageError, match=r"sklearn.* cannot be fitted: n_components=9 must be between 0 and min"):
        store(f"{PCA} | {HUBER}", pca__n_components=9)


def test_a_family_is_spelled_as_scikit_learn_does():
    assert family_name("SKLEARN.linear_model.huberregressor") == HUBER
    assert family_name(f"sklearn.preprocessing.minmaxscaler|{HUBER}") == f"sklearn.preprocessing.MinMaxScaler | {HUBER}"
    assert family_name("Ridge") == "ridge"
    assert find_family("sklearn.naive_bayes.GaussianNB").tasks == ("classification",)


def test_options_and_defaults_are_scikit_learns_without_seed_and_threads():
    assert family_options(HUBER, "regression")["epsilon"] == 1.35
    assert "n_jobs" not in family_options("sklearn.ensemble.ExtraTreesRegressor", "regression")
    with_steps = family_options(f"sklearn.decomposition.PCA | {HUBER}", "regression")
    assert with_steps["huberregressor__epsilon"] == 1.35
    assert with_steps["pca__whiten"] is False
    assert "pca__random_state" not in with_steps


@pytest.mark.parametrize("path", [*ESTIMATOR_PATHS, *(f"{step} | {HUBER}" for step in TRANSFORMER_PATHS)])
def test_no_option_lets_a_class_write_to_its_rows(path):
    assert not [name for name in family_options(path, find_family(path).tasks[0]) if "copy" in name.lower()]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec("m", "sklearn.linear_model.Huber", "y"), f"'sklearn.linear_model.Huber' is not an estimator .* {HUBER}, "),
        (ModelSpec("m", "os.system", "y"), "'os.system' is not an estimator that Foretable trains by class path"),
        (ModelSpec("m", f"{HUBER} | {HUBER}", "y"), f"'{HUBER}' is not a transformer"),
        (ModelSpec("m", "sklearn.preprocessing.RobustScaler", "y"), "is not an estimator"),
        (ModelSpec("m", f"{PCA} | {PCA} | {HUBER}", "y"), f"{PCA} stands twice in the pipeline"),
        (ModelSpec("m", HUBER, "y", options={"espilon": 2}), "has no option 'espilon'; its options are epsilon, "),
        (ModelSpec("m", "sklearn.linear_model.Ridge", "y", options={"copy_X": False}), "has no option 'copy_X'"),
        (ModelSpec("m", HUBER, "y", "classification"), "cannot do classification; choose one of logistic, "),
        (ModelSpec("m", HUBER, "y", sequence_length=3), "takes one row, got sequence_length 3"),
        (ModelSpec("m", HUBER, "y", group="symbol"), "cannot be trained by group; choose one of ridge, "),
        (
            ModelSpec("m", "sklearn.ensemble.GradientBoostingRegressor", "y", options={"loss": "quantile"}),
            "would be measured as a mean; take gradient_boosting",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_with_the_remedy(spec, message):
    with pytest.raises(UsageError, match=message):
        build_model(spec, ("a",))
