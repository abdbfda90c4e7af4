"""Layout of a book in memory: what the columns of its arrays mean. All integers; prices and sizes in units of 1e-8."""

from typing import NamedTuple

import numpy as np

BUY, SELL = 0, 1
NONE = -1  # no slot, no level, no block

# Why a book can or cannot be trusted, see sql/ddl/quotes.sql.
UNSEEDED, VALID, INVALID_AFTER_GAP, INVALID_TOO_LARGE = 0, 1, 2, 3
STATES = ("unseeded", "valid", "invalid_after_gap", "invalid_too_large")

# Columns of ``orders``: 64 bytes, one cache line an order. KEY_* and KEY_KIND name the order, see order_ids.py.
KEY_HIGH, KEY_LOW, KEY_KIND, SIZE, LEVEL, BEFORE, BEHIND, ENTERED_US = range(8)

# Columns of ``levels``. FIRST and LAST are orders in their queue; ENTERED_SUM_US adds up ENTERED_US of all of them.
PRICE, LEVEL_SIZE, N_ORDERS, FIRST, LAST, ENTERED_SUM_US, SIDE, NEXT_FREE = range(8)
N_FIELDS = 8  # of an order and of a level

BLOCK = 64  # price levels a block of the sorted index

# Fields of ``header``. Pairs belong to (buy, sell). IS_SHOWING: the rows of a snapshot that has one a level are under
# way. LAST_UPDATE: the exchange's own number of the last update in the book, 0 where it has none. IS_LEVEL_FEED: levels
# were set, so that matches do not change the book.
(
    STATE, LAST_SEQUENCE, FIRST_US, LAST_US, LAST_GRID, HAS_STARTED,
    N_KNOWN, ORDERS_USED, FREE_ORDER, LEVELS_USED, FREE_LEVEL, BLOCKS_USED, FREE_BLOCK, N_BLOCKS_BUY, N_BLOCKS_SELL,
    COVERED_BUY, COVERED_SELL, TOUCHED_SIDE, AHEAD,
    HELD_STATE, HELD_PRICE_BUY, HELD_SIZE_BUY, HELD_PRICE_SELL, HELD_SIZE_SELL,
    N_EVENTS, N_UNKNOWN, N_CONTRADICTIONS, N_GAPS, N_SNAPSHOTS, N_SNAPSHOTS_AGREED,
    IS_SHOWING, LAST_UPDATE, IS_LEVEL_FEED,
) = range(33)  # fmt: skip
N_HEADER = 33
NO_COVER_BUY, NO_COVER_SELL = np.iinfo(np.int64).max, 0  # no snapshot has shown any price of the side
ALL_COVERED_BUY, ALL_COVERED_SELL = 0, np.iinfo(np.int64).max
LARGEST_SIZE = 10**18 - 1  # of a level: DECIMAL(18, 8)

# Columns of a row that the replay writes.
(
    ROW_SEQUENCE, ROW_TIME_US, ROW_STATE, ROW_IS_CHANGE, ROW_DEPTH, ROW_N_UNKNOWN, ROW_SIDE, ROW_AHEAD,
    ROW_PRICE_BUY, ROW_SIZE_BUY, ROW_ORDERS_BUY, ROW_FIRST_SIZE_BUY, ROW_FIRST_US_BUY, ROW_MEAN_SUM_US_BUY,
    ROW_PRICE_SELL, ROW_SIZE_SELL, ROW_ORDERS_SELL, ROW_FIRST_SIZE_SELL, ROW_FIRST_US_SELL, ROW_MEAN_SUM_US_SELL,
    ROW_FLOW,
) = range(21)  # fmt: skip
N_ROW_FIELDS = 21
N_SIDE_FIELDS = 6  # from ROW_PRICE_BUY to ROW_PRICE_SELL
NO_FLOW = np.iinfo(np.int64).min  # in ROW_FLOW: the row does not go on from the one before


class Book(NamedTuple):
    """The arrays of one book; ``storage.py`` makes them and lets them grow."""

    header: np.ndarray  # int64[N_HEADER]
    orders: np.ndarray  # int64[capacity * N_FIELDS], see places.py
    table: np.ndarray  # int64[a power of two]: hash of an order's key to its row, see order_table.py
    levels: np.ndarray  # int64[capacity * N_FIELDS]
    block_keys: np.ndarray  # int64[capacity * BLOCK]: sort keys of the levels of a block, ascending
    block_levels: np.ndarray  # int32[capacity * BLOCK]: those levels
    block_sizes: np.ndarray  # int64[capacity]: levels in the block; of a free block the next free one
    tops: np.ndarray  # int32[capacity * 2]: blocks of a side, ascending
