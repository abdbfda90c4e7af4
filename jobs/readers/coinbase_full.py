"""Coinbase "full" channel: one JSON message a line, numbered without end per product."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.flat_json import read_flat
from jobs.readers.json_lines import RefusedLineError, decode_line, parse_object
from jobs.readers.lines import Lines
from jobs.readers.message_columns import FUNDS, MessageColumns
from jobs.readers.refusal import shown
from jobs.readers.schema import ReadLines

EVENTS = ("received", "open", "change", "done", "match")
# Legitimate messages of the feed that carry no numbered order event: answers to a subscription, the pulse, and
# stop orders, which are not in the book before they are received.
OTHER_MESSAGES = ("subscriptions", "heartbeat", "activate", "status", "error", "last_match")
KNOWN_FIELDS = frozenset(
    [
        "type",
        "product_id",
        "sequence",
        "time",
        "order_id",
        "side",
        "order_type",
        "price",
        "size",
        "old_size",
        "new_size",
        "remaining_size",
        "funds",
        "reason",
        "trade_id",
        "maker_order_id",
        "taker_order_id",
        "client_oid",
        "old_funds",
        "new_funds",
        "old_price",
        "new_price",
        "user_id",
        "profile_id",
        "taker_user_id",
        "taker_profile_id",
        "maker_user_id",
        "maker_profile_id",
        "taker_fee_rate",
        "maker_fee_rate",
        "stp",
        "cancel_reason",
        "stop_type",
        "stop_price",
    ]
)
OF_EVENTS = (
    *("order_id", "side", "order_type", "price", "size", "old_size", "new_size", "new_price", "new_funds"),
    *("remaining_size", "funds", "reason", "maker_order_id", "taker_order_id"),
)
TEXTS, INTEGERS = ("type", "product_id", "time", *OF_EVENTS), ("sequence", "trade_id")
NEEDED = {
    "order_id": ("received", "open", "change", "done"),
    "side": EVENTS,
    "order_type": ("received",),
    "reason": ("done",),
    "remaining_size": ("open",),
    "trade_id": ("match",),
    "maker_order_id": ("match",),
    "taker_order_id": ("match",),
    "price": ("open", "match"),
    "size": ("match",),
}


class CoinbaseFullReader:
    """Reads lines of the channel.

    A ``change`` has its new size as ``size`` and ``remaining_size``, and its new price, where sent, as ``price``.
    """

    def __init__(self, epoch: int, now_us: int) -> None:
        """Take the epoch of all rows and the instant that no message may lie a day ahead of."""
        self.epoch = epoch
        self.now_us = now_us
        self._seen_shapes: set[tuple[str, ...]] = set()

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines: at once where that is safe, else one by one."""
        is_open_end = np.zeros(len(lines.lines), dtype=bool)
        if (table := read_flat(lines.lines, TEXTS, INTEGERS)) is not None:
            batch = MessageColumns(table, {})
            return ReadLines(self._columns(batch), batch.refusals, set(table.schema.names) - KNOWN_FIELDS, is_open_end)
        messages, refusals = [], {}
        for row, line in enumerate(lines.lines):
            try:
                messages.append(parse_object(decode_line(line)))
            except RefusedLineError as e:
                messages.append({})
                refusals[row] = e.refusal
                is_open_end[row] = e.refusal.code in ("NOT_JSON", "NUL_BYTE", "NOT_UTF8")
        shapes = set(map(tuple, messages)) - self._seen_shapes
        self._seen_shapes |= shapes
        batch = MessageColumns(messages, refusals)
        return ReadLines(self._columns(batch), batch.refusals, set().union(*shapes) - KNOWN_FIELDS, is_open_end)

    def _columns(self, batch: MessageColumns) -> dict[str, pa.Array]:
        event, is_event = _events(batch)
        everywhere = ~batch.is_refused
        symbol, sequence, time = batch.texts("product_id"), batch.texts("sequence"), batch.texts("time")
        for field, column in (("product_id", symbol), ("sequence", sequence), ("time", time)):
            batch.require(column, field, everywhere)
        texts = {field: batch.texts(field) for field in (*OF_EVENTS, "trade_id")}
        for field, events in NEEDED.items():
            batch.require(texts[field], field, np.logical_or.reduce([is_event[name] for name in events]))
        _require_amounts(batch, texts, is_event)
        batch.choice(texts["side"], "side", ("buy", "sell"))
        batch.choice(texts["order_type"], "order_type", ("limit", "market"))
        reason = pc.if_else(pa.array(is_event["done"]), texts["reason"], pa.scalar(None, pa.string()))
        batch.choice(reason, "reason", ("filled", "canceled"))
        columns = {
            "symbol": symbol,
            "epoch": pa.array(np.full(len(symbol), self.epoch, dtype=np.int64)),
            "sequence": batch.integers(sequence, "sequence"),
            "event": event,
            "event_time": batch.instants(time, "time", self.now_us),
            **{f: texts[f] for f in ("order_id", "side", "order_type", "maker_order_id", "taker_order_id")},
            "reason": reason,
            "trade_id": batch.integers(texts["trade_id"], "trade_id"),
        }
        return columns | _amounts(batch, texts, is_event)


