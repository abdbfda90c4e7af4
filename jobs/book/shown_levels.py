"""Price levels that an exchange sends as JSON, in a snapshot or an update: read from ``orders.snapshot``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from jobs.book.layout import BUY, SELL

_UNITS = Decimal(100_000_000)


@dataclass(frozen=True)
class ShownSide:
    """Levels or orders of one side, best price first; ``order_ids`` is None where none are named."""

    prices: np.ndarray
    sizes: np.ndarray
    order_ids: tuple[str, ...] | None

    @property
    def best(self) -> tuple[int, int]:
        """Price and size of the best level; zeros where the side is empty."""
        if not len(self.prices):
            return 0, 0
        is_best = self.prices == self.prices[0]
        return int(self.prices[0]), int(self.sizes[is_best].sum())


@dataclass(frozen=True)
class ShownLevels:
    """Both sides, and the exchange's own numbers of the update; of a snapshot only ``last_update``.

    Attributes:
        sides: Bids and asks.
        replaces: Of a snapshot of a feed without orders, which the book becomes: ``all``, or ``shown`` where worse
            prices than the shown ones are not known. None for what a log of orders shows beside its orders.
        first_update: Number of the first change in an update; None where the feed has no numbers.
        last_update: Number of the last one, or of the last one that a snapshot holds.
    """

    sides: tuple[ShownSide, ShownSide]
    replaces: str | None
    first_update: int | None
    last_update: int | None


def read_levels(text: str | None, is_update: bool = False) -> ShownLevels | None:
    """Levels of ``{"bids": [[price, size], …], "asks": …}``, or with an order id as third part; None if broken.

    Coinbase's level 3 has the ids, Bitstamp's order_book has not. A size of 0 says something in an update only.
    """
    try:
        book = json.loads(text or "")
        sides = _side(book["bids"], BUY, is_update), _side(book["asks"], SELL, is_update)
        return ShownLevels(sides, book.get("replaces"), book.get("first_update"), book.get("last_update"))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, InvalidOperation, OverflowError):
        return None


def _side(entries: list[list[Any]], side: int, is_update: bool) -> ShownSide:
    rows = [(_units(entry[0]), _units(entry[1]), entry[2] if len(entry) > 2 else None) for entry in entries]
    rows = [row for row in rows if row[0] > 0 and (row[1] > 0 or (is_update and row[1] == 0))]
    if not is_update:  # of two changes at a price the later one holds, so an update stays in its order
        rows = sorted(rows, key=lambda row: row[0], reverse=side == BUY)
    prices = np.array([row[0] for row in rows], dtype=np.int64)
    sizes = np.array([row[1] for row in rows], dtype=np.int64)
    has_ids = bool(rows) and all(isinstance(row[2], str) for row in rows)
    return ShownSide(prices, sizes, tuple(str(row[2]) for row in rows) if has_ids else None)


def _units(text: Any) -> int:
    return int(Decimal(str(text)) * _UNITS)
