"""Prediction intervals from the errors on rows that the model was not fitted on."""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def conformal_half_width(residuals: Values, coverage: float) -> float:
    """Return the half width of a split-conformal interval (Vovk et al. 2005; Lei et al. 2018, theorem 2.2).

    It is the ``ceil((n + 1) * coverage)``-th smallest absolute residual. A new row that is exchangeable with the n
    calibration rows then lies inside with a probability of at least ``coverage``, whatever the model and the
    distribution. Rows of a market that changes are not exchangeable, so the coverage of saved predictions is worth
    watching.

    >>> conformal_half_width(np.array([0.5, -3.0, 1.0, 2.0]), coverage=0.8)
    3.0

    Args:
        residuals: (n_calibration,) actual minus predicted of the calibration rows, in the unit of the label.
        coverage: Probability that the interval covers, between 0 and 1.

    Returns:
        The half width in the unit of the label; NaN where there are too few rows for the coverage (the interval would
        be infinite).
    """
    n_rows = len(residuals)
    # Rounded so that 0.9 * 10, which is 9.000000000000002 for some products, counts as 9.
    rank = math.ceil(round((n_rows + 1) * coverage, 9))
    if rank > n_rows:
        return math.nan
    return float(np.partition(np.abs(residuals), rank - 1)[rank - 1])
