"""Bars added up from batches of trades, of order events and of packed parts, all in any order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.bars.bar_columns import bar_rows, packed_rows, unpacked_rows
from jobs.bars.flow_columns import Groups, order_columns, trade_columns
from jobs.bars.kernel import add_orders, add_parts, add_trades, find_places
from jobs.bars.layout import NONE, START_US, Parts, empty_parts

_FEWEST = 1024


class PartialBars:
    """Adds up trades, order events and parts to bars of one width.

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
        """Bars so far."""
        return int(self._parts.n[0])

    def add_trades(self, rows: pa.RecordBatch) -> None:
        """Count rows with at least ``TRADE_COLUMNS``. A trade without a price has no say in prices."""
        group = self._groups.of(rows)
        self._add(add_trades, trade_columns(rows, group), rows.num_rows)

    def add_orders(self, rows: pa.RecordBatch) -> None:
        """Count rows with at least ``ORDER_COLUMNS``."""
        group = self._groups.of(rows)
        by_open = np.array([exchange not in self._received for exchange, _ in self._groups.names], dtype=bool)
        self._add(add_orders, order_columns(rows, group, by_open), rows.num_rows)

    def add_packed(self, exchange: str, symbol: str, parts: pa.BinaryScalar) -> None:
        """Add the parts of a row that ``take_packed`` gave, of bars of the same width."""
        rows = unpacked_rows(parts)
        self._add(add_parts, (self._groups.number(exchange, symbol), rows), len(rows))

    def take_packed(self) -> pa.RecordBatch:
        """The bars as rows of ``PACKED_SCHEMA``; begins anew with none."""
        return packed_rows(self._taken(), self._groups.names, self._width_us)

    def take_bars(self) -> pa.RecordBatch:
        """The bars as rows of ``BAR_SCHEMA``; begins anew with none."""
        return bar_rows(self._taken(), self._groups.names)

    def take_bars_before(self, time_us: int) -> pa.RecordBatch:
        """The bars that end by an instant, as ``take_bars``; the later ones stay."""
        rows = self._taken()
        is_over = rows[:, START_US] + self._width_us <= time_us
        self._parts = _holding(rows[~is_over], _FEWEST, len(self._groups.names))
        return bar_rows(rows[is_over], self._groups.names)

    def _taken(self) -> np.ndarray:
        rows = self._parts.rows[: len(self)]
        self._parts = empty_parts(_FEWEST, len(self._groups.names))
        return rows

    def _add(self, kernel: Callable[..., int], columns: Any, n_rows: int) -> None:
        if n_new := len(self._groups.names) - len(self._parts.newest):
            newest = np.append(self._parts.newest, np.full(n_new, NONE, dtype=np.int64))
            self._parts = self._parts._replace(newest=newest)
        first = 0
        while (first := kernel(self._parts, first, self._width_us, columns)) < n_rows:
            self._parts = _enlarged(self._parts)


def _enlarged(parts: Parts) -> Parts:
    return _holding(parts.rows, 2 * len(parts.rows), 0)._replace(newest=parts.newest)


def _holding(rows: np.ndarray, capacity: int, n_groups: int) -> Parts:
    """Parts with these rows, and room for more."""
    while capacity < len(rows):
        capacity *= 2
    parts = empty_parts(capacity, n_groups)
    parts.rows[: len(rows)] = rows
    parts.n[0] = len(rows)
    find_places(parts)
    return parts
