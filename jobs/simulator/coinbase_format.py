"""Messages as lines of Coinbase's "full" channel, written by a compiled kernel straight into bytes.

One JSON object a line, keys in the order of the recording in ``../shared/data/l3_coinbase_full``: prices and sizes as
strings with 8 decimals, times with 6 digits and Z. Optional fields that the exchange sends only for some clients
(``client_oid``, ``funds``) are left out. Order ids are version-4 UUIDs computed from seed, symbol, start and number.
"""

import re
from collections.abc import Sequence

import numpy as np

from jobs.simulator.messages import BUY, CANCELED, CHANGE, DONE, FILLED, LIMIT, MARKET, MATCH, OPEN, RECEIVED
from jobs.simulator.random_stream import mix, stream_key
from models.compiled import kernel, part

LONGEST_LINE = 400  # bytes

_TAIL = ',"product_id":"<product>","sequence":<sequence>,"time":"<time>Z"}\n'
_DONE = '{"type":"done","side":"<side>","order_id":"<order>","reason":'
# Message kind, order type, reason, then the line.
_LINES = (
    (
        (RECEIVED, LIMIT, FILLED),
        '{"type":"received","order_id":"<order>","order_type":"limit","size":"<size>","price":"<price>","side":"<side>"',
    ),
    (
        (RECEIVED, MARKET, FILLED),
        '{"type":"received","order_id":"<order>","order_type":"market","size":"<size>","side":"<side>"',
    ),
    (
        (OPEN, LIMIT, FILLED),
        '{"type":"open","side":"<side>","price":"<price>","order_id":"<order>","remaining_size":"<remaining>"',
    ),
    (
        (MATCH, LIMIT, FILLED),
        '{"type":"match","trade_id":<trade_id>,"maker_order_id":"<order>","taker_order_id":"<taker>","side":"<side>",'
        '"size":"<size>","price":"<price>"',
    ),
    (
        (CHANGE, LIMIT, FILLED),
        '{"type":"change","side":"<side>","order_id":"<order>","price":"<price>","new_size":"<size>",'
        '"old_size":"<remaining>"',
    ),
    ((DONE, LIMIT, FILLED), _DONE + '"filled","price":"<price>","remaining_size":"<remaining>"'),
    ((DONE, LIMIT, CANCELED), _DONE + '"canceled","price":"<price>","remaining_size":"<remaining>"'),
    ((DONE, MARKET, FILLED), _DONE + '"filled","remaining_size":"<remaining>"'),
    ((DONE, MARKET, CANCELED), _DONE + '"canceled","remaining_size":"<remaining>"'),
)
_FIELDS = ("order", "taker", "price", "size", "remaining", "side", "trade_id", "product", "sequence", "time")
_ORDER, _TAKER, _PRICE, _SIZE, _REMAINING, _SIDE, _TRADE_ID, _PRODUCT, _SEQUENCE, _TIME = range(len(_FIELDS))
_NO_FIELD = len(_FIELDS)
_LONGEST_TEXT = 64


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _compile_lines() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # A line is a row of steps, each a fixed text and the field after it.
    shapes = (5, 2, 2)
    n_steps = 1 + max(line.count("<") + _TAIL.count("<") for _, line in _LINES)
    texts = np.zeros((*shapes, n_steps, _LONGEST_TEXT), dtype=np.uint8)
    lengths = np.zeros((*shapes, n_steps), dtype=np.int64)
    fields = np.full((*shapes, n_steps), _NO_FIELD, dtype=np.int64)
    for shape, line in _LINES:
        pieces = re.split(r"<(\w+)>", line + _TAIL)
        for step, text in enumerate(pieces[::2]):
            texts[shape][step, : len(text)] = _text(text)
            lengths[shape][step] = len(text)
        for step, field in enumerate(pieces[1::2]):
            fields[shape][step] = _FIELDS.index(field)
    return texts, lengths, fields


_BUY, _SELL = _text("buy"), _text("sell")
_HEX = _text("0123456789abcdef")

_SALT_HIGH = np.uint64(0xA0761D6478BD642F)
_FOUR, _FIFTEEN, _SIXTY = np.uint64(4), np.uint64(15), np.uint64(60)


@part
def _put(line, at, text):  # type: ignore[no-untyped-def]
    for letter in text:
        line[at] = letter
        at += 1
    return at


@part
def _put_digits(line, at, number, n_digits):  # type: ignore[no-untyped-def]
    for place in range(at + n_digits - 1, at - 1, -1):
        line[place] = 48 + number % 10
        number //= 10
    return at + n_digits


@part
def _put_integer(line, at, number):  # type: ignore[no-untyped-def]
    n_digits = 1
    rest = number // 10
    while rest > 0:
        n_digits += 1
        rest //= 10
    return _put_digits(line, at, number, n_digits)


