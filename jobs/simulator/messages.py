"""Layout of a message inside the simulator: one record is one message of the feed."""

import numpy as np

RECEIVED, OPEN, MATCH, CHANGE, DONE = 0, 1, 2, 3, 4
BUY, SELL = 0, 1
LIMIT, MARKET = 0, 1
FILLED, CANCELED = 0, 1

# Prices and sizes are integers of 1e-8; 0 as a price means that the message carries none.
MESSAGE = np.dtype(
    [
        ("time_us", np.int64),  # UTC, microseconds since 1970
        ("sequence", np.int64),  # contiguous per symbol
        ("order", np.int64),  # number of the order concerned; of a match the maker
        ("taker", np.int64),  # of a match: number of the incoming order
        ("trade_id", np.int64),  # of a match
        ("price", np.int64),
        ("size", np.int64),  # received: ordered, match: traded, change: new size
        ("remaining", np.int64),  # open, done: left; change: old size; match: left of the maker
        ("best_bid", np.int64),  # book after the message, 0 where the side is empty
        ("best_ask", np.int64),
        ("kind", np.int8),
        ("side", np.int8),  # side of the order; of a match the maker's
        ("order_type", np.int8),
        ("reason", np.int8),
        ("symbol", np.int16),  # position in Market.symbols
    ]
)
