"""What any model has to beat."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def zero_change(n_rows: int) -> Values:
    """Predict for each row that the value will not change: a return of 0, the random walk's forecast."""
    return np.zeros(n_rows)


def last_value(realized: Values) -> Values:
    """Predict that the last realized value of the label's own quantity comes again.

    Args:
        realized: (n_rows,) the value known at the time of each row, for a return over h seconds the return over the h
            seconds just past, so that it does not overlap with the label; NaN where it is not known yet.

    Returns:
        (n_rows,) in the unit of the label; 0 where nothing is known.
    """
    return np.where(np.isfinite(realized), realized, 0.0)


def moving_average(realized: Values) -> Values:
    """Predict the mean of the values realized last.

    Args:
        realized: (n_rows, n_values) as in :func:`last_value`, one column each for values that do not overlap; NaN where
            one is not known.

    Returns:
        (n_rows,) in the unit of the label; 0 where nothing is known.
    """
    is_known = np.isfinite(realized)
    return np.where(is_known, realized, 0.0).sum(axis=1) / np.maximum(is_known.sum(axis=1), 1)
