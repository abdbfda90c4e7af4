import re
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelContractError, UsageError
from models.families import FAMILY_NAMES, build_model, family_options
from models.protocol import ModelSpec
from models.sklearn_models import FORESTS, GRADIENT_BOOSTING, SklearnModel

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
LINEAR = ["ridge", "linear", "lasso"]
TREES = ["decision_tree", "random_forest", "gradient_boosting"]
FEATURES = ("momentum", "imbalance")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2000, 2))
SIGNAL = 0.5 * X[:, 0] - 0.2 * X[:, 1]
Y = SIGNAL + RNG.normal(size=2000)


FEW_TREES = {"random_forest": {"n_estimators": 20}}


def fitted(family, task="regression", y=Y, validation=None, seed=1, **options):
    spec = ModelSpec("m", family, "y", task, {**FEW_TREES.get(family, {}), **options}, seed=seed)
    return build_model(spec, FEATURES).fit(X, y, validation)


def test_the_families_are_those_of_the_page():
    table = PAGE.read_text(encoding="utf-8").partition("| family |")[2].partition("Options are")[0]
    first_cells = "".join(line.split("|")[1] for line in table.splitlines()[2:] if line)
    assert tuple(re.findall("`([a-z_]+)`", first_cells)) == FAMILY_NAMES


@pytest.mark.parametrize("family", [*LINEAR, *TREES, "mlp"])
def test_a_regressor_finds_the_signal(family):
    predicted = fitted(family).predict(X)
    assert predicted.dtype == np.float64
    assert np.corrcoef(predicted, SIGNAL)[0, 1] > 0.9


@pytest.mark.parametrize("family", ["logistic", *TREES, "mlp"])
@pytest.mark.parametrize(
    ("low", "high"), [("down", "up"), (False, True), (-1, 1), (0.0, 1.0)], ids=["text", "truth", "integer", "number"]
)
def test_a_classifier_answers_with_the_label_as_trained(family, low, high):
    model = fitted(family, "classification", np.where(Y > 0, high, low))
    assert model.classes.tolist() == [low, high]
    predicted, probability = model.predict(X), model.predict_probability(X)
    assert predicted.tolist() == np.where(probability[:, 1] > 0.5, high, low).tolist()
    assert np.corrcoef(probability[:, 1], SIGNAL)[0, 1] > 0.85
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_text_labels_may_come_as_objects():
    model = fitted("logistic", "classification", np.where(Y > 0, "up", "down").astype(object))
    assert model.classes.dtype.kind == "U"


@pytest.mark.parametrize("family", ["random_forest", "gradient_boosting", "mlp"])
def test_the_seed_decides_the_fit(family):
    subsampled = {} if family == "mlp" else {"max_features": 0.5}
    first, again = fitted(family, **subsampled).predict(X), fitted(family, **subsampled).predict(X)
    assert first.tolist() == again.tolist()
    other = fitted(family, seed=2, **subsampled).predict(X)
    assert first.tolist() != other.tolist()


