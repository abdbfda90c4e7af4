"""Messages as lines of Coinbase's "full" channel, written by a compiled kernel straight into bytes.

One JSON object a line, keys in the order of the recording in ``../shared/data/l3_coinbase_full``: prices and sizes as
strings with 8 decimals, times with 6 digits and Z. Optional fields that the exchange sends only for some clients
(``client_oid``, ``funds``) are left out. Order ids are version-4 UUIDs computed from seed, symbol, start and number.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit

from jobs.simulator.messages import BUY, CHANGE, DONE, FILLED, LIMIT, MATCH, OPEN, RECEIVED
from jobs.simulator.random_stream import mix, stream_key

LONGEST_LINE = 400  # bytes


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


_RECEIVED = _text('{"type":"received","order_id":"')
_OPEN = _text('{"type":"open","side":"')
_MATCH = _text('{"type":"match","trade_id":')
_CHANGE = _text('{"type":"change","side":"')
_DONE = _text('{"type":"done","side":"')
_ORDER_TYPE_LIMIT = _text('","order_type":"limit","size":"')
_ORDER_TYPE_MARKET = _text('","order_type":"market","size":"')
_PRICE = _text('","price":"')
_SIDE = _text('","side":"')
_SIZE = _text('","size":"')
_ORDER_ID = _text('","order_id":"')
_REMAINING = _text('","remaining_size":"')
_NEW_SIZE = _text('","new_size":"')
_OLD_SIZE = _text('","old_size":"')
_MAKER = _text(',"maker_order_id":"')
_TAKER = _text('","taker_order_id":"')
_FILLED = _text('","reason":"filled')
_CANCELED = _text('","reason":"canceled')
_PRODUCT = _text('","product_id":"')
_SEQUENCE = _text('","sequence":')
_TIME = _text(',"time":"')
_END = _text('Z"}\n')
_BUY, _SELL = _text("buy"), _text("sell")
_HEX = _text("0123456789abcdef")

_SALT_HIGH = np.uint64(0xA0761D6478BD642F)
_FOUR, _FIFTEEN, _SIXTY = np.uint64(4), np.uint64(15), np.uint64(60)


@njit(cache=True)
def _put(line, at, text):  # type: ignore[no-untyped-def]
    for letter in text:
        line[at] = letter
        at += 1
    return at


@njit(cache=True)
def _put_digits(line, at, number, n_digits):  # type: ignore[no-untyped-def]
    for place in range(at + n_digits - 1, at - 1, -1):
        line[place] = 48 + number % 10
        number //= 10
    return at + n_digits


@njit(cache=True)
def _put_integer(line, at, number):  # type: ignore[no-untyped-def]
    n_digits = 1
    rest = number // 10
    while rest > 0:
        n_digits += 1
        rest //= 10
    return _put_digits(line, at, number, n_digits)


@njit(cache=True)
def _put_decimal(line, at, units):  # type: ignore[no-untyped-def]
    at = _put_integer(line, at, units // 100_000_000)
    line[at] = 46  # .
    return _put_digits(line, at + 1, units % 100_000_000, 8)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def _put_side(line, at, side):  # type: ignore[no-untyped-def]
    return _put(line, at, _BUY) if side == BUY else _put(line, at, _SELL)


@njit(cache=True)
def _put_received(line, at, message, key):  # type: ignore[no-untyped-def]
    at = _put_order_id(line, _put(line, at, _RECEIVED), key, message.order)
    if message.order_type == LIMIT:
        at = _put_decimal(line, _put(line, at, _ORDER_TYPE_LIMIT), message.size)
        at = _put_decimal(line, _put(line, at, _PRICE), message.price)
    else:
        at = _put_decimal(line, _put(line, at, _ORDER_TYPE_MARKET), message.size)
    return _put_side(line, _put(line, at, _SIDE), message.side)


@njit(cache=True)
def _put_open(line, at, message, key):  # type: ignore[no-untyped-def]
    at = _put_side(line, _put(line, at, _OPEN), message.side)
    at = _put_decimal(line, _put(line, at, _PRICE), message.price)
    at = _put_order_id(line, _put(line, at, _ORDER_ID), key, message.order)
    return _put_decimal(line, _put(line, at, _REMAINING), message.remaining)


@njit(cache=True)
def _put_match(line, at, message, key):  # type: ignore[no-untyped-def]
    at = _put_integer(line, _put(line, at, _MATCH), message.trade_id)
    at = _put_order_id(line, _put(line, at, _MAKER), key, message.order)
    at = _put_order_id(line, _put(line, at, _TAKER), key, message.taker)
    at = _put_side(line, _put(line, at, _SIDE), message.side)
    at = _put_decimal(line, _put(line, at, _SIZE), message.size)
    return _put_decimal(line, _put(line, at, _PRICE), message.price)


@njit(cache=True)
def _put_change(line, at, message, key):  # type: ignore[no-untyped-def]
    at = _put_side(line, _put(line, at, _CHANGE), message.side)
    at = _put_order_id(line, _put(line, at, _ORDER_ID), key, message.order)
    at = _put_decimal(line, _put(line, at, _PRICE), message.price)
    at = _put_decimal(line, _put(line, at, _NEW_SIZE), message.size)
    return _put_decimal(line, _put(line, at, _OLD_SIZE), message.remaining)


@njit(cache=True)
def _put_done(line, at, message, key):  # type: ignore[no-untyped-def]
    at = _put_side(line, _put(line, at, _DONE), message.side)
    at = _put_order_id(line, _put(line, at, _ORDER_ID), key, message.order)
    at = _put(line, at, _FILLED) if message.reason == FILLED else _put(line, at, _CANCELED)
    if message.price > 0:
        at = _put_decimal(line, _put(line, at, _PRICE), message.price)
    return _put_decimal(line, _put(line, at, _REMAINING), message.remaining)


@njit(cache=True)
def _put_lines(messages, keys, names, name_lengths, lines):  # type: ignore[no-untyped-def]
    at = 0
    for index in range(len(messages)):
        message = messages[index]
        key = keys[message.symbol]
        if message.kind == RECEIVED:
            at = _put_received(lines, at, message, key)
        elif message.kind == OPEN:
            at = _put_open(lines, at, message, key)
        elif message.kind == MATCH:
            at = _put_match(lines, at, message, key)
        elif message.kind == CHANGE:
            at = _put_change(lines, at, message, key)
        elif message.kind == DONE:
            at = _put_done(lines, at, message, key)
        at = _put(lines, at, _PRODUCT)
        at = _put(lines, at, names[message.symbol, : name_lengths[message.symbol]])
        at = _put_integer(lines, _put(lines, at, _SEQUENCE), message.sequence)
        at = _put_time(lines, _put(lines, at, _TIME), message.time_us)
        at = _put(lines, at, _END)
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
        self._lines = np.empty(0, dtype=np.uint8)

    def lines(self, messages: np.ndarray) -> memoryview:
        """Bytes of all lines, each ended by a newline; valid until the next call."""
        if len(self._lines) < len(messages) * LONGEST_LINE:
            self._lines = np.empty(len(messages) * LONGEST_LINE, dtype=np.uint8)
        n_bytes = _put_lines(messages, self._keys, self._names, self._lengths, self._lines)
        return self._lines[:n_bytes].data
