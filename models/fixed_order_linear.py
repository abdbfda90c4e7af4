"""Linear estimators whose result for a row does not depend on the rows around it.

BLAS sums the products of a row in another order for 1 row than for 1,000, so scikit-learn's own linear models give
results that differ in the last bits with the size of the batch (measured: 0.4 to 0.7 of single rows, up to 5e-15).
Here the products are added from the first feature to the last in every case, so SQL, a batch job and a stream agree
bit for bit. Only prediction differs from the parent classes; fitting is theirs, but for the unit of lasso's penalty.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    OrthogonalMatchingPursuit,
    QuantileRegressor,
    Ridge,
    SGDRegressor,
    TheilSenRegressor,
)
from sklearn.svm import LinearSVR
from sklearn.utils.validation import check_is_fitted, validate_data


def sum_in_order(X: NDArray[np.float64], coefficients: NDArray[np.float64], intercept: float) -> NDArray[np.float64]:
    """Return ``intercept + X[:, 0] * coefficients[0] + X[:, 1] * coefficients[1] + …``, added from left to right."""
    total = np.full(X.shape[0], intercept, dtype=np.float64)
    for column, coefficient in enumerate(coefficients):
        total += X[:, column] * coefficient
    return total


class FixedOrder:
    """``predict`` of linear regressions.

    Inputs near the largest double may overflow on the way; the row then gets an infinity or NaN, no error.
    """

    coef_: NDArray[np.float64]
    intercept_: float | NDArray[np.float64]

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one value a row."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite=False)
        return sum_in_order(rows, self.coef_, float(np.ravel(self.intercept_)[0]))


class FixedOrderLinearRegression(FixedOrder, LinearRegression):
    """Least squares."""


class FixedOrderRidge(FixedOrder, Ridge):
    """Least squares with a penalty on the squares of the coefficients."""


class FixedOrderLasso(FixedOrder, Lasso):
    """Least squares with a penalty on the sizes of the coefficients, which sets those of useless features to 0.

    ``alpha`` counts in standard deviations of the label: scikit-learn's own counts in units of the label, where a
    useful value for returns would be a millionth.
    """

    def fit(self, X: NDArray[np.float64], y: NDArray[np.float64], **options: Any) -> Self:
        """Fit on the standardized label; coefficients and intercept are in its unit again."""
        scale = float(np.std(y)) or 1.0
        super().fit(X, y / scale, **options)
        self.coef_ = self.coef_ * scale
        self.intercept_ = self.intercept_ * scale
        return self


class FixedOrderARDRegression(FixedOrder, ARDRegression):
    """Bayesian ridge with a penalty for each feature."""


class FixedOrderBayesianRidge(FixedOrder, BayesianRidge):
    """Ridge whose penalty is learned from the rows."""


class FixedOrderElasticNet(FixedOrder, ElasticNet):
    """Both penalties, in the unit of the label as in scikit-learn; with ``l1_ratio=1`` its lasso."""


class FixedOrderHuberRegressor(FixedOrder, HuberRegressor):
    """Least squares for small residuals, absolute values for large ones."""


class FixedOrderLinearSVR(FixedOrder, LinearSVR):
    """Linear support vector regression."""


class FixedOrderOrthogonalMatchingPursuit(FixedOrder, OrthogonalMatchingPursuit):
    """Least squares on few features, chosen one after the other."""


class FixedOrderQuantileRegressor(FixedOrder, QuantileRegressor):
    """A linear quantile."""


class FixedOrderSGDRegressor(FixedOrder, SGDRegressor):
    """Stochastic gradient descent on a penalized loss."""


class FixedOrderTheilSenRegressor(FixedOrder, TheilSenRegressor):
    """Spatial median of least squares on subsets of the rows."""


class FixedOrderClassifier:
    """``decision_function`` of linear classifiers; overflow as above."""

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds: (n_rows,) for two classes, else (n_rows, n_classes)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite=False)
        scores = [
            sum_in_order(rows, weights, intercept)
            for weights, intercept in zip(self.coef_, self.intercept_, strict=True)
        ]
        return scores[0] if len(scores) == 1 else np.column_stack(scores)


class FixedOrderLogisticRegression(FixedOrderClassifier, LogisticRegression):
    """Logistic regression."""


class FixedOrderLinearDiscriminantAnalysis(FixedOrderClassifier, LinearDiscriminantAnalysis):
    """Normal classes with one covariance."""


class FixedOrderPCA(PCA):
    """Principal components."""

    def transform(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n_rows, n_components): the centred rows along each component, over its deviation where whitened."""
        check_is_fitted(self)
        centred = validate_data(self, X, dtype=np.float64, reset=False) - self.mean_
        along = np.column_stack([sum_in_order(centred, component, 0.0) for component in self.components_])
        return along / np.sqrt(self.explained_variance_) if self.whiten else along

    def fit_transform(self, X: NDArray[np.float64], y: Any = None) -> NDArray[np.float64]:
        """Fit, and return what ``transform`` gives: the steps after it learn from what they will be asked with."""
        return self.fit(X, y).transform(X)
