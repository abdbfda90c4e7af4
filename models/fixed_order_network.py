"""Small dense networks of scikit-learn whose result for a row does not depend on the rows around it.

As in ``models.fixed_order_linear`` products are added from the first input to the last. What only training needs is
dropped once it has ended, so that an artifact holds numbers and no optimizer.
"""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network._base import ACTIVATIONS
from sklearn.utils.validation import check_is_fitted, validate_data

Values = NDArray[np.float64]
_OF_TRAINING = ("_optimizer", "_random_state", "_no_improvement_count")


class _FixedOrder:
    """What both networks share."""

    def _fit_quietly(self, X: Values, y: NDArray[Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is how long to train, not a failure
            super().fit(X, y)  # type: ignore[misc]
        for name in _OF_TRAINING:
            vars(self).pop(name, None)

    def _forward_pass_fast(self: Any, X: Values, check_input: bool = True) -> Values:
        values = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite=False) if check_input else X
        for layer, (weights, biases) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
            total = np.tile(biases, (len(values), 1))
            for place, of_input in enumerate(weights):
                total += values[:, place, None] * of_input
            is_last = layer == len(self.coefs_) - 1
            ACTIVATIONS[self.out_activation_ if is_last else self.activation](total)
            values = total
        return values


class FixedOrderMLPRegressor(_FixedOrder, MLPRegressor):
    """A network on the standardized label; its predictions are in the unit of the label."""

    def fit(self, X: Values, y: Values) -> Self:
        """Fit; a second fit begins anew."""
        self.label_center_, self.label_scale_ = 0.0, 1.0  # what early stopping is told
        center, scale = float(np.mean(y)), float(np.std(y)) or 1.0
        self._fit_quietly(X, (y - center) / scale)
        self.label_center_, self.label_scale_ = center, scale
        return self

    def predict(self, X: Values) -> Values:
        """Return one value a row."""
        check_is_fitted(self)
        return self.label_center_ + self.label_scale_ * super().predict(X)


class FixedOrderMLPClassifier(_FixedOrder, MLPClassifier):
    """A network that gives each class a probability."""

    def fit(self, X: Values, y: NDArray[Any]) -> Self:
        """Fit; a second fit begins anew."""
        self._fit_quietly(X, y)
        return self