def _events(batch: MessageColumns) -> tuple[pa.Array, dict[str, np.ndarray]]:
    event = batch.texts("type")
    batch.require(event, "type", ~batch.is_refused)
    names = np.array(event.to_pylist(), dtype=object)
    is_event = {name: names == name for name in EVENTS}
    is_any = np.logical_or.reduce(list(is_event.values()))
    if not is_any.all():
        other = np.isin(names.astype(str), OTHER_MESSAGES)
        about = lambda row: f"type = {shown(names[row])}"  # noqa: E731
        batch.refuse(np.flatnonzero(other), "NOT_AN_ORDER_EVENT", about)
        batch.refuse(np.flatnonzero(~other & ~is_any), "UNKNOWN_EVENT", about)
    return event, is_event


def _require_amounts(batch: MessageColumns, texts: dict[str, pa.Array], is_event: dict[str, np.ndarray]) -> None:
    """A limit order names price and size, a market order size or funds, a change the new size, price or funds."""
    types = np.array(texts["order_type"].to_pylist(), dtype=object)
    is_limit, is_market = is_event["received"] & (types == "limit"), is_event["received"] & (types == "market")
    for field in ("price", "size"):
        batch.require(texts[field], field, is_limit)
    batch.require(pc.coalesce(texts["size"], texts["funds"]), "size or funds", is_market)
    new = pc.coalesce(texts["new_size"], texts["new_price"], texts["new_funds"])
    batch.require(new, "new_size, new_price or new_funds", is_event["change"])


def _amounts(batch: MessageColumns, texts: dict[str, pa.Array], is_event: dict[str, np.ndarray]) -> dict[str, pa.Array]:
    is_change, everywhere = pa.array(is_event["change"]), np.ones(len(batch.messages), dtype=bool)
    price, new_price = (batch.decimals(texts[field], field) for field in ("price", "new_price"))
    price = pc.if_else(is_change, pc.coalesce(new_price, price), price)
    size = batch.decimals(texts["size"], "size")
    new_size = batch.decimals(texts["new_size"], "new_size")
    columns = {
        "price": price,
        "size": pc.if_else(is_change, new_size, size),
        "old_size": batch.decimals(texts["old_size"], "old_size"),
        "remaining_size": pc.if_else(is_change, new_size, batch.decimals(texts["remaining_size"], "remaining_size")),
        "funds": batch.decimals(texts["funds"], "funds", FUNDS),
    }
    batch.refuse_below(price, "price", "BAD_PRICE", everywhere, zero_too=True)
    batch.refuse_below(columns["size"], "size", "BAD_SIZE", is_event["match"], zero_too=True)
    for field in ("size", "old_size", "remaining_size", "funds"):
        batch.refuse_below(columns[field], field, "BAD_SIZE", everywhere, zero_too=False)
    return columns