@pytest.mark.parametrize("choices", [FORESTS, GRADIENT_BOOSTING], ids=["random_forest", "gradient_boosting"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_fit_on_two_threads_is_that_on_one(choices, task):
    y = Y if task == "regression" else np.digitize(Y, [-0.5, 0.5])
    spec = ModelSpec("m", "any", "y", task, FEW_TREES["random_forest"] if choices is FORESTS else {})
    one, two = (SklearnModel(spec, FEATURES, choices[task], n_fit_threads=n).fit(X, y) for n in (1, 2))
    answer = "predict" if task == "regression" else "predict_probability"
    assert getattr(one, answer)(X).tolist() == getattr(two, answer)(X).tolist()


@pytest.mark.parametrize("family", [*LINEAR, *TREES, "mlp"])
def test_a_row_gets_the_same_number_whatever_rows_come_with_it(family):
    model = fitted(family)
    whole = model.predict(X)
    for n_rows in (1, 3, 64):
        parts = [model.predict(X[start : start + n_rows]) for start in range(0, 40, n_rows)]
        assert np.concatenate(parts)[:40].tolist() == whole[:40].tolist()


def test_classes_that_are_numbers_with_a_fraction_are_refused():
    with pytest.raises(UsageError, match="The classes of y are numbers with a fraction; cast them to STRING, or train"):
        fitted("logistic", "classification", np.where(Y > 0, 0.5, 1.5))


def test_gradient_boosting_stops_early_on_the_validation_part_and_keeps_its_losses():
    noise = RNG.normal(size=500)
    model = fitted("gradient_boosting", validation=(X[:500], noise), learning_rate=0.5)
    history = model.loss_history
    assert list(history) == ["train", "validation"]
    assert len(history["validation"]) == len(history["train"]) < 200
    assert history["train"][-1] < history["train"][0]


def test_ridge_shrinks_towards_the_mean_by_alpha():
    spread = [fitted("ridge", alpha=alpha).predict(X).std() for alpha in (1.0, 1e4, 1e9)]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] == pytest.approx(0, abs=1e-3)


def test_lasso_drops_a_feature_that_says_nothing_whatever_the_unit_of_the_label():
    for unit in (1.0, 1e-4):
        y = unit * (X[:, 0] + 0.1 * RNG.normal(size=2000))
        coefficients = fitted("lasso", y=y, alpha=0.1).estimator[-1].coef_
        assert coefficients[1] == 0
        assert coefficients[0] == pytest.approx(unit * (X[:, 0].std() - 0.1 * y.std() / unit), rel=0.05)


def test_a_network_learns_a_product_in_the_unit_of_the_label_and_tells_its_loss():
    product = 1e-4 * X[:, 0] * X[:, 1]
    model = fitted("mlp", y=product, max_iter=100)
    assert np.corrcoef(model.predict(X), product)[0, 1] > 0.95
    assert 0.8 < model.predict(X).std() / product.std() < 1.2
    losses = model.loss_history["train"]
    assert len(losses) == 100
    assert losses[-1] < losses[0]


def test_an_option_of_the_estimator_reaches_it():
    assert len(fitted("random_forest", n_estimators=7).estimator.estimators_) == 7
    assert family_options("random_forest", "regression")["min_samples_leaf"] == 50


def test_a_decision_tree_stays_small_enough_to_read():
    tree = fitted("decision_tree").estimator.tree_
    assert tree.max_depth == 4
    assert tree.n_node_samples[tree.children_left == -1].min() >= 50


@pytest.mark.parametrize("family", [*LINEAR, "logistic", "mlp"])
def test_a_linear_model_or_network_answers_where_its_arithmetic_overflows(family):
    huge = np.array([[np.finfo(np.float64).max, 0.0], [0.0, 0.0]])
    narrow = X / 10  # so that dividing by the deviation overflows
    y = Y > 0 if family == "logistic" else Y
    spec = ModelSpec("m", family, "y", "classification" if family == "logistic" else "regression")
    model = build_model(spec, FEATURES).fit(narrow, y)
    with np.errstate(over="ignore", invalid="ignore"):
        assert model.predict(huge)[1] == model.predict(huge[1:])[0]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec("m", "rigde", "y"), "There is no model family 'rigde'; choose one of ridge, "),
        (ModelSpec("m", "ridge", "y", options={"alpah": 1}), "ridge has no option 'alpah'; its options are alpha, "),
        (
            ModelSpec("m", "lstm", "y", options={"unit": 1}),
            "lstm has no option 'unit'; its options are units",
        ),
        (ModelSpec("m", "ridge", "y", options={"random_state": 1}), "ridge has no option 'random_state'"),
        (ModelSpec("m", "ridge", "y", "classification"), "choose one of logistic, random_forest, gradient_boosting, "),
        (ModelSpec("m", "logistic", "y"), "logistic cannot do regression; choose one of ridge, linear, lasso, "),
        (ModelSpec("m", "lstm", "y"), "windows of at least 2 steps, got sequence_length 1; set it to 2 or more"),
        (
            ModelSpec("m", "ridge", "y", sequence_length=5),
            "takes one row, got sequence_length 5; set it to 1 or choose one of lstm, gru, tcn, transformer",
        ),
        (
            ModelSpec("m", "gru", "y", options={"units": 0}, sequence_length=2),
            "gru takes units as a whole number from 1",
        ),
        (
            ModelSpec("m", "tcn", "y", options={"blocks": 2.5}, sequence_length=2),
            "blocks as a whole number from 1 on, got 2.5",
        ),
        (
            ModelSpec("m", "lstm", "y", options={"epochs": True}, sequence_length=2),
            "epochs as a whole number from 1 on, got True",
        ),
        (
            ModelSpec("m", "gradient_boosting", "y", options={"loss": "poisson"}),
            "takes loss squared_error, absolute_error, quantile, got 'poisson'",
        ),
        (
            ModelSpec("m", "gradient_boosting", "y", options={"loss": "quantile"}),
            "takes quantile with loss = 'quantile', for example 0.9, and only then",
        ),
        (ModelSpec("m", "gradient_boosting", "y", options={"quantile": 0.5}), "and only then"),
        (
            ModelSpec("m", "gradient_boosting", "y", options={"loss": "quantile", "quantile": 1}),
            "quantile lies between 0 and 1, got 1",
        ),
        (ModelSpec("m", "lstm", "y", options={"dropout": 1}, sequence_length=2), "dropout from 0 to below 1, got 1"),
        (
            ModelSpec("m", "lstm", "y", options={"learning_rate": "x"}, sequence_length=2),
            "learning_rate above 0, got 'x'",
        ),
    ],
)
def test_a_spec_that_cannot_be_fitted_is_refused_with_the_remedy(spec, message):
    with pytest.raises(UsageError, match=message):
        build_model(spec, FEATURES)


def test_a_value_that_scikit_learn_refuses_is_told_in_one_line():
    with pytest.raises(UsageError, match="ridge refuses an option: The 'alpha' parameter") as refused:
        fitted("ridge", alpha=-1)
    assert "\n" not in str(refused.value)


def test_input_of_another_shape_is_refused_with_the_features():
    with pytest.raises(ModelContractError, match=r"shape \(rows, 2\), got \(5, 3\); pass the features momentum, imbal"):
        fitted("ridge").predict(np.zeros((5, 3)))


def test_a_regressor_has_no_probability():
    with pytest.raises(ModelContractError, match="The model of y predicts a number, which has no probability"):
        fitted("ridge").predict_probability(X)
