"""Confidence intervals for differences of errors that follow each other in time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

Values = NDArray[np.float64]
_BLOCKS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, in the unit of the values."""

    mean: float
    lower: float
    upper: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.lower > 0 or self.upper < 0


def squared_error_difference(actual: Values, predicted: Values, baseline: Values) -> Values:
    """Return, a row, the squared error of the baseline minus that of the model: above 0 where the model is better."""
    return (baseline - actual) ** 2 - (predicted - actual) ** 2


def mean_interval(
    values: Values, block_length: float, n_resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the stationary bootstrap's basic interval for the mean (Politis and Romano 1994).

    Resampled series are made of blocks that start anywhere, wrap around at the end and have geometric lengths, so the
    dependence between rows up to about ``block_length`` rows is kept. A label that looks ahead h rows makes neighbours
    overlap: take a block length of several times h.

    Args:
        values: (n_rows,) in the order of time.
        block_length: Mean length of a block in rows, at least 1 and at most the number of rows.
        n_resamples: Number of resampled series.
        level: Probability that the interval covers the mean, between 0 and 1.
        seed: Makes the result repeatable.

    Raises:
        UsageError: ``block_length`` or ``level`` is out of range, or there are no values.
    """
    if not 1 <= block_length <= len(values):
        raise UsageError(
            f"The block length must be from 1 to the number of rows {len(values)}, got {block_length}; change it."
        )
    if not 0 < level < 1:
        raise UsageError(f"The level must be between 0 and 1, got {level}; try 0.95.")
    mean = float(np.mean(values))
    resampled = _resampled_means(values, block_length, n_resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(mean, 2 * mean - float(high), 2 * mean - float(low))


def _resampled_means(values: Values, block_length: float, n_resamples: int, rng: np.random.Generator) -> Values:
    """Return the mean of each resampled series; a block's sum is a difference of two prefix sums."""
    n_rows, mean = len(values), float(np.mean(values))
    prefix_sums = np.concatenate([[0.0], np.cumsum(np.tile(values - mean, 2))])
    expected_blocks = n_rows / block_length
    n_blocks = min(n_rows, int(expected_blocks + 10 * expected_blocks**0.5) + 10)
    series_at_once = max(1, _BLOCKS_AT_ONCE // n_blocks)
    means = []
    for first in range(0, n_resamples, series_at_once):
        shape = (min(series_at_once, n_resamples - first), n_blocks)
        ends = np.minimum(np.cumsum(rng.geometric(1 / block_length, shape), axis=1), n_rows)
        ends[:, -1] = n_rows
        lengths = np.diff(ends, axis=1, prepend=0)
        origins = rng.integers(0, n_rows, shape)
        means.append((prefix_sums[origins + lengths] - prefix_sums[origins]).sum(axis=1) / n_rows)
    return mean + np.concatenate(means)