@part
def _put_decimal(line, at, units):  # type: ignore[no-untyped-def]
    at = _put_integer(line, at, units // 100_000_000)
    line[at] = 46  # .
    return _put_digits(line, at + 1, units % 100_000_000, 8)


@part
def _put_time(line, at, time_us):  # type: ignore[no-untyped-def]
    # Civil date from days: Howard Hinnant, "chrono-compatible low-level date algorithms".
    days = time_us // 86_400_000_000 + 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    of_day = time_us % 86_400_000_000
    at = _put_digits(line, at, year, 4)
    line[at] = 45  # -
    at = _put_digits(line, at + 1, month, 2)
    line[at] = 45
    at = _put_digits(line, at + 1, day, 2)
    line[at] = 84  # T
    at = _put_digits(line, at + 1, of_day // 3_600_000_000, 2)
    line[at] = 58  # :
    at = _put_digits(line, at + 1, of_day // 60_000_000 % 60, 2)
    line[at] = 58
    at = _put_digits(line, at + 1, of_day // 1_000_000 % 60, 2)
    line[at] = 46
    return _put_digits(line, at + 1, of_day % 1_000_000, 6)


@part
def _put_order_id(line, at, key, order):  # type: ignore[no-untyped-def]
    high = mix(key ^ mix(np.uint64(order) ^ _SALT_HIGH))
    low = mix(high ^ key)
    for digit in range(32):
        if digit == 8 or digit == 12 or digit == 16 or digit == 20:
            line[at] = 45
            at += 1
        if digit == 16:
            high = low
        nibble = (high >> _SIXTY) & _FIFTEEN
        high = high << _FOUR
        if digit == 12:
            nibble = np.uint64(4)  # version
        elif digit == 16:
            nibble = np.uint64(8) | (nibble & np.uint64(3))  # variant
        line[at] = _HEX[np.int64(nibble)]
        at += 1
    return at


@part
def _put_side(line, at, side):  # type: ignore[no-untyped-def]
    return _put(line, at, _BUY) if side == BUY else _put(line, at, _SELL)


@part
def _put_field(line, at, field, message, key, name):  # type: ignore[no-untyped-def]
    if field in (_ORDER, _TAKER):
        return _put_order_id(line, at, key, message.order if field == _ORDER else message.taker)
    if field in (_PRICE, _SIZE, _REMAINING):
        units = message.price if field == _PRICE else message.size if field == _SIZE else message.remaining
        return _put_decimal(line, at, units)
    if field in (_TRADE_ID, _SEQUENCE):
        return _put_integer(line, at, message.trade_id if field == _TRADE_ID else message.sequence)
    if field == _SIDE:
        return _put_side(line, at, message.side)
    if field == _PRODUCT:
        return _put(line, at, name)
    return _put_time(line, at, message.time_us)


@kernel
def _put_lines(messages, keys, names, name_lengths, texts, lengths, fields, lines):  # type: ignore[no-untyped-def]
    at = 0
    for index in range(len(messages)):
        message = messages[index]
        key = keys[message.symbol]
        name = names[message.symbol, : name_lengths[message.symbol]]
        kind, order_type, reason = message.kind, message.order_type, message.reason
        for step in range(lengths.shape[3]):
            text = texts[kind, order_type, reason, step, : lengths[kind, order_type, reason, step]]
            at = _put(lines, at, text)
            field = fields[kind, order_type, reason, step]
            if field == _NO_FIELD:
                break
            at = _put_field(lines, at, field, message, key, name)
    return at


class CoinbaseFormat:
    """Turns messages into lines.

    Args:
        symbols: Product names, in the order of the messages' ``symbol``.
        identity: Anything that makes order ids of different simulations differ, for example seed and start.
    """

    def __init__(self, symbols: Sequence[str], *identity: object):
        """Prepare names and id keys."""
        self._keys = np.array([stream_key("order", symbol, *identity) for symbol in symbols], dtype=np.uint64)
        self._lengths = np.array([len(symbol) for symbol in symbols], dtype=np.int64)
        self._names = np.zeros((len(symbols), int(self._lengths.max())), dtype=np.uint8)
        for row, symbol in enumerate(symbols):
            self._names[row, : len(symbol)] = _text(symbol)
        self._steps = _compile_lines()
        self._lines = np.empty(0, dtype=np.uint8)

    def lines(self, messages: np.ndarray) -> memoryview:
        """Bytes of all lines, each ended by a newline; valid until the next call."""
        if len(self._lines) < len(messages) * LONGEST_LINE:
            self._steps = _compile_lines()
        self._lines = np.empty(len(messages) * LONGEST_LINE, dtype=np.uint8)
        n_bytes = _put_lines(messages, self._keys, self._names, self._lengths, *self._steps, self._lines)
        return self._lines[:n_bytes].data
