"""The limit-order book with price-time priority: compiled operations that write messages as they happen.

A side is an int64 array [capacity, 3] of (price, size, order) with the best order **last**: worst price first, and at
one price the youngest first. So a match takes the last row, and an insert moves the better rows up by one.
Every function takes ``n``, the number of messages in ``out``, and returns the new number.
"""

import numpy as np

from jobs.simulator.messages import BUY, CANCELED, CHANGE, DONE, FILLED, LIMIT, MARKET, MATCH, OPEN, RECEIVED, SELL
from models.compiled import part

PRICE, SIZE, ORDER = 0, 1, 2
CAPACITY = 512  # orders a side

# Rows of the counters array (int64).
N_BIDS, N_ASKS, CLOCK_US, SECOND_END_US, NEXT_US, SEQUENCE, TRADE_ID, ORDERS = 0, 1, 2, 3, 4, 5, 6, 7
N_COUNTERS = 8


def new_book() -> np.ndarray:
    """An empty book, int64[side, capacity, 3]."""
    return np.zeros((2, CAPACITY, 3), dtype=np.int64)


@part
def best_price(book, counters, side):  # type: ignore[no-untyped-def]
    """Best price of a side, 0 where it is empty."""
    depth = counters[N_BIDS + side]
    return book[side, depth - 1, PRICE] if depth > 0 else 0


@part
def _emit(out, n, counters, book, kind, order, side, price, size, remaining):  # type: ignore[no-untyped-def]
    message = out[n]
    message.time_us = counters[CLOCK_US]
    message.sequence = counters[SEQUENCE]
    message.kind = kind
    message.order = order
    message.taker = 0
    message.trade_id = 0
    message.side = side
    message.price = price
    message.size = size
    message.remaining = remaining
    message.order_type = LIMIT
    message.reason = FILLED
    message.best_bid = best_price(book, counters, BUY)
    message.best_ask = best_price(book, counters, SELL)
    counters[SEQUENCE] += 1
    return n + 1


@part
def _insert(book, counters, side, price, size, order):  # type: ignore[no-untyped-def]
    rows = book[side]
    sign = 1 - 2 * side
    row = counters[N_BIDS + side]
    while row > 0 and sign * rows[row - 1, PRICE] >= sign * price:
        rows[row, PRICE] = rows[row - 1, PRICE]
        rows[row, SIZE] = rows[row - 1, SIZE]
        rows[row, ORDER] = rows[row - 1, ORDER]
        row -= 1
    rows[row, PRICE] = price
    rows[row, SIZE] = size
    rows[row, ORDER] = order
    counters[N_BIDS + side] += 1


@part
def cancel(out, n, counters, book, side, row):  # type: ignore[no-untyped-def]
    """Withdraw the order in ``row``."""
    rows = book[side]
    price, size, order = rows[row, PRICE], rows[row, SIZE], rows[row, ORDER]
    depth = counters[N_BIDS + side]
    for better in range(row + 1, depth):
        for column in range(3):
            rows[better - 1, column] = rows[better, column]
    counters[N_BIDS + side] = depth - 1
    n = _emit(out, n, counters, book, DONE, order, side, price, 0, size)
    out[n - 1].reason = CANCELED
    return n


@part
def shrink(out, n, counters, book, side, row, new_size):  # type: ignore[no-untyped-def]
    """Reduce the order in ``row`` to ``new_size``; it keeps its place in the queue."""
    old_size = book[side, row, SIZE]
    book[side, row, SIZE] = new_size
    price, order = book[side, row, PRICE], book[side, row, ORDER]
    return _emit(out, n, counters, book, CHANGE, order, side, price, new_size, old_size)


@part
def _take(out, n, counters, book, side, limit_price, size, taker):  # type: ignore[no-untyped-def]
    # Match an incoming order against the other side, best price first, oldest first.
    maker_side = 1 - side
    rows = book[maker_side]
    sign = 1 - 2 * side
    while size > 0 and counters[N_BIDS + maker_side] > 0:
        row = counters[N_BIDS + maker_side] - 1
        price, maker = rows[row, PRICE], rows[row, ORDER]
        if limit_price > 0 and sign * price > sign * limit_price:
            break
        traded = min(size, rows[row, SIZE])
        size -= traded
        rows[row, SIZE] -= traded
        left = rows[row, SIZE]
        if left == 0:
            counters[N_BIDS + maker_side] = row
        n = _emit(out, n, counters, book, MATCH, maker, maker_side, price, traded, left)
        out[n - 1].taker = taker
        out[n - 1].trade_id = counters[TRADE_ID]
        counters[TRADE_ID] += 1
        if left == 0:
            n = _emit(out, n, counters, book, DONE, maker, maker_side, price, 0, 0)
    return n, size


@part
def submit_limit(out, n, counters, book, side, price, size):  # type: ignore[no-untyped-def]
    """A limit order arrives: it trades as far as its price allows, and the rest waits in the book."""
    if counters[N_BIDS + side] >= CAPACITY - 1:
        n = cancel(out, n, counters, book, side, 0)  # the order farthest from the market gives up
    order = counters[ORDERS]
    counters[ORDERS] += 1
    n = _emit(out, n, counters, book, RECEIVED, order, side, price, size, 0)
    n, left = _take(out, n, counters, book, side, price, size, order)
    if left == 0:
        return _emit(out, n, counters, book, DONE, order, side, price, 0, 0)
    _insert(book, counters, side, price, left, order)
    return _emit(out, n, counters, book, OPEN, order, side, price, 0, left)


@part
def submit_market(out, n, counters, book, side, size):  # type: ignore[no-untyped-def]
    """A market order arrives: it trades at once, and what finds no counterpart is canceled."""
    order = counters[ORDERS]
    counters[ORDERS] += 1
    n = _emit(out, n, counters, book, RECEIVED, order, side, 0, size, 0)
    out[n - 1].order_type = MARKET
    n, left = _take(out, n, counters, book, side, 0, size, order)
    n = _emit(out, n, counters, book, DONE, order, side, 0, 0, left)
    out[n - 1].order_type = MARKET
    out[n - 1].reason = FILLED if left == 0 else CANCELED
    return n
