"""``python -m jobs.compile_ahead``: a few rows through the passes over books and bars, which keeps them compiled.

numba compiles a pass at its first call and keeps it beside our code (``models/compiled.py``). Without this a first
``foretable book`` compiles for half a minute, in each of its tasks.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.chosen_quotes import chosen_quotes
from jobs.bars.flow_columns import ORDER_COLUMNS, TRADE_COLUMNS
from jobs.bars.partial_bars import PartialBars
from jobs.book.event_columns import EVENT_COLUMNS, event_columns
from jobs.book.keyed_replay import KeyedReplay
from jobs.book.replay import BookOptions, BookReplay

_BAR_SECONDS = 60
_KINDS = {
    **dict.fromkeys(("epoch", "sequence"), pa.int64()),
    **dict.fromkeys(("event_time", "trade_time"), INSTANT),
    **dict.fromkeys(("price", "size", "remaining_size"), DECIMAL),
}
_EVENT = {"exchange": "x", "symbol": "A", "epoch": 0, "order_id": "1", "side": "buy", "taker_side": "buy"}


def compile_ahead() -> None:
    """Compile what is not kept yet, and keep it."""
    compile_bars(compile_book())


def compile_book() -> pa.RecordBatch:
    """A book of one order and a snapshot, which is saved and read again; its quotes."""
    events = _batch(EVENT_COLUMNS)
    book = KeyedReplay(("x", "A", 0), BookOptions())
    quotes = pa.Table.from_batches(list(book.replay(events, event_columns(events), np.arange(len(events)))))
    (state,) = book.saved()
    BookReplay(BookOptions(), state.column("saved_book")[0].as_py())
    return quotes.combine_chunks().to_batches()[0]


def compile_bars(quotes: pa.RecordBatch) -> None:
    """Bars of the order, of a trade and of quotes."""
    parts, joined = PartialBars(_BAR_SECONDS), PartialBars(_BAR_SECONDS)
    parts.add_orders(_batch(ORDER_COLUMNS))
    parts.add_trades(_batch(TRADE_COLUMNS))
    joined.add_packed("x", "A", parts.take_packed().column("parts")[0])
    joined.take_bars_before(0)
    chosen_quotes(quotes, _BAR_SECONDS)


def _batch(columns: tuple[str, ...]) -> pa.RecordBatch:
    shown = json.dumps({"bids": [["9", "1"]], "asks": [["11", "2"]]})
    amounts = dict.fromkeys(("price", "size", "remaining_size"), Decimal(9))
    rows: list[dict[str, Any]] = [{"event": "open", **amounts}, {"event": "snapshot", "snapshot": shown}]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = dict.fromkeys(("event_time", "trade_time"), start)
    events = [_EVENT | times | row | {"sequence": number} for number, row in enumerate(rows)]
    schema = pa.schema([(name, _KINDS.get(name, pa.string())) for name in columns])
    return pa.RecordBatch.from_pylist(events, schema=schema)


if __name__ == "__main__":
    compile_ahead()
