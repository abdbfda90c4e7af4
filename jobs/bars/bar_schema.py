"""What leaves a task as Arrow rows: packed parts of bars, and bars; known where nothing is compiled."""

from __future__ import annotations

import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.layout import BUY, LIMIT, SELL, flow_field

SIZE = pa.decimal128(38, 8)
COUNTS = ("n_{side}_trades", "n_limit_{side}s", "n_market_{side}s", "n_cancel_{side}s")
SIZES = ("{side}_volume", "limit_{side}_size", "market_{side}_size", "cancel_{side}_size")
FLOW_NAMES = [
    (count.format(side=name), size.format(side=name), flow_field(kind, side))
    for kind, (count, size) in enumerate(zip(COUNTS, SIZES, strict=True))
    for side, name in ((BUY, "buy"), (SELL, "sell"))
]
OF_ORDERS = {name for *names, at in FLOW_NAMES if at >= flow_field(LIMIT, BUY) for name in names}
# One row is a symbol's parts of bars in a stretch of time, as the kernel holds them.
PACKED_KEY = ("exchange", "symbol", "stretch")
PACKED_SCHEMA = pa.schema(
    [("exchange", pa.string()), ("symbol", pa.string()), ("stretch", pa.int64()), ("parts", pa.binary())]
)
# One row is a bar with at least one event. Prices are NULL without a trade that has a price; the average price, which
# volumes weigh, is also NULL where the volume is 0.
BAR_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("bar_start", INSTANT),
        ("open", DECIMAL),
        ("high", DECIMAL),
        ("low", DECIMAL),
        ("close", DECIMAL),
        ("volume", SIZE),
        ("vwap", pa.float64()),
        ("n_trades", pa.int64()),
        ("last_trade_at", INSTANT),
        ("last_event_at", INSTANT),
        *[field for count, size, _ in FLOW_NAMES for field in ((count, pa.int64()), (size, SIZE))],
    ]
)
