"""Shapley values of linear models on standardized features: coefficient times distance from the training mean.

With features taken as independent this is exact (Lundberg and Lee 2017, corollary 1).
"""

from typing import Any

import numpy as np

from models.explanation import Explanation
from models.protocol import Rows


class LinearExplainer:
    """Explains a pipeline of a StandardScaler and ridge or logistic regression.

    The baseline is the value at the training mean, where every standardized feature is 0: the intercept.
    """

    def __init__(self, estimator: Any) -> None:
        """Take the fitted pipeline."""
        self._scaler, self._linear = estimator[0], estimator[-1]
        coefficients = np.atleast_2d(self._linear.coef_)
        intercepts = np.atleast_1d(self._linear.intercept_)
        self._has_classes = hasattr(self._linear, "classes_")
        if self._has_classes and len(coefficients) == 1:
            # Two classes: the log odds of the first are minus those of the second.
            coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.append(-intercepts, intercepts)
        self._coefficients, self._intercepts = coefficients, intercepts

    def explain(self, rows: Rows) -> Explanation:
        """Explain rows of shape (n_rows, n_features)."""
        standardized = self._scaler.transform(rows)
        if not self._has_classes:
            terms = standardized * self._coefficients[0]
            return Explanation(terms, np.full(len(rows), self._intercepts[0]), self._linear.predict(standardized))
        scores = self._linear.decision_function(standardized)
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        predicted = scores.argmax(axis=1)
        explained = np.take_along_axis(scores, predicted[:, None], axis=1)[:, 0]
        return Explanation(standardized * self._coefficients[predicted], self._intercepts[predicted], explained)
