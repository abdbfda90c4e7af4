"""What a part of a bar holds as an Arrow row; known where nothing is compiled."""

from __future__ import annotations

import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.layout import BUY, SELL, flow_field

SIZE = pa.decimal128(38, 8)
NOTIONAL_TYPE = pa.decimal128(38, 16)
PLACE = pa.struct([("time_us", pa.int64()), ("epoch", pa.int64()), ("sequence", pa.int64())])
COUNTS = ("n_{side}_trades", "n_limit_{side}s", "n_market_{side}s", "n_cancel_{side}s")
SIZES = ("{side}_volume", "limit_{side}_size", "market_{side}_size", "cancel_{side}_size")
FLOW_NAMES = [
    (count.format(side=name), size.format(side=name), flow_field(kind, side))
    for kind, (count, size) in enumerate(zip(COUNTS, SIZES, strict=True))
    for side, name in ((BUY, "buy"), (SELL, "sell"))
]
# One row is a part of a bar. Prices, their places and notional are NULL without a trade that has a price.
PART_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("bar_start", INSTANT),
        ("last_event_at", INSTANT),
        ("last_trade_at", INSTANT),
        ("n_trades", pa.int64()),
        ("volume", SIZE),
        ("notional", NOTIONAL_TYPE),
        ("open_place", PLACE),
        ("open", DECIMAL),
        ("close_place", PLACE),
        ("close", DECIMAL),
        ("high", DECIMAL),
        ("low", DECIMAL),
        *[field for count, size, _ in FLOW_NAMES for field in ((count, pa.int64()), (size, SIZE))],
    ]
)
