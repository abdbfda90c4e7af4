"""Bitstamp order log: ``<receive time, epoch ms> <event> <JSON>`` a line; no sequence, so the line number serves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.instants import are_plausible, parse_instant
from jobs.readers.json_lines import RefusedLineError, decode_line, parse_object
from jobs.readers.lines import Lines
from jobs.readers.message_columns import MessageColumns
from jobs.readers.price_levels import wrong_levels
from jobs.readers.refusal import Refusal, shown
from jobs.readers.schema import ReadLines

EVENTS = {
    "order_created": "open",
    "order_changed": "change",
    "order_deleted": "done",
    "trade": "match",
    "order_book": "snapshot",
}
KNOWN_FIELDS = frozenset(
    ["id", "price", "amount", "datetime", "order_type", "bids", "asks", "timestamp", "microtimestamp"]
)


class BitstampLogReader:
    """Reads the lines of one file from its first to its last: the first receive time is the epoch of all of them."""

    def __init__(self, symbol: str, now_us: int) -> None:
        """Take the product, which the lines do not name, and the instant that no line may lie a day ahead of."""
        self.symbol = symbol
        self.now_us = now_us
        self.epoch: int | None = None  # ms since 1970
        self._seen_shapes: set[tuple[str, ...]] = set()

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines."""
        n = len(lines.lines)
        times: list[str | None] = [None] * n
        books: list[str | None] = [None] * n
        names = np.full(n, None, dtype=object)
        messages: list[dict[str, Any]] = []
        refusals: dict[int, Refusal] = {}
        is_open_end = np.zeros(n, dtype=bool)
        for row, line in enumerate(lines.lines):
            try:
                text = decode_line(line)
                time, name, start = _head(text)
                times[row], names[row] = time, name
                messages.append(parse_object(text, start))
                if name == "order_book":
                    books[row] = text[start:]
            except RefusedLineError as e:
                messages.append({})
                refusals[row] = e.refusal
                is_open_end[row] = e.refusal.code in ("NOT_JSON", "NUL_BYTE", "NOT_UTF8", "NOT_A_LOG_LINE")
        self._find_epoch(times)
        batch = MessageColumns(messages, refusals)
        columns = self._columns(batch, pa.array(times, pa.string()), names, lines.numbers)
        columns["snapshot"] = pa.array(books, pa.string())
        return ReadLines(columns, batch.refusals, self._unknown_fields(batch), is_open_end)

    def _find_epoch(self, times: list[str | None]) -> None:
        for time in times:
            if self.epoch is not None:
                return
            instant_us = parse_instant(time) if time else None
            if instant_us is not None and are_plausible(np.array([instant_us], dtype=object), self.now_us).all():
                self.epoch = instant_us // 1000

    def _columns(
        self, batch: MessageColumns, times: pa.Array, names: np.ndarray, numbers: np.ndarray
    ) -> dict[str, pa.Array]:
        is_event = {name: names == name for name in EVENTS}
        is_any = np.logical_or.reduce(list(is_event.values()))
        is_order = is_event["order_created"] | is_event["order_changed"] | is_event["order_deleted"]
        batch.refuse(np.flatnonzero(~is_any), "UNKNOWN_EVENT", lambda row: f"event {shown(names[row])}")
        texts = {field: batch.texts(field) for field in ("id", "price", "amount", "order_type")}
        for field in ("id", "price", "amount"):
            batch.require(texts[field], field, is_order | is_event["trade"])
        batch.require(texts["order_type"], "order_type", is_order)
        batch.choice(texts["order_type"], "order_type", ("0", "1"))
        _check_books(batch, np.flatnonzero(is_event["order_book"]))
        price = batch.decimals(texts["price"], "price", is_binary=True)
        amount = batch.decimals(texts["amount"], "amount", is_binary=True)
        batch.refuse_below(price, "price", "BAD_PRICE", is_any, zero_too=True)
        batch.refuse_below(amount, "amount", "BAD_SIZE", is_any, zero_too=False)
        batch.refuse_below(amount, "amount", "BAD_SIZE", is_event["trade"], zero_too=True)
        event_time = batch.instants(times, "receive time", self.now_us)
        n = len(names)
        columns = {
            "symbol": pa.repeat(pa.scalar(self.symbol), n),
            "epoch": pa.repeat(pa.scalar(self.epoch, pa.int64()), n),
            "sequence": pa.array(numbers),
            "event": pa.array([EVENTS.get(name) for name in names], pa.string()),
            "event_time": event_time,
            "order_id": _only(is_order, texts["id"]),
            "side": _only(is_order, pc.if_else(pc.equal(texts["order_type"], "0"), "buy", "sell")),
            "order_type": _only(is_order, pa.repeat("limit", n)),
            "price": price,
            "trade_id": batch.integers(_only(is_event["trade"], texts["id"]), "id"),
        }
        return columns | _sizes(amount, is_event)

    def _unknown_fields(self, batch: MessageColumns) -> set[str]:
        shapes = set(map(tuple, batch.messages)) - self._seen_shapes
        self._seen_shapes |= shapes
        return set().union(*shapes) - KNOWN_FIELDS


def _head(text: str) -> tuple[str, str, int]:
    """Receive time, event, and where the JSON starts."""
    first = text.find(" ")
    second = text.find(" ", first + 1)
    if first < 1 or second < 0 or not text[:first].isdigit():
        raise RefusedLineError(Refusal("NOT_A_LOG_LINE"))
    return text[:first], text[first + 1 : second], second + 1


def _sizes(amount: pa.Array, is_event: dict[str, np.ndarray]) -> dict[str, pa.Array]:
    """The log sends what is left of an order. A deletion of nothing left is the end of a filled order."""
    is_order = is_event["order_created"] | is_event["order_changed"] | is_event["order_deleted"]
    is_done = pa.array(is_event["order_deleted"])
    is_used_up = pc.equal(amount, pa.scalar(Decimal(0), amount.type))
    reason = pc.if_else(is_used_up, "filled", "canceled")
    return {
        "size": _only(is_event["order_changed"] | is_event["trade"], amount),
        "remaining_size": _only(is_order, amount),
        "reason": pc.if_else(is_done, reason, pa.scalar(None, pa.string())),
    }


def _only(where: np.ndarray, column: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(where), column, pa.scalar(None, column.type))


def _check_books(batch: MessageColumns, rows: np.ndarray) -> None:
    for row in map(int, rows):
        for field in ("bids", "asks"):
            refusal = None if batch.is_refused[row] else wrong_levels(field, batch.messages[row].get(field))
            if refusal is not None:
                batch.refuse([row], refusal.code, lambda _, about=refusal.about: about)  # type: ignore[misc]
