"""The compiled loop over events: apply, compare the best prices, write a row where they changed."""

from typing import NamedTuple

import numpy as np

from jobs.book.layout import (
    AHEAD,
    ENTERED_SUM_US,
    ENTERED_US,
    FIRST,
    FIRST_US,
    HAS_STARTED,
    HELD_PRICE_BUY,
    HELD_PRICE_SELL,
    HELD_SIZE_BUY,
    HELD_SIZE_SELL,
    HELD_STATE,
    INVALID_AFTER_GAP,
    LAST_GRID,
    LAST_SEQUENCE,
    LAST_US,
    LEVEL_SIZE,
    N_BLOCKS_BUY,
    N_BLOCKS_SELL,
    N_EVENTS,
    N_GAPS,
    N_KNOWN,
    N_ORDERS,
    N_SIDE_FIELDS,
    N_UNKNOWN,
    NONE,
    PRICE,
    ROW_AHEAD,
    ROW_DEPTH,
    ROW_FIRST_SIZE_BUY,
    ROW_FIRST_US_BUY,
    ROW_IS_CHANGE,
    ROW_MEAN_SUM_US_BUY,
    ROW_N_UNKNOWN,
    ROW_ORDERS_BUY,
    ROW_PRICE_BUY,
    ROW_SEQUENCE,
    ROW_SIDE,
    ROW_SIZE_BUY,
    ROW_STATE,
    ROW_TIME_US,
    SIZE,
    TOUCHED_SIDE,
    VALID,
)
from jobs.book.price_levels import best_level
from jobs.book.rules import SNAPSHOT, apply_event
from jobs.book.validity import invalidate, trusted_state
from jobs.compiled import lean_kernel, lean_part

# Why the kernel returned.
FINISHED, NO_ROOM, OUTPUT_FULL, MET_SNAPSHOT, NOT_ASCENDING = range(5)


class Events(NamedTuple):
    """Columns of ``orders`` as views of Arrow buffers, see ``event_columns.py``."""

    kind: np.ndarray  # uint8: first letter of the event's name
    side: np.ndarray  # int8: BUY, SELL or NONE
    sequence: np.ndarray
    time_us: np.ndarray
    order_id: tuple[np.ndarray, np.ndarray]  # offsets, text
    price: tuple[np.ndarray, np.ndarray]  # two words a value, validity (empty where no value is NULL)
    size: tuple[np.ndarray, np.ndarray]
    remaining_size: tuple[np.ndarray, np.ndarray]
    maker_order_id: tuple[np.ndarray, np.ndarray]


class Rows(NamedTuple):
    """Where the kernel writes: rows, and the depth of those that have one (0 where a side has fewer levels)."""

    rows: np.ndarray  # int64[capacity, N_ROW_FIELDS]
    depth: np.ndarray  # int64[capacity, 2 sides, levels, (price, size)]


@lean_part
def _begin(book, sequence, time_us, is_contiguous, depth_us):  # type: ignore[no-untyped-def]
    header = book.header
    if header[HAS_STARTED] == 0:
        header[HAS_STARTED] = 1
        header[FIRST_US] = time_us
        header[LAST_GRID] = time_us // depth_us if depth_us > 0 else 0
    elif is_contiguous and sequence != header[LAST_SEQUENCE] + 1:
        header[N_GAPS] += 1
        invalidate(book, INVALID_AFTER_GAP)
    header[LAST_SEQUENCE] = sequence
    header[LAST_US] = time_us
    header[N_EVENTS] += 1


@lean_part
def _put_depth(book, depth):  # type: ignore[no-untyped-def]
    for side in range(2):
        n_blocks = book.header[N_BLOCKS_BUY + side]
        place = 0
        for top in range(n_blocks - 1, -1, -1):
            block = book.tops[side, top]
            for at in range(book.block_sizes[block] - 1, -1, -1):
                if place == depth.shape[1]:
                    break
                level = book.block_levels[block, at]
                depth[side, place, 0] = book.levels[level, PRICE]
                depth[side, place, 1] = book.levels[level, LEVEL_SIZE]
                place += 1
            if place == depth.shape[1]:
                break
        depth[side, place:] = 0


@lean_part
def _put_side(book, row, level, side):  # type: ignore[no-untyped-def]
    levels, orders, at = book.levels, book.orders, N_SIDE_FIELDS * side
    if level == NONE:
        row[ROW_PRICE_BUY + at : ROW_PRICE_BUY + at + N_SIDE_FIELDS] = 0
        return
    first = levels[level, FIRST]
    row[ROW_PRICE_BUY + at] = levels[level, PRICE]
    row[ROW_SIZE_BUY + at] = levels[level, LEVEL_SIZE]
    row[ROW_ORDERS_BUY + at] = levels[level, N_ORDERS]
    row[ROW_FIRST_SIZE_BUY + at] = orders[first, SIZE]
    row[ROW_FIRST_US_BUY + at] = orders[first, ENTERED_US]
    row[ROW_MEAN_SUM_US_BUY + at] = levels[level, ENTERED_SUM_US]


