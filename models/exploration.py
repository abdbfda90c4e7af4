"""What a variable looks like before any model: distribution, day, memory, and what it tells about later returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bootstrap import Interval, mean_interval
from models.metrics import mean_ranks

Values = NDArray[np.float64]
HOURS = 24
_FEWEST = 30  # pairs of one symbol below which nothing is said
_BLOCKS = 10  # at least so many blocks of overlapping returns, or no interval


@dataclass(frozen=True)
class Track:
    """A variable of one symbol in order of time.

    Attributes:
        position: Number of the bar since 1970, ascending, each once; holes are bars that are not there.
        values: Of the variable, NaN where it is missing.
        close: Last price of the bar, NaN before the first trade.
    """

    position: NDArray[np.int64]
    values: Values
    close: Values


def describe(values: Values) -> dict[str, float]:
    """n, share_null, mean, deviation (of the sample), skewness, kurtosis (0 for a normal one), p01, median and p99.

    Skewness and kurtosis are the third and fourth standardized moments; NaN where the values do not vary.
    """
    known = values[np.isfinite(values)]
    names = ("mean", "deviation", "skewness", "kurtosis", "p01", "median", "p99")
    found = {"n": float(len(known)), "share_null": 1 - len(known) / len(values) if len(values) else float("nan")}
    found |= dict.fromkeys(names, float("nan"))
    if not len(known):
        return found
    centered, spread = known - known.mean(), known.std()
    found["mean"] = float(known.mean())
    found["deviation"] = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    if spread > 0:
        found["skewness"] = float(np.mean((centered / spread) ** 3))
        found["kurtosis"] = float(np.mean((centered / spread) ** 4)) - 3
    found |= dict(zip(("p01", "median", "p99"), map(float, np.quantile(known, [0.01, 0.5, 0.99])), strict=True))
    return found


def at_offset(values: Values, position: NDArray[np.int64], n_bars: int) -> Values:
    """The value ``n_bars`` later than each (earlier where negative); NaN where that bar is not there.

    >>> at_offset(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 3]), 1).tolist()
    [2.0, nan, nan]
    """
    found = np.searchsorted(position, position + n_bars)
    found = np.minimum(found, len(position) - 1)
    return np.where(position[found] == position + n_bars, values[found], np.nan)


def autocorrelation(tracks: Sequence[Track], n_bars: int) -> float:
    """Correlation of the variable with itself ``n_bars`` before, around each symbol's mean; NaN if constant."""
    now, before = [], []
    for track in tracks:
        earlier = at_offset(track.values, track.position, -n_bars)
        both = np.isfinite(track.values) & np.isfinite(earlier)
        if both.sum() >= _FEWEST:
            now.append(track.values[both] - track.values[both].mean())
            before.append(earlier[both] - earlier[both].mean())
    if not now:
        return float("nan")
    x, y = np.concatenate(now), np.concatenate(before)
    scale = float(np.sqrt(np.sum(x * x) * np.sum(y * y)))
    return float(np.sum(x * y) / scale) if scale > 0 else float("nan")


def forward_return(track: Track, n_bars: int) -> Values:
    """ln(close ``n_bars`` later / close); NaN where one of them is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(at_offset(track.close, track.position, n_bars) / track.close)


def information_coefficient_ahead(tracks: Sequence[Track], n_bars: int) -> Interval | None:
    """Spearman's correlation of the variable with the return over the next bars, and its 95 % interval.

    Ranks are taken within a symbol; symbols of one instant are averaged before the bootstrap over time, since they move
    together. Blocks are five horizons long, for returns that overlap go together. None where there are too few rows.

    Source: Grinold (1989), "The fundamental law of active management"; the interval as in ``models.bootstrap``.
    """
    positions, products = [], []
    for track in tracks:
        ahead = forward_return(track, n_bars)
        both = np.isfinite(track.values) & np.isfinite(ahead)
        if both.sum() < _FEWEST:
            continue
        ranks = [mean_ranks(side[both]) for side in (track.values, ahead)]
        if min(np.ptp(rank) for rank in ranks) == 0:
            continue
        x, y = ((rank - rank.mean()) / rank.std() for rank in ranks)
        positions.append(track.position[both])
        products.append(x * y)
    if not positions:
        return None
    instants, place = np.unique(np.concatenate(positions), return_inverse=True)
    by_instant = np.bincount(place, np.concatenate(products)) / np.bincount(place)
    block_length = max(5.0 * n_bars, len(instants) ** (1 / 3))
    if len(instants) < _BLOCKS * block_length:
        return None
    return mean_interval(by_instant, block_length)


def hourly_means(tracks: Sequence[Track], bar_seconds: int) -> Values:
    """Mean of the variable by hour of the day (UTC) at the end of the bar, (24,); NaN for an hour without a value."""
    position = np.concatenate([track.position for track in tracks])
    values = np.concatenate([track.values for track in tracks])
    is_known = np.isfinite(values)
    hour = ((position[is_known] + 1) * bar_seconds // 3600 % HOURS).astype(np.int64)
    count = np.bincount(hour, minlength=HOURS)
    with np.errstate(invalid="ignore"):
        return np.bincount(hour, values[is_known], minlength=HOURS) / np.where(count, count, np.nan)
