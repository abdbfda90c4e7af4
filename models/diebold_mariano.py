"""Is a model better than a baseline by more than chance? The test of Diebold and Mariano."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Outcome of the test; NaN where the losses never differ, or there is one value only.

    Attributes:
        statistic: Mean gain in units of its standard error; above 0 the model is better.
        p_value: Probability of a statistic at least as far from 0 where both predict equally well, two-sided.
    """

    statistic: float
    p_value: float


def diebold_mariano(gain: Values, horizon_steps: int, n_lags: int) -> Comparison:
    """Test whether the mean of ``gain`` is zero (Diebold and Mariano 1995).

    The variance of the mean takes dependence up to ``n_lags`` steps into account with Bartlett's weights (Newey and
    West 1987), under which it is never negative; the statistic has the small-sample correction of Harvey, Leybourne
    and Newbold (1997) and is compared with Student's t of n - 1 degrees of freedom.

    Args:
        gain: (n,) loss of the baseline minus loss of the model, in the order of time.
        horizon_steps: How many steps ahead is predicted, at least 1.
        n_lags: Steps over which gains depend on each other; labels that look h steps ahead overlap for h - 1, and
            several times that loses less.

    Raises:
        UsageError: ``horizon_steps`` or ``n_lags`` is out of range.
    """
    n = len(gain)
    if horizon_steps < 1 or n_lags < 0:
        raise UsageError(f"Steps ahead must be at least 1 and lags at least 0, got {horizon_steps} and {n_lags}.")
    correction = n + 1 - 2 * horizon_steps + horizon_steps * (horizon_steps - 1) / n if n else 0
    variance = _long_run_variance(gain, min(n_lags, n - 1)) if n > 1 else 0.0
    if variance <= 0 or correction <= 0:
        return Comparison(math.nan, math.nan)
    from scipy.special import stdtr

    statistic = float(np.mean(gain)) / math.sqrt(variance / n) * math.sqrt(correction / n)
    return Comparison(statistic, 2 * float(stdtr(n - 1, -abs(statistic))))


def _long_run_variance(gain: Values, n_lags: int) -> float:
    centered = gain - np.mean(gain)
    covariances = [float(centered[lag:] @ centered[: len(gain) - lag]) / len(gain) for lag in range(n_lags + 1)]
    weights = 1 - np.arange(1, n_lags + 1) / (n_lags + 1)
    return covariances[0] + 2 * float(weights @ covariances[1:])
