import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier, MLPRegressor

from models.fixed_order_network import FixedOrderMLPClassifier, FixedOrderMLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
Y = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=300)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of scikit-learn's own
OPTIONS = {"hidden_layer_sizes": (8, 5), "max_iter": 20, "random_state": 3}
REGRESSOR = FixedOrderMLPRegressor(**OPTIONS).fit(X, 1e-4 * Y + 7)
THREE = np.digitize(Y, [-0.5, 0.5])


def test_a_regressor_predicts_what_scikit_learn_predicts_of_the_standardized_label():
    label = 1e-4 * Y + 7
    theirs = MLPRegressor(**OPTIONS).fit(X, (label - label.mean()) / label.std())
    expected = label.mean() + label.std() * theirs.predict(X)
    np.testing.assert_allclose(REGRESSOR.predict(X), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("labels", [Y > 0, THREE, np.where(Y > 0, "up", "down")], ids=["two", "three", "text"])
def test_a_classifier_predicts_what_scikit_learn_predicts(labels, activation):
    options = {**OPTIONS, "activation": activation, "max_iter": 3}
    ours, theirs = FixedOrderMLPClassifier(**options).fit(X, labels), MLPClassifier(**options).fit(X, labels)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-13)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()


@given(st.integers(0, 299), st.integers(1, 40))
def test_a_row_gets_the_same_number_whatever_rows_come_with_it(first, n_rows):
    part = slice(first, first + n_rows)
    assert REGRESSOR.predict(X[part]).tolist() == REGRESSOR.predict(X)[part].tolist()


def test_early_stopping_sees_the_standardized_label():
    model = FixedOrderMLPRegressor(**{**OPTIONS, "max_iter": 200}, early_stopping=True).fit(X, 1e-4 * Y + 7)
    assert model.validation_scores_[-1] > 0  # of the label in its own unit R2 would be far below


def test_what_only_training_needs_is_dropped():
    assert not {"_optimizer", "_random_state"} & vars(REGRESSOR).keys()


def test_a_second_fit_begins_anew():
    model = FixedOrderMLPRegressor(**OPTIONS).fit(X, 5 * Y)
    assert model.fit(X, 1e-4 * Y + 7).predict(X).tolist() == REGRESSOR.predict(X).tolist()
