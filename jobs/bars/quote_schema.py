"""What is read of quotes for bars, and the few rows that are left of them; known where nothing is compiled."""

import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.bar_schema import SIZE

_LISTS = ("bid_depth_prices", "bid_depth_sizes", "ask_depth_prices", "ask_depth_sizes")
# A row of quotes that counts for its bar; ``flow`` is the sum of ``order_flow`` over usable rows that it stands for.
CHOSEN_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("event_time", INSTANT),
        ("epoch", pa.int64()),
        ("sequence", pa.int64()),
        ("is_usable", pa.bool_()),
        *[(name, DECIMAL) for name in ("bid_price", "bid_size", "ask_price", "ask_size")],
        *[(name, pa.list_(DECIMAL)) for name in _LISTS],
        ("flow", SIZE),
    ]
)
READ_COLUMNS = (*CHOSEN_SCHEMA.names[:-1], "order_flow")
