"""Linear models of many groups as one table of coefficients, of which each row takes those of its group."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.fixed_order_linear import FixedOrderLogisticRegression
from models.protocol import Labels, Rows

Values = NDArray[np.float64]
Positions = NDArray[np.int64]
_ROWS_AT_ONCE = 2_048  # rows and results of a step stay in the processor's cache


class _Scored(FixedOrderLogisticRegression):
    """Logistic regression that is given its scores in the place of rows."""

    def decision_function(self, X: Values) -> Values:
        return X


class LinearChildren:
    """Pipelines of a StandardScaler and a linear model, one a group; each row gets what its own pipeline answers.

    The terms are added in the order of ``models.fixed_order_linear``, so the answers are the same to the last bit.

    Attributes:
        arrays: ``mean`` and ``scale`` (n_groups, n_features), ``coefficient`` (n_outputs, n_groups, n_features) and
            ``intercept`` (n_outputs, n_groups); a classifier of two classes has one output.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]], parent: Any) -> None:
        """Take the table, and the fitted pipeline of all rows, whose classes are those of the groups."""
        self.arrays = arrays
        self._parent = parent
        linear = parent[-1]
        self._classifier = None
        if hasattr(linear, "classes_"):
            self._classifier = _Scored(**linear.get_params())
            self._classifier.classes_, self._classifier.coef_ = linear.classes_, linear.coef_
            self._classifier.n_features_in_ = linear.n_features_in_

    @classmethod
    def of(cls, pipelines: Sequence[Any], parent: Any) -> Self:
        """Return the table of fitted pipelines; their place in the sequence is the position of their group."""
        scalers, linears = [pipeline[0] for pipeline in pipelines], [pipeline[-1] for pipeline in pipelines]
        coefficients = [np.atleast_2d(linear.coef_) for linear in linears]
        intercepts = [np.atleast_1d(linear.intercept_) for linear in linears]
        arrays = {
            "mean": np.stack([scaler.mean_ for scaler in scalers]),
            "scale": np.stack([scaler.scale_ for scaler in scalers]),
            "coefficient": np.stack(coefficients, axis=1),
            "intercept": np.stack(intercepts, axis=1).astype(np.float64),
        }
        return cls({name: np.ascontiguousarray(array) for name, array in arrays.items()}, parent)

    def check(self, n_features: int, n_groups: int) -> bool:
        """Whether the table fits the model: what was read from a file may be anything."""
        n_outputs = len(np.atleast_2d(self._parent[-1].coef_))
        shapes = {
            "mean": (n_groups, n_features),
            "scale": (n_groups, n_features),
            "coefficient": (n_outputs, n_groups, n_features),
            "intercept": (n_outputs, n_groups),
        }
        return all(
            self.arrays[name].shape == shape and self.arrays[name].dtype == np.float64 for name, shape in shapes.items()
        )

    def predict(self, features: Rows, position: Positions) -> Labels:
        """One prediction a row, by the model at its position."""
        scores = self._scores(features, position)
        return scores if self._classifier is None else self._classifier.predict(scores)

    def predict_probability(self, features: Rows, position: Positions) -> Values:
        """(n_rows, n_classes), by the model at each row's position."""
        assert self._classifier is not None
        return self._classifier.predict_proba(self._scores(features, position))

    def child(self, position: int) -> Any:
        """Return the pipeline of a group as it was fitted, to explain it."""
        from sklearn.base import clone
        from sklearn.pipeline import make_pipeline

        scaler, linear = clone(self._parent[0]), clone(self._parent[-1])
        vars(scaler).update(vars(self._parent[0]))
        vars(linear).update(vars(self._parent[-1]))
        scaler.mean_, scaler.scale_ = self.arrays["mean"][position], self.arrays["scale"][position]
        scaler.var_ = scaler.scale_**2
        coefficient, intercept = self.arrays["coefficient"][:, position], self.arrays["intercept"][:, position]
        is_regressor = self._classifier is None
        linear.coef_ = coefficient[0] if is_regressor else coefficient
        linear.intercept_ = float(intercept[0]) if is_regressor else intercept
        return make_pipeline(scaler, linear)

    def _scores(self, features: Rows, position: Positions) -> Values:
        """(n_rows,) values of a regressor or log odds of two classes, else (n_rows, n_classes)."""
        n_outputs = len(self.arrays["intercept"])
        scores = np.empty((n_outputs, len(features)))
        for start in range(0, len(features), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            self._add_terms(features[rows], position[rows], scores[:, rows])
        return scores[0] if n_outputs == 1 else np.ascontiguousarray(scores.T)

    def _add_terms(self, features: Rows, position: Positions, scores: Values) -> None:
        standardized = features - self.arrays["mean"].take(position, axis=0)
        standardized /= self.arrays["scale"].take(position, axis=0)
        scores[:] = self.arrays["intercept"][:, position]
        for total, coefficient in zip(scores, self.arrays["coefficient"], strict=True):
            terms = standardized * coefficient.take(position, axis=0)
            for column in range(terms.shape[1]):
                total += terms[:, column]
