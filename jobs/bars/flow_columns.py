"""Columns of ``trades`` and ``orders`` from Arrow to what the kernel reads.

What a bar counts: each trade, and each limit order, market order and cancel. A limit order enters the market once:
with its ``received`` where the exchange sends that event, and with its ``open`` where it never does (Bitstamp). A
market order is a ``received`` of that type, or of no type and without a price. A cancel is a ``done`` with the reason
canceled and a price; its size is what was still in the book. An order that names no size counts 0 base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from jobs.arrow_views import decimal_words, read_only, times_us
from jobs.bars.layout import BUY, DONE, NONE, OPENED, RECEIVED, SELL

TRADE_COLUMNS = ("exchange", "symbol", "trade_time", "epoch", "sequence", "taker_side", "price", "size")
ORDER_COLUMNS = (
    *("exchange", "symbol", "event_time", "event", "side", "order_type", "reason"),
    *("price", "size", "remaining_size"),
)
TEXTS = ("exchange", "symbol", "taker_side", "event", "side", "order_type", "reason")
_SIDES = {"buy": BUY, "sell": SELL}
_EVENTS = {"received": RECEIVED, "open": OPENED, "done": DONE}

Decimals = tuple[np.ndarray, np.ndarray]  # two words a value, validity (empty where no value is NULL)


class Trades(NamedTuple):
    """A batch of trades; ``group`` numbers exchange and symbol."""

    group: np.ndarray  # int64
    time_us: np.ndarray
    epoch: np.ndarray
    sequence: np.ndarray
    side: np.ndarray  # int8: BUY, SELL or NO_SIDE
    price: Decimals
    size: Decimals


class Orders(NamedTuple):
    """A batch of order events; ``group`` numbers exchange and symbol."""

    group: np.ndarray  # int64
    enters_by_open: np.ndarray  # bool by group: the exchange sends no ``received``
    time_us: np.ndarray
    event: np.ndarray  # int8: RECEIVED, OPENED, DONE or NONE
    side: np.ndarray
    is_limit: np.ndarray  # int8: 1, 0 or NONE where no type is sent
    is_canceled: np.ndarray  # int8: 1 or 0
    price: Decimals
    size: Decimals
    remaining_size: Decimals


def trade_columns(rows: pa.RecordBatch, group: np.ndarray) -> Trades:
    """Views of a batch with at least ``TRADE_COLUMNS``."""
    return Trades(
        group=group,
        time_us=times_us(rows.column("trade_time")),
        epoch=_numbers(rows.column("epoch")),
        sequence=_numbers(rows.column("sequence")),
        side=_codes(rows.column("taker_side"), _SIDES),
        price=decimal_words(rows.column("price")),
        size=decimal_words(rows.column("size")),
    )


def order_columns(rows: pa.RecordBatch, group: np.ndarray, enters_by_open: np.ndarray) -> Orders:
    """Views of a batch with at least ``ORDER_COLUMNS``."""
    return Orders(
        group=group,
        enters_by_open=enters_by_open,
        time_us=times_us(rows.column("event_time")),
        event=_codes(rows.column("event"), _EVENTS),
        side=_codes(rows.column("side"), _SIDES),
        is_limit=_codes(rows.column("order_type"), {"limit": 1}, other=0),
        is_canceled=_codes(rows.column("reason"), {"canceled": 1}, other=0, missing=0),
        price=decimal_words(rows.column("price")),
        size=decimal_words(rows.column("size")),
        remaining_size=decimal_words(rows.column("remaining_size")),
    )


class Groups:
    """Numbers of the pairs of exchange and symbol, in the order in which they are met."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def of(self, rows: pa.RecordBatch) -> np.ndarray:
        """The number of each row."""
        exchange, symbol = (_encoded(rows.column(name)) for name in ("exchange", "symbol"))
        n_symbols = len(symbol.dictionary)
        pair = exchange.indices.to_numpy().astype(np.int64) * n_symbols + symbol.indices.to_numpy()
        is_met = np.zeros(len(exchange.dictionary) * n_symbols, dtype=bool)
        is_met[pair] = True
        numbers = np.full(len(is_met), NONE, dtype=np.int64)
        for met in np.flatnonzero(is_met).tolist():
            names = exchange.dictionary[met // n_symbols], symbol.dictionary[met % n_symbols]
            numbers[met] = self.number(*(name.as_py() for name in names))
        return read_only(numbers[pair])

    def number(self, exchange: str, symbol: str) -> int:
        """The number of one pair."""
        names = (exchange, symbol)
        number = self._numbers.setdefault(names, len(self._numbers))
        if number == len(self.names):
            self.names.append(names)
        return number


def _encoded(values: pa.Array) -> Any:
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def _codes(values: pa.Array, codes: Mapping[str, int], other: int = NONE, missing: int = NONE) -> np.ndarray:
    """A number for each text: that of ``codes``, else ``other``; ``missing`` for NULL."""
    encoded = _encoded(values)
    words = encoded.dictionary.to_pylist()
    table = np.array([*(missing if word is None else codes.get(word, other) for word in words), missing], dtype=np.int8)
    return read_only(table[encoded.indices.fill_null(len(words)).to_numpy()])


def _numbers(values: pa.Array) -> np.ndarray:
    return read_only(values.cast(pa.int64()).to_numpy())
