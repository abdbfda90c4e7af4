"""The compiled passes over quotes: which rows say what the book of a bar is, and what depths amount to."""

from typing import NamedTuple

import numpy as np

from jobs.bars.kernel import is_before, slot_of
from models.compiled import lean_kernel

# Fields of a row behind those that ``slot_of`` knows (see layout.py). NEWEST and DEPTH: time, epoch and sequence of the
# newest quote, and of the newest one that tells a depth; then its place. FLOW: sums of 32, 32 and 64 bits.
HAS_NEWEST, HAS_DEPTH, HAS_FLOW = 3, 4, 5
NEWEST, DEPTH, FLOW = 6, 10, 14
N_QUOTE_FIELDS = 17
_LOWER = 0xFFFFFFFF  # 32 bits
_UNITS, _BPS = 1e8, 10_000.0


class Quotes(NamedTuple):
    """A batch of quotes; ``group`` numbers exchange and symbol."""

    group: np.ndarray  # int64
    time_us: np.ndarray
    epoch: np.ndarray
    sequence: np.ndarray
    is_usable: np.ndarray  # bool
    tells_depth: np.ndarray  # bool
    flow: tuple[np.ndarray, np.ndarray]  # two words a value, validity (empty where no value is NULL)


@lean_kernel
def choose_quotes(parts, width_us, quotes):  # type: ignore[no-untyped-def]
    """Go over all quotes; there must be room for a bar of each."""
    for i in range(len(quotes.time_us)):
        us, epoch, sequence = quotes.time_us[i], quotes.epoch[i], quotes.sequence[i]
        row = parts.rows[slot_of(parts, quotes.group[i], us, width_us)]
        if row[HAS_NEWEST] == 0 or not is_before(us, epoch, sequence, row, NEWEST):
            row[HAS_NEWEST] = 1
            row[NEWEST], row[NEWEST + 1], row[NEWEST + 2], row[NEWEST + 3] = us, epoch, sequence, i
        if quotes.tells_depth[i] and (row[HAS_DEPTH] == 0 or not is_before(us, epoch, sequence, row, DEPTH)):
            row[HAS_DEPTH] = 1
            row[DEPTH], row[DEPTH + 1], row[DEPTH + 2], row[DEPTH + 3] = us, epoch, sequence, i
        words, is_there = quotes.flow
        if quotes.is_usable[i] and (len(is_there) == 0 or is_there[i] != 0):
            row[HAS_FLOW] = 1
            row[FLOW] += words[2 * i] & _LOWER
            row[FLOW + 1] += (words[2 * i] >> 32) & _LOWER
            row[FLOW + 2] += words[2 * i + 1]


@lean_kernel
def measure_depths(offsets, prices, sizes, mids, totals, slopes):  # type: ignore[no-untyped-def]
    """Sum of sizes and slope of each list of levels, best first.

    The slope is that of least squares through the mid: sum(distance * size up to there) / sum(distance^2), in base
    units a bp.

    Args:
        offsets: Where the levels of each row begin, and where the last ones end.
        prices: Two words a level, units of 1e-8.
        sizes: The same.
        mids: Of each row, quote currency a base unit.
        totals: int64[rows, 2]; gets the sums of the lower 32 bits and of those above them.
        slopes: float64[rows]; NaN where no level is away from the mid, or the mid is 0.
    """
    for row in range(len(mids)):
        size, moment, square = 0.0, 0.0, 0.0
        for level in range(offsets[row], offsets[row + 1]):
            units = sizes[2 * level]
            totals[row, 0] += units & _LOWER
            totals[row, 1] += units >> 32
            distance_bps = abs(prices[2 * level] / _UNITS - mids[row]) / mids[row] * _BPS
            size += units / _UNITS
            moment += distance_bps * size
            square += distance_bps * distance_bps
        slopes[row] = moment / square if mids[row] != 0.0 else np.nan
