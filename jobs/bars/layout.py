"""Layout of parts of bars in memory: what the columns of their rows mean.

All integers; times in microseconds since 1970, prices and sizes in units of 1e-8. A sum of sizes is two numbers, the
sum of the lower 32 bits and that of the bits above them: exact for 2^31 rows, where one 64-bit number would overflow.
A sum of products of price and size is four such numbers.
"""

from typing import NamedTuple

import numpy as np

TRADE, LIMIT, MARKET, CANCEL = range(4)
KINDS = ("trade", "limit", "market", "cancel")
BUY, SELL, NO_SIDE = 0, 1, -1
NONE = -1  # no slot, no kind
RECEIVED, OPENED, DONE = range(3)  # events that can count

GROUP, START_US, LAST_EVENT_US, N_TRADES, LAST_TRADE_US, HAS_PRICE = range(6)
OPEN_US, OPEN_EPOCH, OPEN_SEQUENCE, OPEN = range(6, 10)
CLOSE_US, CLOSE_EPOCH, CLOSE_SEQUENCE, CLOSE = range(10, 14)
HIGH, LOW = 14, 15
NOTIONAL = 16  # and the three after it; from here on all are sums
VOLUME = 20  # and the one after it
FLOWS = 22  # of each kind and side: count, and the sum of sizes
N_FLOW_FIELDS = 3
N_FIELDS = FLOWS + N_FLOW_FIELDS * 2 * len(KINDS)


class Parts(NamedTuple):
    """Parts of bars, one row a group (exchange and symbol) and bar."""

    rows: np.ndarray  # int64[capacity, fields]
    places: np.ndarray  # int64, a power of two, at least twice the capacity: rows by hash of their group and start
    newest: np.ndarray  # int64 by group: the row that its last event fell into
    n: np.ndarray  # int64[1]


def flow_field(kind: int, side: int) -> int:
    """Where the count of a kind and side stands; the sum of sizes follows it."""
    return FLOWS + N_FLOW_FIELDS * (2 * kind + side)


def empty_parts(capacity: int, n_groups: int, n_fields: int = N_FIELDS) -> Parts:
    """Room for so many rows, a power of two."""
    return Parts(
        rows=np.zeros((capacity, n_fields), dtype=np.int64),
        places=np.full(2 * capacity, NONE, dtype=np.int64),
        newest=np.full(n_groups, NONE, dtype=np.int64),
        n=np.zeros(1, dtype=np.int64),
    )
