"""Messages whose fields have the names of ``orders`` already: checked by one set of rules, whatever sent them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.message_columns import FUNDS, MessageColumns
from jobs.readers.refusal import shown

EVENTS = ("received", "open", "change", "done", "match", "partial_cancel", "update", "snapshot")
TEXT_FIELDS = ("order_id", "side", "order_type", "reason", "maker_order_id", "taker_order_id", "snapshot")
SIZES = ("size", "old_size", "remaining_size")
FIELDS = ("symbol", "event", "event_time", "price", "funds", "trade_id", *SIZES, *TEXT_FIELDS)
# An update and a snapshot have their levels as text, or one level in these fields.
_LEVEL = ("side", "price", "size")
_NEEDED = {
    "order_id": ("received", "open", "change", "done", "partial_cancel"),
    "side": ("open",),
    "price": ("open", "match"),
    "size": ("match", "partial_cancel"),
    "remaining_size": ("open", "change"),
}


def event_columns(batch: MessageColumns, epoch: int | None, now_us: int, is_binary: bool) -> dict[str, pa.Array]:
    """Columns of ``orders`` but ``sequence``; a wrong field refuses its row.

    Args:
        batch: One dict a row with texts under ``FIELDS``.
        epoch: Of all rows; None while it is not known, where only refused rows can stand.
        now_us: No event may lie a day ahead of it, µs since 1970.
        is_binary: Numbers were written from doubles, see ``parse_decimal``.
    """
    texts = {field: batch.texts(field) for field in FIELDS}
    is_event = _events(batch, texts["event"])
    everywhere = ~batch.is_refused
    for field in ("symbol", "event_time"):
        batch.require(texts[field], field, everywhere)
    for field, events in _NEEDED.items():
        batch.require(texts[field], field, np.logical_or.reduce([is_event[name] for name in events]))
    is_level = (is_event["update"] | is_event["snapshot"]) & _is_null(texts["snapshot"])
    for field in _LEVEL:
        batch.require(texts[field], field, is_level)
    batch.choice(texts["side"], "side", ("buy", "sell"))
    batch.choice(texts["order_type"], "order_type", ("limit", "market"))
    batch.choice(texts["reason"], "reason", ("filled", "canceled"))
    numbers = {field: batch.decimals(texts[field], field, is_binary=is_binary) for field in ("price", *SIZES)}
    numbers["funds"] = batch.decimals(texts["funds"], "funds", FUNDS, is_binary)
    batch.refuse_below(numbers["price"], "price", "BAD_PRICE", everywhere, zero_too=True)
    traded = is_event["match"] | is_event["partial_cancel"]
    batch.refuse_below(numbers["size"], "size", "BAD_SIZE", traded, zero_too=True)
    for field in (*SIZES, "funds"):
        batch.refuse_below(numbers[field], field, "BAD_SIZE", everywhere, zero_too=False)
    return {
        "symbol": texts["symbol"],
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), len(batch.messages)),
        "event": texts["event"],
        "event_time": batch.instants(texts["event_time"], "event_time", now_us),
        "trade_id": batch.integers(texts["trade_id"], "trade_id"),
        **{field: texts[field] for field in TEXT_FIELDS},
        **numbers,
    }


def _events(batch: MessageColumns, event: pa.Array) -> dict[str, np.ndarray]:
    batch.require(event, "event", ~batch.is_refused)
    names: Any = np.array(event.to_pylist(), dtype=object)
    is_event = {name: names == name for name in EVENTS}
    is_any = np.logical_or.reduce(list(is_event.values()))
    batch.refuse(np.flatnonzero(~is_any), "UNKNOWN_EVENT", lambda row: f"event = {shown(names[row])}")
    return is_event


def _is_null(column: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=bool)
