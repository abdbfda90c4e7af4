"""Snapshots of the exchange: compared with the book, and put into it."""

from __future__ import annotations

import numpy as np

from jobs.book.layout import (
    ALL_COVERED_BUY,
    ALL_COVERED_SELL,
    BUY,
    COVERED_BUY,
    FIRST_US,
    INVALID_TOO_LARGE,
    LAST_US,
    N_CONTRADICTIONS,
    N_SNAPSHOTS,
    N_SNAPSHOTS_AGREED,
    SELL,
    STATE,
    UNSEEDED,
    VALID,
    Book,
)
from jobs.book.seeding import best_of_side, empty, seed_orders, seed_side, update_levels
from jobs.book.shown_levels import ShownLevels, ShownSide, read_levels
from jobs.book.storage import with_room


def apply_snapshot(book: Book, text: str | None) -> Book:
    """Compare a snapshot with the book, count the outcome, and seed the book from it; returns the book to go on with.

    One that names all orders begins the book anew, unless that is valid already. One of price levels in a log of orders
    adds what it shows beyond the known orders, see ``seed_side``; in a feed of levels the book becomes what it shows.
    """
    shown = read_levels(text)
    if shown is None:
        book.header[N_CONTRADICTIONS] += 1
        return book
    book.header[N_SNAPSHOTS] += 1
    book.header[N_SNAPSHOTS_AGREED] += all(best_of_side(book, side) == shown.sides[side].best for side in (BUY, SELL))
    return _replaced(book, shown) if shown.replaces else _seeded(book, shown.sides)


def _replaced(book: Book, shown: ShownLevels) -> Book:
    """The book as a snapshot shows it."""
    empty(book, UNSEEDED)
    book = with_levels(book, shown.sides)
    if book.header[STATE] == UNSEEDED:
        book.header[STATE] = VALID
        is_whole = shown.replaces == "all"
        for side, worst in ((BUY, ALL_COVERED_BUY), (SELL, ALL_COVERED_SELL)):
            prices = shown.sides[side].prices
            book.header[COVERED_BUY + side] = worst if is_whole or not len(prices) else prices[-1]
    return book


def with_levels(book: Book, sides: tuple[ShownSide, ShownSide]) -> Book:
    """The book after each of these levels is set."""
    book = with_room(book, sum(len(side.prices) for side in sides))
    for side in (BUY, SELL):
        if not update_levels(book, side, sides[side].prices, sides[side].sizes, _now_us(book)):
            empty(book, INVALID_TOO_LARGE)
    return book


def _now_us(book: Book) -> int:
    return int(book.header[LAST_US] - book.header[FIRST_US])


def _seeded(book: Book, sides: tuple[ShownSide, ShownSide]) -> Book:
    book = with_room(book, sum(len(side.prices) for side in sides))
    if all(side.order_ids is not None or not len(side.prices) for side in sides) and any(
        side.order_ids for side in sides
    ):
        if book.header[STATE] != VALID:
            _seed_orders(book, sides)
        return book
    for side in (BUY, SELL):
        if len(sides[side].prices):
            seed_side(book, side, sides[side].prices, sides[side].sizes, _now_us(book))
    return book


def _seed_orders(book: Book, sides: tuple[ShownSide, ShownSide]) -> None:
    ids = [order_id.encode() for side in sides for order_id in side.order_ids or ()]
    offsets = np.concatenate([[0], np.cumsum([len(order_id) for order_id in ids])]).astype(np.int64)
    seed_orders(
        book,
        np.repeat(np.array([BUY, SELL], dtype=np.int64), [len(side.prices) for side in sides]),
        np.concatenate([side.prices for side in sides]),
        np.concatenate([side.sizes for side in sides]),
        offsets,
        np.frombuffer(b"".join(ids), dtype=np.uint8),
        _now_us(book),
    )
