import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge

from models.fixed_order_linear import (
    FixedOrderLasso,
    FixedOrderLinearRegression,
    FixedOrderLogisticRegression,
    FixedOrderRidge,
    sum_in_order,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 15))
Y = X @ RNG.normal(size=15) + RNG.normal(size=400)


def test_products_are_added_from_the_first_feature_to_the_last():
    row, weights = [1e16, 1.0, -1e16], [1.0, 1.0, 1.0]
    assert sum_in_order(np.array([row]), np.array(weights), 0.5).tolist() == [((0.5 + 1e16) + 1.0) + -1e16]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (FixedOrderRidge(alpha=2.0), Ridge(alpha=2.0)),
        (FixedOrderLinearRegression(), LinearRegression()),
        (FixedOrderLasso(alpha=0.05, tol=1e-10), Lasso(alpha=0.05 * Y.std(), tol=1e-10)),
    ],
    ids=["ridge", "least squares", "lasso"],
)
def test_a_linear_regression_predicts_what_scikit_learn_predicts(ours, theirs):
    ours, theirs = ours.fit(X, Y), theirs.fit(X, Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-8)
    assert (ours.coef_ == 0).tolist() == (theirs.coef_ == 0).tolist()
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-7)


def test_ridge_has_scikit_learns_coefficients_to_the_last_bit():
    ours, theirs = FixedOrderRidge(alpha=2.0).fit(X, Y), Ridge(alpha=2.0).fit(X, Y)
    assert ours.coef_.tolist() == theirs.coef_.tolist()
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-13)


@pytest.mark.parametrize("labels", [Y > 0, np.digitize(Y, [-1, 1])], ids=["two classes", "three classes"])
def test_logistic_regression_predicts_what_scikit_learn_predicts(labels):
    ours, theirs = FixedOrderLogisticRegression().fit(X, labels), LogisticRegression().fit(X, labels)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-13)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()


@given(st.integers(0, 399), st.integers(1, 40))
def test_a_row_gets_the_same_number_whatever_rows_come_with_it(first, n_rows):
    ridge = FixedOrderRidge().fit(X, Y)
    logistic = FixedOrderLogisticRegression().fit(X, Y > 0)
    part = slice(first, first + n_rows)
    assert ridge.predict(X[part]).tolist() == ridge.predict(X)[part].tolist()
    assert logistic.predict_proba(X[part]).tolist() == logistic.predict_proba(X)[part].tolist()
