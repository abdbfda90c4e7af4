"""Rows of the kernel as Arrow rows: packed, to be added up with those of other tasks, or as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.bar_schema import BAR_SCHEMA, FLOW_NAMES, PACKED_SCHEMA, SIZE
from jobs.bars.layout import (
    CLOSE,
    GROUP,
    HAS_PRICE,
    HIGH,
    LAST_EVENT_US,
    LAST_TRADE_US,
    LOW,
    N_FIELDS,
    N_TRADES,
    NOTIONAL,
    OPEN,
    START_US,
    VOLUME,
)

Names = Sequence[tuple[str, str]]  # exchange and symbol by group
# A packed row has at most so many parts. Spark hands 10,000 rows at a time to a worker, however large: 59 MB of these.
# Its limit in bytes would add up the sizes of all columns at each row of every query, also where rows are scored.
_STRETCH_BARS = 16
_LOWER = 0xFFFFFFFF  # 32 bits
_UNITS = 1e8  # of a price or size


def packed_rows(rows: np.ndarray, names: Names, width_us: int) -> pa.RecordBatch:
    """The parts of each symbol and stretch of time as one row of ``PACKED_SCHEMA``."""
    stretch = rows[:, START_US] // (width_us * _STRETCH_BARS)
    order = np.lexsort((stretch, rows[:, GROUP]))
    rows, stretch = rows[order], stretch[order]
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (np.diff(rows[:, GROUP]) != 0) | (np.diff(stretch) != 0)
    first = np.flatnonzero(is_first)
    borders = np.append(first, len(rows)).astype(np.int32) * (N_FIELDS * rows.itemsize)
    parts = pa.Array.from_buffers(pa.binary(), len(first), [None, pa.py_buffer(borders), pa.py_buffer(rows)])
    columns = [*_named(rows[first, GROUP], names), pa.array(stretch[first]), parts]
    return pa.RecordBatch.from_arrays(columns, schema=PACKED_SCHEMA)


def unpacked_rows(parts: pa.BinaryScalar) -> np.ndarray:
    """The parts of one packed row."""
    return np.frombuffer(parts.as_buffer(), dtype=np.int64).reshape(-1, N_FIELDS)


def bar_rows(rows: np.ndarray, names: Names) -> pa.RecordBatch:
    """Bars as rows of ``BAR_SCHEMA``."""
    has_trade, has_price = rows[:, N_TRADES] > 0, rows[:, HAS_PRICE] > 0
    exchange, symbol = _named(rows[:, GROUP], names)
    columns = {
        "exchange": exchange,
        "symbol": symbol,
        "bar_start": _instants(rows[:, START_US]),
        "last_event_at": _instants(rows[:, LAST_EVENT_US]),
        "last_trade_at": _instants(rows[:, LAST_TRADE_US], has_trade),
        "n_trades": pa.array(rows[:, N_TRADES]),
        "volume": _sums(rows[:, VOLUME : VOLUME + 2]),
        "vwap": _vwap(rows[:, NOTIONAL : NOTIONAL + 4], rows[:, VOLUME : VOLUME + 2], has_price),
    }
    for name, at in (("open", OPEN), ("close", CLOSE), ("high", HIGH), ("low", LOW)):
        words = np.stack([rows[:, at], rows[:, at] >> 63], axis=1)
        columns[name] = decimals_of(words, DECIMAL, has_price)
    for count, size, at in FLOW_NAMES:
        columns[count] = pa.array(rows[:, at])
        columns[size] = _sums(rows[:, at + 1 : at + 3])
    return pa.RecordBatch.from_arrays([columns[name] for name in BAR_SCHEMA.names], schema=BAR_SCHEMA)


def _named(groups: np.ndarray, names: Names) -> tuple[pa.Array, pa.Array]:
    exchange, symbol = (pa.array([name[i] for name in names], pa.string()).take(pa.array(groups)) for i in (0, 1))
    return exchange, symbol


def _instants(values: np.ndarray, is_there: np.ndarray | None = None) -> pa.Array:
    return pa.array(values, mask=None if is_there is None else ~is_there).cast(pa.timestamp("us")).cast(INSTANT)


def _sums(numbers: np.ndarray) -> pa.Array:
    return decimals_of(words_of_sums(numbers), SIZE)


def words_of_sums(numbers: np.ndarray) -> np.ndarray:
    """Two words a value from the sum of the lower 32 bits and of those above them."""
    lower, upper = carried(numbers)
    return np.stack([lower | (upper << 32), upper >> 32], axis=1)


def _vwap(notional: np.ndarray, volume: np.ndarray, has_price: np.ndarray) -> pa.Array:
    """Sum of price times size by sum of sizes, each rounded once from its exact value."""
    base = _rounded(volume)
    is_there = has_price & (base != 0)
    return pa.array(_rounded(notional) / np.where(is_there, base, 1.0) / _UNITS, mask=~is_there)


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """The value of a sum that is held as two or four numbers, as a double."""
    total = np.zeros(len(numbers))
    for digits in reversed(carried(numbers)):
        total = total * 2.0**32 + digits
    return total


def carried(numbers: np.ndarray) -> list[np.ndarray]:
    """The same sums in digits of 32 bits, the least first; the last one has the sign, and the bits that are left."""
    *lower, upper = numbers.T
    digits, carry = [], np.zeros(len(numbers), dtype=np.int64)
    for number in lower:
        total = number + carry
        digits.append(total & _LOWER)
        carry = total >> 32
    return [*digits, upper + carry]


def decimals_of(words: np.ndarray, kind: pa.Decimal128Type, is_there: np.ndarray | None = None) -> pa.Array:
    """DECIMAL of ``kind`` from two words a value; NULL where nothing is there."""
    bits = None if is_there is None else pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(words), [bits, pa.py_buffer(np.ascontiguousarray(words))])
