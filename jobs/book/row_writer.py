"""Rows as the kernel writes them: after an event that changed the best prices, and depths at chosen times."""

from typing import NamedTuple

import numpy as np

from jobs.book.layout import (
    AHEAD,
    ENTERED_SUM_US,
    ENTERED_US,
    FIRST,
    HELD_PRICE_BUY,
    HELD_PRICE_SELL,
    HELD_SIZE_BUY,
    HELD_SIZE_SELL,
    HELD_STATE,
    LAST_GRID,
    LAST_SEQUENCE,
    LAST_US,
    LEVEL_SIZE,
    N_BLOCKS_BUY,
    N_ORDERS,
    N_SIDE_FIELDS,
    N_UNKNOWN,
    NO_FLOW,
    NONE,
    PRICE,
    ROW_AHEAD,
    ROW_DEPTH,
    ROW_FIRST_SIZE_BUY,
    ROW_FIRST_US_BUY,
    ROW_FLOW,
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
from jobs.book.places import field_of, place_of, top_of
from jobs.book.price_levels import best_level
from jobs.book.validity import trusted_state
from models.compiled import lean_part


class Rows(NamedTuple):
    """Where the kernel writes: rows, and the depth of those that have one (0 where a side has fewer levels)."""

    rows: np.ndarray  # int64[N_ROW_FIELDS, capacity]: a column lies together, as Arrow has it
    depth: np.ndarray  # int64[capacity, 2 sides, levels, (price, size)]


@lean_part
def _put_depth(book, depth):  # type: ignore[no-untyped-def]
    for side in range(2):
        n_blocks = book.header[N_BLOCKS_BUY + side]
        place = 0
        for top in range(n_blocks - 1, -1, -1):
            block = book.tops[top_of(side, top)]
            for at in range(book.block_sizes[block] - 1, -1, -1):
                if place == depth.shape[1]:
                    break
                level = book.block_levels[place_of(block, at)]
                depth[side, place, 0] = book.levels[field_of(level, PRICE)]
                depth[side, place, 1] = book.levels[field_of(level, LEVEL_SIZE)]
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
    first = levels[field_of(level, FIRST)]
    row[ROW_PRICE_BUY + at] = levels[field_of(level, PRICE)]
    row[ROW_SIZE_BUY + at] = levels[field_of(level, LEVEL_SIZE)]
    row[ROW_ORDERS_BUY + at] = levels[field_of(level, N_ORDERS)]
    row[ROW_FIRST_SIZE_BUY + at] = orders[field_of(first, SIZE)]
    row[ROW_FIRST_US_BUY + at] = orders[field_of(first, ENTERED_US)]
    row[ROW_MEAN_SUM_US_BUY + at] = levels[field_of(level, ENTERED_SUM_US)]


@lean_part
def _hold(header, field, value):  # type: ignore[no-untyped-def]
    # Whether a field differs from the last row's; it is the last row's from now on.
    is_new = header[field] != value
    header[field] = value
    return is_new


@lean_part
def _order_flow(header, state, bid_price, bid_size, ask_price, ask_size):  # type: ignore[no-untyped-def]
    # What the event added to the bid and took from the ask, as sql/ddl/quotes.sql has it, from the last row's prices.
    old_bid, old_ask = header[HELD_PRICE_BUY], header[HELD_PRICE_SELL]
    is_orderly = 0 < old_bid < old_ask and 0 < bid_price < ask_price
    if state > VALID or header[HELD_STATE] != state or not is_orderly:
        return NO_FLOW
    flow = 0
    if bid_price >= old_bid:
        flow += bid_size
    if bid_price <= old_bid:
        flow -= header[HELD_SIZE_BUY]
    if ask_price <= old_ask:
        flow -= ask_size
    if ask_price >= old_ask:
        flow += header[HELD_SIZE_SELL]
    return flow


@lean_part
def write_row(book, out, n_rows, n_depths, depth_us):  # type: ignore[no-untyped-def]
    """Write a row where the best prices, their sizes or the state differ from the last row's, or a depth is due.

    Returns:
        Rows and depths written so far.
    """
    header = book.header
    bid, ask = best_level(book, 0), best_level(book, 1)
    bid_price = book.levels[field_of(bid, PRICE)] if bid != NONE else 0
    ask_price = book.levels[field_of(ask, PRICE)] if ask != NONE else 0
    bid_size = book.levels[field_of(bid, LEVEL_SIZE)] if bid != NONE else 0
    ask_size = book.levels[field_of(ask, LEVEL_SIZE)] if ask != NONE else 0
    state = trusted_state(book, bid_price, ask_price)
    flow = _order_flow(header, state, bid_price, bid_size, ask_price, ask_size)
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
    row = out.rows[:, n_rows]
    row[ROW_SEQUENCE] = header[LAST_SEQUENCE]
    row[ROW_TIME_US] = header[LAST_US]
    row[ROW_STATE] = state
    row[ROW_IS_CHANGE] = is_change
    row[ROW_DEPTH] = NONE
    row[ROW_N_UNKNOWN] = header[N_UNKNOWN]
    row[ROW_SIDE] = header[TOUCHED_SIDE]
    row[ROW_AHEAD] = header[AHEAD]
    row[ROW_FLOW] = flow
    _put_side(book, row, bid, 0)
    _put_side(book, row, ask, 1)
    if has_depth:
        _put_depth(book, out.depth[n_depths])
        row[ROW_DEPTH] = n_depths
        n_depths += 1
    return n_rows + 1, n_depths
