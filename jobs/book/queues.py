"""Orders in their price levels: first in, first out at a price."""

from jobs.book.layout import (
    AHEAD,
    BEFORE,
    BEHIND,
    ENTERED_SUM_US,
    ENTERED_US,
    FIRST,
    IS_LEVEL_FEED,
    LARGEST_SIZE,
    LAST,
    LEVEL,
    LEVEL_SIZE,
    N_ORDERS,
    NONE,
    PRICE,
    SIDE,
    SIZE,
    TOUCHED_SIDE,
)
from jobs.book.order_ids import ANONYMOUS
from jobs.book.order_table import find_order, forget_order, new_order
from jobs.book.price_levels import best_level, drop_level, find_level, new_level
from models.compiled import lean_part


@lean_part
def join_queue(book, row, side, price, size, entered_us, is_first):  # type: ignore[no-untyped-def]
    """Let an order wait at a price, behind all others there (or before them); False where the level grows too large."""
    orders, levels = book.orders, book.levels
    level = find_level(book, side, price)
    if level == NONE:
        level = new_level(book, side, price)
    orders[row, SIZE] = size
    orders[row, LEVEL] = level
    orders[row, ENTERED_US] = entered_us
    first, last = levels[level, FIRST], levels[level, LAST]
    if is_first:
        orders[row, BEFORE], orders[row, BEHIND] = NONE, first
        levels[level, FIRST] = row
        if first == NONE:
            levels[level, LAST] = row
        else:
            orders[first, BEFORE] = row
    else:
        orders[row, BEFORE], orders[row, BEHIND] = last, NONE
        levels[level, LAST] = row
        if last == NONE:
            levels[level, FIRST] = row
        else:
            orders[last, BEHIND] = row
    levels[level, LEVEL_SIZE] += size
    levels[level, N_ORDERS] += 1
    levels[level, ENTERED_SUM_US] += entered_us
    return levels[level, LEVEL_SIZE] <= LARGEST_SIZE


@lean_part
def leave_queue(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of its level; a level without orders goes."""
    orders, levels = book.orders, book.levels
    level, before, behind = orders[row, LEVEL], orders[row, BEFORE], orders[row, BEHIND]
    if before == NONE:
        levels[level, FIRST] = behind
    else:
        orders[before, BEHIND] = behind
    if behind == NONE:
        levels[level, LAST] = before
    else:
        orders[behind, BEFORE] = before
    levels[level, LEVEL_SIZE] -= orders[row, SIZE]
    levels[level, N_ORDERS] -= 1
    levels[level, ENTERED_SUM_US] -= orders[row, ENTERED_US]
    if levels[level, N_ORDERS] == 0:
        drop_level(book, level)


@lean_part
def remove_order(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of the book."""
    leave_queue(book, row)
    forget_order(book, row)


@lean_part
def reduce_order(book, row, by):  # type: ignore[no-untyped-def]
    """Take size off an order, which keeps its place; without size left it goes. Returns what was lacking."""
    size = book.orders[row, SIZE]
    if by >= size:
        remove_order(book, row)
        return by - size
    book.orders[row, SIZE] = size - by
    book.levels[book.orders[row, LEVEL], LEVEL_SIZE] -= by
    return 0


@lean_part
def set_level(book, side, price, size, time_us):  # type: ignore[no-untyped-def]
    """Let ``size`` be all that waits at a price of a feed without orders, 0 nothing; False where it is too large.

    The level is one order without a name, as old as the level. Exchanges also take away levels that are not there: ones
    that came and went between two messages.
    """
    book.header[IS_LEVEL_FEED] = 1
    row = find_order(book, price, side, ANONYMOUS)
    if row == NONE:
        if size > 0:
            return join_queue(book, new_order(book, price, side, ANONYMOUS), side, price, size, time_us, False)
        return True
    more = size - book.orders[row, SIZE]
    if more <= 0:
        reduce_order(book, row, -more)
        return True
    level = book.orders[row, LEVEL]
    book.orders[row, SIZE] = size
    book.levels[level, LEVEL_SIZE] += more
    return book.levels[level, LEVEL_SIZE] <= LARGEST_SIZE


@lean_part
def _size_ahead(book, row):  # type: ignore[no-untyped-def]
    # Walks to both ends of the queue at once, so it is quick for the first and for the last orders.
    orders = book.orders
    level = orders[row, LEVEL]
    ahead, behind = 0, 0
    before, after = orders[row, BEFORE], orders[row, BEHIND]
    while before != NONE and after != NONE:
        ahead += orders[before, SIZE]
        behind += orders[after, SIZE]
        before, after = orders[before, BEFORE], orders[after, BEHIND]
    if before == NONE:
        return ahead
    return book.levels[level, LEVEL_SIZE] - orders[row, SIZE] - behind


@lean_part
def note_position(book, row):  # type: ignore[no-untyped-def]
    """Keep for the row of this event how much waits ahead of an order, if it is at the best price of its side."""
    level = book.orders[row, LEVEL]
    side = book.levels[level, SIDE]
    if level == best_level(book, side):
        book.header[TOUCHED_SIDE] = side
        book.header[AHEAD] = _size_ahead(book, row)


@lean_part
def note_newcomer(book, side, price):  # type: ignore[no-untyped-def]
    """Keep for the row of this event what waits ahead of an order that comes to the best price, or betters it."""
    level = best_level(book, side)
    better = 1 - 2 * side
    if level == NONE or better * price >= better * book.levels[level, PRICE]:
        is_joining = level != NONE and price == book.levels[level, PRICE]
        book.header[TOUCHED_SIDE] = side
        book.header[AHEAD] = book.levels[level, LEVEL_SIZE] if is_joining else 0
