"""Parts of bars from batches of trades and order events in any order: what must be added up with other parts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.flow_columns import Groups, order_columns, trade_columns
from jobs.bars.kernel import add_orders, add_trades, find_places, join_words
from jobs.bars.layout import (
    CLOSE,
    CLOSE_US,
    GROUP,
    HAS_PRICE,
    HIGH,
    LAST_EVENT_US,
    LAST_TRADE_US,
    LOW,
    N_TRADES,
    NONE,
    NOTIONAL,
    OPEN,
    OPEN_US,
    START_US,
    VOLUME,
    Parts,
    empty_parts,
)
from jobs.bars.part_schema import FLOW_NAMES, NOTIONAL_TYPE, PART_SCHEMA, PLACE, SIZE
from models.errors import DataContractError

_FEWEST = 1024


class PartialBars:
    """Adds up trades and order events to parts of bars of one width.

    Args:
        bar_seconds: Width.
        received_exchanges: Exchanges that send ``received``: there an ``open`` counts no order.
    """

    def __init__(self, bar_seconds: int, received_exchanges: Collection[str] = ()) -> None:
        self._width_us = bar_seconds * 1_000_000
        self._received = frozenset(received_exchanges)
        self._groups = Groups()
        self._parts = empty_parts(_FEWEST, 0)

    def __len__(self) -> int:
        """Parts so far."""
        return int(self._parts.n[0])

    def add_trades(self, rows: pa.RecordBatch) -> None:
        """Count rows with at least ``TRADE_COLUMNS``. A trade without a price has no say in prices."""
        group = self._groups.of(rows)
        self._add(add_trades, trade_columns(rows, group))

    def add_orders(self, rows: pa.RecordBatch) -> None:
        """Count rows with at least ``ORDER_COLUMNS``."""
        group = self._groups.of(rows)
        by_open = np.array([exchange not in self._received for exchange, _ in self._groups.names], dtype=bool)
        self._add(add_orders, order_columns(rows, group, by_open))

    def take(self) -> pa.RecordBatch:
        """The parts as rows of ``PART_SCHEMA``; begins anew with none.

        Raises:
            DataContractError: the sum of price times size of a bar has more than 22 digits before the point.
        """
        rows = self._parts.rows[: len(self)]
        columns = _columns(rows, self._groups.names)
        self._parts = empty_parts(_FEWEST, len(self._groups.names))
        return pa.RecordBatch.from_arrays([columns[name] for name in PART_SCHEMA.names], schema=PART_SCHEMA)

    def _add(self, kernel: Any, columns: Any) -> None:
        n_new = len(self._groups.names) - len(self._parts.newest)
        self._parts = self._parts._replace(newest=np.append(self._parts.newest, np.full(n_new, NONE, dtype=np.int64)))
        first = 0
        while (first := kernel(self._parts, first, self._width_us, columns)) < len(columns.time_us):
            self._parts = _enlarged(self._parts)


def _enlarged(parts: Parts) -> Parts:
    wider = empty_parts(2 * len(parts.rows), 0)
    wider.rows[: len(parts.rows)] = parts.rows
    wider.n[0] = parts.n[0]
    find_places(wider)
    return wider._replace(newest=parts.newest)


def _columns(rows: np.ndarray, names: list[tuple[str, str]]) -> dict[str, pa.Array]:
    has_trade, has_price = rows[:, N_TRADES] > 0, rows[:, HAS_PRICE] > 0
    exchange, symbol = (pa.array([name[i] for name in names], pa.string()) for i in (0, 1))
    group = pa.array(rows[:, GROUP])
    columns = {
        "exchange": exchange.take(group),
        "symbol": symbol.take(group),
        "bar_start": _instants(rows[:, START_US]),
        "last_event_at": _instants(rows[:, LAST_EVENT_US]),
        "last_trade_at": _instants(rows[:, LAST_TRADE_US], has_trade),
        "n_trades": pa.array(rows[:, N_TRADES]),
        "volume": _sums(rows[:, VOLUME : VOLUME + 2], SIZE),
        "notional": _sums(rows[:, NOTIONAL : NOTIONAL + 4], NOTIONAL_TYPE, has_price),
        "open_place": _places(rows[:, OPEN_US : OPEN_US + 3], has_price),
        "close_place": _places(rows[:, CLOSE_US : CLOSE_US + 3], has_price),
    }
    for name, at in (("open", OPEN), ("close", CLOSE), ("high", HIGH), ("low", LOW)):
        words = np.stack([rows[:, at], rows[:, at] >> 63], axis=1)
        columns[name] = _decimals(words, DECIMAL, has_price)
    for count, size, at in FLOW_NAMES:
        columns[count] = pa.array(rows[:, at])
        columns[size] = _sums(rows[:, at + 1 : at + 3], SIZE)
    return columns


def _instants(values: np.ndarray, is_there: np.ndarray | None = None) -> pa.Array:
    return pa.array(values, mask=None if is_there is None else ~is_there).cast(pa.timestamp("us")).cast(INSTANT)


def _places(values: np.ndarray, is_there: np.ndarray) -> pa.Array:
    parts = [pa.array(values[:, i]) for i in range(3)]
    return pa.StructArray.from_arrays(parts, fields=list(PLACE), mask=pa.array(~is_there))


def _sums(numbers: np.ndarray, kind: pa.Decimal128Type, is_there: np.ndarray | None = None) -> pa.Array:
    words = np.empty((len(numbers), 2), dtype=np.int64)
    if not join_words(np.ascontiguousarray(numbers), words):
        raise DataContractError("trades of one bar add up to more than DECIMAL(38, 16) of quote currency can hold")
    return _decimals(words, kind, is_there)


def _decimals(words: np.ndarray, kind: pa.Decimal128Type, is_there: np.ndarray | None = None) -> pa.Array:
    bits = None if is_there is None else pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(words), [bits, pa.py_buffer(np.ascontiguousarray(words))])
