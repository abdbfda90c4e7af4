"""Rows of the kernel as Arrow rows: packed, to be added up with those of other tasks, or as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.bar_schema import BAR_SCHEMA, FLOW_NAMES, NOTIONAL_TYPE, PACKED_SCHEMA, SIZE
from jobs.bars.kernel import join_words
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
from models.errors import DataContractError

Names = Sequence[tuple[str, str]]  # exchange and symbol by group
_STRETCH_BARS = 1024  # a packed row has at most so many parts: 0.4 MB


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
    """Bars as rows of ``BAR_SCHEMA``.

    Raises:
        DataContractError: the sum of price times size of a bar has more than 22 digits before the point.
    """
    has_trade, has_price = rows[:, N_TRADES] > 0, rows[:, HAS_PRICE] > 0
    exchange, symbol = _named(rows[:, GROUP], names)
    columns = {
        "exchange": exchange,
        "symbol": symbol,
        "bar_start": _instants(rows[:, START_US]),
        "last_event_at": _instants(rows[:, LAST_EVENT_US]),
        "last_trade_at": _instants(rows[:, LAST_TRADE_US], has_trade),
        "n_trades": pa.array(rows[:, N_TRADES]),
        "volume": _sums(rows[:, VOLUME : VOLUME + 2], SIZE),
        "notional": _sums(rows[:, NOTIONAL : NOTIONAL + 4], NOTIONAL_TYPE, has_price),
    }
    for name, at in (("open", OPEN), ("close", CLOSE), ("high", HIGH), ("low", LOW)):
        words = np.stack([rows[:, at], rows[:, at] >> 63], axis=1)
        columns[name] = _decimals(words, DECIMAL, has_price)
    for count, size, at in FLOW_NAMES:
        columns[count] = pa.array(rows[:, at])
        columns[size] = _sums(rows[:, at + 1 : at + 3], SIZE)
    return pa.RecordBatch.from_arrays([columns[name] for name in BAR_SCHEMA.names], schema=BAR_SCHEMA)


def _named(groups: np.ndarray, names: Names) -> tuple[pa.Array, pa.Array]:
    exchange, symbol = (pa.array([name[i] for name in names], pa.string()).take(pa.array(groups)) for i in (0, 1))
    return exchange, symbol


def _instants(values: np.ndarray, is_there: np.ndarray | None = None) -> pa.Array:
    return pa.array(values, mask=None if is_there is None else ~is_there).cast(pa.timestamp("us")).cast(INSTANT)


def _sums(numbers: np.ndarray, kind: pa.Decimal128Type, is_there: np.ndarray | None = None) -> pa.Array:
    words = np.empty((len(numbers), 2), dtype=np.int64)
    if not join_words(np.ascontiguousarray(numbers), words):
        raise DataContractError("trades of one bar add up to more than DECIMAL(38, 16) of quote currency can hold")
    return _decimals(words, kind, is_there)


def _decimals(words: np.ndarray, kind: pa.Decimal128Type, is_there: np.ndarray | None = None) -> pa.Array:
    bits = None if is_there is None else pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(words), [bits, pa.py_buffer(np.ascontiguousarray(words))])