@lean_part
def _hold(header, field, value):  # type: ignore[no-untyped-def]
    # Whether a field differs from the last row's; it is the last row's from now on.
    is_new = header[field] != value
    header[field] = value
    return is_new


@lean_part
def _write(book, out, n_rows, n_depths, depth_us):  # type: ignore[no-untyped-def]
    header = book.header
    bid, ask = best_level(book, 0), best_level(book, 1)
    bid_price = book.levels[bid, PRICE] if bid != NONE else 0
    ask_price = book.levels[ask, PRICE] if ask != NONE else 0
    bid_size = book.levels[bid, LEVEL_SIZE] if bid != NONE else 0
    ask_size = book.levels[ask, LEVEL_SIZE] if ask != NONE else 0
    state = trusted_state(book, bid_price, ask_price)
    is_change = _hold(header, HELD_STATE, state)
    is_change |= _hold(header, HELD_PRICE_BUY, bid_price)
    is_change |= _hold(header, HELD_SIZE_BUY, bid_size)
    is_change |= _hold(header, HELD_PRICE_SELL, ask_price)
    is_change |= _hold(header, HELD_SIZE_SELL, ask_size)
    has_depth = False
    if depth_us > 0 and header[LAST_US] // depth_us > header[LAST_GRID]:
        header[LAST_GRID] = header[LAST_US] // depth_us
        has_depth = state <= VALID
    if not (is_change or has_depth):
        return n_rows, n_depths
    row = out.rows[n_rows]
    row[ROW_SEQUENCE] = header[LAST_SEQUENCE]
    row[ROW_TIME_US] = header[LAST_US]
    row[ROW_STATE] = state
    row[ROW_IS_CHANGE] = is_change
    row[ROW_DEPTH] = NONE
    row[ROW_N_UNKNOWN] = header[N_UNKNOWN]
    row[ROW_SIDE] = header[TOUCHED_SIDE]
    row[ROW_AHEAD] = header[AHEAD]
    _put_side(book, row, bid, 0)
    _put_side(book, row, ask, 1)
    if has_depth:
        _put_depth(book, out.depth[n_depths])
        row[ROW_DEPTH] = n_depths
        n_depths += 1
    return n_rows + 1, n_depths


@lean_part
def _has_room(book):  # type: ignore[no-untyped-def]
    # An event adds at most one order, one level and one block.
    n_blocks = book.header[N_BLOCKS_BUY] + book.header[N_BLOCKS_SELL]
    return book.header[N_KNOWN] < len(book.orders) - 1 and n_blocks < len(book.block_sizes) - 1


@lean_kernel
def replay_events(book, events, first, is_begun, is_contiguous, depth_us, out):  # type: ignore[no-untyped-def]
    """Replay events from ``first`` on, until something stands in the way.

    Args:
        book: Book, carried on from call to call.
        events: Events.
        first: Index of the first event to apply.
        is_begun: The first event is a snapshot that Python has just put into the book.
        is_contiguous: A jump of the sequence means that events were missed.
        depth_us: Microseconds between depths; 0 for none.
        out: Rows; filled from the start.

    Returns:
        Index of the next event, why the kernel returned, rows and depths written.
    """
    n_rows, n_depths = 0, 0
    for index in range(first, len(events.sequence)):
        if not _has_room(book):
            return index, NO_ROOM, n_rows, n_depths
        if n_rows == len(out.rows) or n_depths == len(out.depth):
            return index, OUTPUT_FULL, n_rows, n_depths
        kind = events.kind[index]
        sequence, time_us = events.sequence[index], events.time_us[index]
        book.header[TOUCHED_SIDE] = NONE
        if not is_begun:
            if book.header[HAS_STARTED] == 1 and sequence <= book.header[LAST_SEQUENCE]:
                return index, NOT_ASCENDING, n_rows, n_depths
            _begin(book, sequence, time_us, is_contiguous, depth_us)
            if kind == SNAPSHOT:
                return index, MET_SNAPSHOT, n_rows, n_depths
            apply_event(book, events, index, kind, time_us - book.header[FIRST_US])
        is_begun = False
        n_rows, n_depths = _write(book, out, n_rows, n_depths, depth_us)
    return len(events.sequence), FINISHED, n_rows, n_depths
