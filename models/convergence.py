"""A fit that tells whether its solver has converged, where scikit-learn would print a warning of several lines."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning


def fit_and_tell(estimator: Any, X: Any, y: Any, **options: Any) -> bool:
    """Fit; False where the solver came to its limit of iterations first. Other warnings are given as ever."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        estimator.fit(X, y, **options)
    others = [one for one in caught if not issubclass(one.category, ConvergenceWarning)]
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return len(others) == len(caught)
