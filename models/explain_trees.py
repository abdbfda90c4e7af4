"""Shapley values of trees, forests and boosted trees."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.explanation import Explanation
from models.protocol import Rows
from models.tree_leaves import leaves_of_boosting, leaves_of_forest
from models.tree_shap import leaf_attributions

Outputs = NDArray[np.int64]


class TreeExplainer:
    """Explains a decision tree, a random forest or histogram gradient boosting with ``models.tree_shap``."""

    def __init__(self, estimator: Any) -> None:
        """Take the fitted estimator and lay out its leaves.

        Raises:
            ModelContractError: The trees split by categories.
        """
        self._estimator = estimator
        self._is_boosting = hasattr(estimator, "_predictors")
        self._leaves = leaves_of_boosting(estimator) if self._is_boosting else leaves_of_forest(estimator)

    def explain(self, rows: Rows) -> Explanation:
        """Explain rows of shape (n_rows, n_features)."""
        predicted, explained = self._explained(rows)
        # Trees of a forest compare float32 values, so the same rounding decides on which side of a split a row lies.
        compared = rows if self._is_boosting else rows.astype(np.float32).astype(np.float64)
        attributions = leaf_attributions(compared, predicted, self._leaves)
        return Explanation(attributions, self._leaves.expectation[predicted], explained)

    def _explained(self, rows: Rows) -> tuple[Outputs, NDArray[np.float64]]:
        """Return which output of the trees is explained for each row, and its value."""
        if not hasattr(self._estimator, "classes_"):
            return np.zeros(len(rows), dtype=np.int64), self._estimator.predict(rows)
        values = self._estimator.predict_proba(rows)
        predicted = values.argmax(axis=1)
        if self._is_boosting:
            values = self._estimator.decision_function(rows)
            values = np.column_stack([-values, values]) if values.ndim == 1 else values
        return predicted, np.take_along_axis(values, predicted[:, None], axis=1)[:, 0]
