"""What is read of quotes for bars, and the few rows that are left of them; known where nothing is compiled."""

import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.bar_schema import SIZE

BEST = ("bid_price", "bid_size", "ask_price", "ask_size")
_DEPTHS = ("bid_depth_prices", "bid_depth_sizes", "ask_depth_prices", "ask_depth_sizes")
READ_COLUMNS = (
    *("exchange", "symbol", "event_time", "epoch", "sequence", "is_usable"),
    *(*BEST, *_DEPTHS, "order_flow"),
)
# A row of quotes that counts for its bar; what stands behind ``tells_depth`` is NULL where it is not usable, but for
# ``flow``: the sum of ``order_flow`` over the usable rows that it stands for.
CHOSEN_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("event_time", INSTANT),
        ("epoch", pa.int64()),
        ("sequence", pa.int64()),
        ("is_usable", pa.bool_()),
        ("tells_depth", pa.bool_()),
        *[(name, DECIMAL) for name in BEST],
        *[(name, pa.float64()) for name in ("mid", "microprice", "spread_bps")],
        *[(name, SIZE) for name in ("bid_depth", "ask_depth")],
        *[(name, pa.float64()) for name in ("bid_slope", "ask_slope")],
        ("flow", SIZE),
    ]
)
