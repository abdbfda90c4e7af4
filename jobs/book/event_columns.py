"""Columns of ``orders`` from Arrow to what the kernel reads: views of the same memory, nothing is copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from jobs.arrow_views import EMPTY, decimal_words, read_only, times_us
from jobs.book.layout import BUY, NONE, SELL
from jobs.book.replay_kernel import Events

EVENT_COLUMNS = (
    "sequence", "event", "event_time", "order_id", "side", "price", "size", "remaining_size", "maker_order_id",
    "snapshot",
)  # fmt: skip
_SIDES = np.full(256, NONE, dtype=np.int8)  # by first letter
_SIDES[ord("b")], _SIDES[ord("s")] = BUY, SELL


def event_columns(orders: pa.RecordBatch) -> Events:
    """Views of a batch of rows of ``orders`` with at least ``EVENT_COLUMNS``."""

    def column(name: str, type_: Any) -> pa.Array:
        values = orders.column(name)
        return values if values.type == type_ else values.cast(type_)

    def text(name: str) -> tuple[np.ndarray, np.ndarray]:
        return _text(column(name, pa.string()))

    def decimal(name: str) -> tuple[np.ndarray, np.ndarray]:
        return decimal_words(orders.column(name))

    return Events(
        kind=read_only(_first_letters(orders.column("event"))),
        side=read_only(_SIDES[_first_letters(orders.column("side"))]),
        sequence=read_only(column("sequence", pa.int64()).to_numpy(zero_copy_only=True)),
        time_us=times_us(orders.column("event_time")),
        order_id=text("order_id"),
        price=decimal("price"),
        size=decimal("size"),
        remaining_size=decimal("remaining_size"),
        maker_order_id=text("maker_order_id"),
    )


def _first_letters(values: pa.Array) -> np.ndarray:
    """First byte of each text, 0 where there is none: enough to tell the few words apart that stand there."""
    if pa.types.is_dictionary(values.type):
        letters = [(word or "\0").encode()[0] for word in values.dictionary.to_pylist()]
        return np.array([*letters, 0], dtype=np.uint8)[values.indices.fill_null(len(letters)).to_numpy()]
    offsets, text = _text(values if values.type == pa.string() else values.cast(pa.string()))
    is_there = offsets[1:] > offsets[:-1]
    letters_or_0 = np.zeros(len(values), dtype=np.uint8)
    letters_or_0[is_there] = text[offsets[:-1][is_there]]
    return letters_or_0


def _text(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and bytes; the text of NULL is empty."""
    _, offsets, text = values.buffers()
    n = len(values)
    if offsets is None:
        return read_only(np.zeros(n + 1, dtype=np.int32)), EMPTY
    places = np.frombuffer(offsets, dtype=np.int32)[values.offset : values.offset + n + 1]
    return places, EMPTY if text is None else np.frombuffer(text, dtype=np.uint8)
