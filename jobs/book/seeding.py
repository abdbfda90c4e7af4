"""Putting what a snapshot shows into the book, and the orders of a saved book back into it: compiled."""

import numpy as np

from jobs.book.layout import (
    ALL_COVERED_BUY,
    ALL_COVERED_SELL,
    BEHIND,
    COVERED_BUY,
    ENTERED_US,
    FIRST,
    KEY_HIGH,
    KEY_KIND,
    KEY_LOW,
    LEVEL,
    LEVEL_SIZE,
    N_BLOCKS_BUY,
    N_CONTRADICTIONS,
    N_KNOWN,
    NONE,
    PRICE,
    SIZE,
    STATE,
    VALID,
)
from jobs.book.order_ids import ANONYMOUS, id_words
from jobs.book.order_table import find_order, new_order
from jobs.book.places import field_of, place_of, top_of
from jobs.book.price_levels import best_level, find_level
from jobs.book.queues import join_queue, reduce_order, set_level
from jobs.book.validity import clear, invalidate
from models.compiled import kernel, part

# Columns of a listed order.
LISTED_HIGH, LISTED_LOW, LISTED_KIND, LISTED_SIDE, LISTED_PRICE, LISTED_SIZE, LISTED_ENTERED_US = range(7)
N_LISTED_FIELDS = 7


@part
def _anonymous_rows(book, side, worst_price):  # type: ignore[no-untyped-def]
    # Orders that stand for what earlier snapshots showed, at the worst price or better. They are first in their queue.
    rows = np.empty(book.header[N_KNOWN], dtype=np.int64)
    n = 0
    better = 1 - 2 * side
    for top in range(book.header[N_BLOCKS_BUY + side] - 1, -1, -1):
        block = book.tops[top_of(side, top)]
        for at in range(book.block_sizes[block] - 1, -1, -1):
            level = book.block_levels[place_of(block, at)]
            if better * book.levels[field_of(level, PRICE)] < better * worst_price:
                return rows[:n]
            first = book.levels[field_of(level, FIRST)]
            if book.orders[field_of(first, KEY_KIND)] == ANONYMOUS:
                rows[n] = first
                n += 1
    return rows[:n]


@kernel
def seed_side(book, side, prices, sizes, entered_us):  # type: ignore[no-untyped-def]
    """Take over the levels of one side of a snapshot that names no orders.

    Known orders stay as they are, for events tell more of them than a snapshot, which may be some milliseconds late.
    Where no earlier snapshot has looked, what is shown beyond the known orders becomes an anonymous order, first in
    the queue; where one has, anonymous size can only be taken away.

    Args:
        book: Book with room for an order a level.
        side: BUY or SELL.
        prices: Of the levels, best first; at least one.
        sizes: Of the levels.
        entered_us: Time of the snapshot, counted from the book's first event.
    """
    better = 1 - 2 * side
    worst = prices[len(prices) - 1]
    for row in _anonymous_rows(book, side, worst):
        level = book.orders[field_of(row, LEVEL)]
        shown = 0
        for at in range(len(prices)):
            if prices[at] == book.levels[field_of(level, PRICE)]:
                shown = sizes[at]
        beyond = book.levels[field_of(level, LEVEL_SIZE)] - shown
        if beyond > 0:
            reduce_order(book, row, beyond)
    covered = book.header[COVERED_BUY + side]
    for at in range(len(prices)):
        price = prices[at]
        if better * price >= better * covered:
            continue
        level_row = find_level(book, side, price)
        known = book.levels[field_of(level_row, LEVEL_SIZE)] if level_row != NONE else 0
        if sizes[at] > known and find_order(book, price, side, ANONYMOUS) == NONE:
            row = new_order(book, price, side, ANONYMOUS)
            join_queue(book, row, side, price, sizes[at] - known, entered_us, True)
    if better * worst < better * covered:
        book.header[COVERED_BUY + side] = worst
    book.header[STATE] = VALID


@kernel
def update_levels(book, side, prices, sizes, entered_us):  # type: ignore[no-untyped-def]
    """Set what waits at each price, 0 for nothing; False where a level is too large."""
    fits = True
    for at in range(len(prices)):
        fits &= set_level(book, side, prices[at], sizes[at], entered_us)
    return fits


@kernel
def empty(book, state):  # type: ignore[no-untyped-def]
    """Forget all orders, and that any snapshot has shown a price."""
    invalidate(book, state)


@kernel
def seed_orders(book, sides, prices, sizes, offsets, text, entered_us):  # type: ignore[no-untyped-def]
    """Begin anew with the orders of a snapshot that names them all; each price's in the order of their queue."""
    clear(book)
    for at in range(len(prices)):
        high, low, kind = id_words(text, offsets[at], offsets[at + 1] - offsets[at])
        if find_order(book, high, low, kind) != NONE:
            book.header[N_CONTRADICTIONS] += 1
            continue
        row = new_order(book, high, low, kind)
        join_queue(book, row, sides[at], prices[at], sizes[at], entered_us, False)
    book.header[COVERED_BUY] = ALL_COVERED_BUY
    book.header[COVERED_BUY + 1] = ALL_COVERED_SELL
    book.header[STATE] = VALID


@kernel
def best_of_side(book, side):  # type: ignore[no-untyped-def]
    """Best price of a side and its size; zeros where the side is empty."""
    level = best_level(book, side)
    if level == NONE:
        return 0, 0
    return book.levels[field_of(level, PRICE)], book.levels[field_of(level, LEVEL_SIZE)]


@kernel
def list_orders(book):  # type: ignore[no-untyped-def]
    """All orders, int64[n, N_LISTED_FIELDS]: bids, then asks, each by price, worst first, and by place in the queue."""
    listed = np.empty((book.header[N_KNOWN], N_LISTED_FIELDS), dtype=np.int64)
    n = 0
    for side in range(2):
        for top in range(book.header[N_BLOCKS_BUY + side]):
            block = book.tops[top_of(side, top)]
            for at in range(book.block_sizes[block]):
                level = book.block_levels[place_of(block, at)]
                row = book.levels[field_of(level, FIRST)]
                while row != NONE:
                    listed[n, LISTED_HIGH] = book.orders[field_of(row, KEY_HIGH)]
                    listed[n, LISTED_LOW] = book.orders[field_of(row, KEY_LOW)]
                    listed[n, LISTED_KIND] = book.orders[field_of(row, KEY_KIND)]
                    listed[n, LISTED_SIDE] = side
                    listed[n, LISTED_PRICE] = book.levels[field_of(level, PRICE)]
                    listed[n, LISTED_SIZE] = book.orders[field_of(row, SIZE)]
                    listed[n, LISTED_ENTERED_US] = book.orders[field_of(row, ENTERED_US)]
                    n += 1
                    row = book.orders[field_of(row, BEHIND)]
    return listed


@kernel
def put_orders(book, listed):  # type: ignore[no-untyped-def]
    """Empty the book and put listed orders into it; there must be room."""
    clear(book)
    for at in range(len(listed)):
        row = new_order(book, listed[at, LISTED_HIGH], listed[at, LISTED_LOW], listed[at, LISTED_KIND])
        side, price, size = listed[at, LISTED_SIDE], listed[at, LISTED_PRICE], listed[at, LISTED_SIZE]
        join_queue(book, row, side, price, size, listed[at, LISTED_ENTERED_US], False)
