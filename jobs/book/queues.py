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
from jobs.book.places import field_of
from jobs.book.price_levels import best_level, drop_level, find_level, new_level
from models.compiled import lean_part


@lean_part
def join_queue(book, row, side, price, size, entered_us, is_first):  # type: ignore[no-untyped-def]
    """Let an order wait at a price, behind all others there (or before them); False where the level grows too large."""
    orders, levels = book.orders, book.levels
    level = find_level(book, side, price)
    if level == NONE:
        level = new_level(book, side, price)
    orders[field_of(row, SIZE)] = size
    orders[field_of(row, LEVEL)] = level
    orders[field_of(row, ENTERED_US)] = entered_us
    first, last = levels[field_of(level, FIRST)], levels[field_of(level, LAST)]
    if is_first:
        orders[field_of(row, BEFORE)], orders[field_of(row, BEHIND)] = NONE, first
        levels[field_of(level, FIRST)] = row
        if first == NONE:
            levels[field_of(level, LAST)] = row
        else:
            orders[field_of(first, BEFORE)] = row
    else:
        orders[field_of(row, BEFORE)], orders[field_of(row, BEHIND)] = last, NONE
        levels[field_of(level, LAST)] = row
        if last == NONE:
            levels[field_of(level, FIRST)] = row
        else:
            orders[field_of(last, BEHIND)] = row
    levels[field_of(level, LEVEL_SIZE)] += size
    levels[field_of(level, N_ORDERS)] += 1
    levels[field_of(level, ENTERED_SUM_US)] += entered_us
    return levels[field_of(level, LEVEL_SIZE)] <= LARGEST_SIZE


@lean_part
def leave_queue(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of its level; a level without orders goes."""
    orders, levels = book.orders, book.levels
    level, before, behind = orders[field_of(row, LEVEL)], orders[field_of(row, BEFORE)], orders[field_of(row, BEHIND)]
    if before == NONE:
        levels[field_of(level, FIRST)] = behind
    else:
        orders[field_of(before, BEHIND)] = behind
    if behind == NONE:
        levels[field_of(level, LAST)] = before
    else:
        orders[field_of(behind, BEFORE)] = before
    levels[field_of(level, LEVEL_SIZE)] -= orders[field_of(row, SIZE)]
    levels[field_of(level, N_ORDERS)] -= 1
    levels[field_of(level, ENTERED_SUM_US)] -= orders[field_of(row, ENTERED_US)]
    if levels[field_of(level, N_ORDERS)] == 0:
        drop_level(book, level)


@lean_part
def remove_order(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of the book."""
    leave_queue(book, row)
    forget_order(book, row)


@lean_part
def reduce_order(book, row, by):  # type: ignore[no-untyped-def]
    """Take size off an order, which keeps its place; without size left it goes. Returns what was lacking."""
    size = book.orders[field_of(row, SIZE)]
    if by >= size:
        remove_order(book, row)
        return by - size
    book.orders[field_of(row, SIZE)] = size - by
    book.levels[field_of(book.orders[field_of(row, LEVEL)], LEVEL_SIZE)] -= by
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
    more = size - book.orders[field_of(row, SIZE)]
    if more <= 0:
        reduce_order(book, row, -more)
        return True
    level = book.orders[field_of(row, LEVEL)]
    book.orders[field_of(row, SIZE)] = size
    book.levels[field_of(level, LEVEL_SIZE)] += more
    return book.levels[field_of(level, LEVEL_SIZE)] <= LARGEST_SIZE


@lean_part
def _size_ahead(book, row):  # type: ignore[no-untyped-def]
    # Walks to both ends of the queue at once, so it is quick for the first and for the last orders.
    orders = book.orders
    level = orders[field_of(row, LEVEL)]
    ahead, behind = 0, 0
    before, after = orders[field_of(row, BEFORE)], orders[field_of(row, BEHIND)]
    while before != NONE and after != NONE:
        ahead += orders[field_of(before, SIZE)]
        behind += orders[field_of(after, SIZE)]
        before, after = orders[field_of(before, BEFORE)], orders[field_of(after, BEHIND)]
    if before == NONE:
        return ahead
    return book.levels[field_of(level, LEVEL_SIZE)] - orders[field_of(row, SIZE)] - behind


@lean_part
def note_position(book, row):  # type: ignore[no-untyped-def]
    """Keep for the row of this event how much waits ahead of an order, if it is at the best price of its side."""
    level = book.orders[field_of(row, LEVEL)]
    side = book.levels[field_of(level, SIDE)]
    if level == best_level(book, side):
        book.header[TOUCHED_SIDE] = side
        book.header[AHEAD] = _size_ahead(book, row)


@lean_part
def note_newcomer(book, side, price):  # type: ignore[no-untyped-def]
    """Keep for the row of this event what waits ahead of an order that comes to the best price, or betters it."""
    level = best_level(book, side)
    better = 1 - 2 * side
    if level == NONE or better * price >= better * book.levels[field_of(level, PRICE)]:
        is_joining = level != NONE and price == book.levels[field_of(level, PRICE)]
        book.header[TOUCHED_SIDE] = side
        book.header[AHEAD] = book.levels[field_of(level, LEVEL_SIZE)] if is_joining else 0
