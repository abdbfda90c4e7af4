"""Snapshots of the exchange: read from their JSON, compared with the book, and put into it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from jobs.book.layout import (
    BUY,
    FIRST_US,
    LAST_US,
    N_CONTRADICTIONS,
    N_SNAPSHOTS,
    N_SNAPSHOTS_AGREED,
    SELL,
    STATE,
    VALID,
    Book,
)
from jobs.book.seeding import best_of_side, seed_orders, seed_side
from jobs.book.storage import with_room

_UNITS = Decimal(100_000_000)


@dataclass(frozen=True)
class SnapshotSide:
    """Levels or orders of one side, best price first; ``order_ids`` is None where the snapshot names none."""

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


def read_snapshot(text: str | None) -> tuple[SnapshotSide, SnapshotSide] | None:
    """Bids and asks of ``{"bids": [[price, size], …], "asks": …}``, or with an order id as third part; None if broken.

    Coinbase's level 3 has the ids, Bitstamp's order_book has not.
    """
    try:
        book = json.loads(text or "")
        return _side(book["bids"], BUY), _side(book["asks"], SELL)
    except (ValueError, TypeError, KeyError, IndexError, InvalidOperation, OverflowError):
        return None


def _side(entries: list[list[str]], side: int) -> SnapshotSide:
    rows = [(_units(entry[0]), _units(entry[1]), entry[2] if len(entry) > 2 else None) for entry in entries]
    rows = sorted((row for row in rows if row[0] > 0 and row[1] > 0), key=lambda row: row[0], reverse=side == BUY)
    prices = np.array([row[0] for row in rows], dtype=np.int64)
    sizes = np.array([row[1] for row in rows], dtype=np.int64)
    has_ids = bool(rows) and all(isinstance(row[2], str) for row in rows)
    return SnapshotSide(prices, sizes, tuple(str(row[2]) for row in rows) if has_ids else None)


def _units(text: str) -> int:
    return int(Decimal(str(text)) * _UNITS)


def apply_snapshot(book: Book, text: str | None) -> Book:
    """Compare a snapshot with the book, count the outcome, and seed the book from it; returns the book to go on with.

    One that names all orders begins the book anew, unless that is valid already. One of price levels adds what it shows
    beyond the known orders, see ``seed_side``.
    """
    sides = read_snapshot(text)
    if sides is None:
        book.header[N_CONTRADICTIONS] += 1
        return book
    book.header[N_SNAPSHOTS] += 1
    book.header[N_SNAPSHOTS_AGREED] += all(best_of_side(book, side) == sides[side].best for side in (BUY, SELL))
    book = with_room(book, sum(len(side.prices) for side in sides))
    entered_us = book.header[LAST_US] - book.header[FIRST_US]
    if all(side.order_ids is not None or not len(side.prices) for side in sides) and any(
        side.order_ids for side in sides
    ):
        if book.header[STATE] != VALID:
            _seed_orders(book, sides, entered_us)
        return book
    for side in (BUY, SELL):
        if len(sides[side].prices):
            seed_side(book, side, sides[side].prices, sides[side].sizes, entered_us)
    return book


def _seed_orders(book: Book, sides: tuple[SnapshotSide, SnapshotSide], entered_us: int) -> None:
    ids = [order_id.encode() for side in sides for order_id in side.order_ids or ()]
    offsets = np.concatenate([[0], np.cumsum([len(order_id) for order_id in ids])]).astype(np.int64)
    seed_orders(
        book,
        np.repeat(np.array([BUY, SELL], dtype=np.int64), [len(side.prices) for side in sides]),
        np.concatenate([side.prices for side in sides]),
        np.concatenate([side.sizes for side in sides]),
        offsets,
        np.frombuffer(b"".join(ids), dtype=np.uint8),
        entered_us,
    )
