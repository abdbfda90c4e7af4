"""An order id as two 64-bit words and a kind, read from the bytes of an Arrow string column.

A canonical UUID (36 characters, lower case) and a text of up to 15 bytes are kept exactly, so two orders can never be
taken for one. A longer text is hashed to 128 bits (two multiply-mix hashes with other seeds, finalizer of
SplitMix64, Steele, Lea and Flood 2014): of 10^10 ids two agree with a probability below 10^-18.
"""

import numpy as np

from models.compiled import lean_part

UUID, SHORT, HASHED, ANONYMOUS = 0, 1, 2, 3
_LONGEST_SHORT = 15
_UUID_LENGTH = 36
_DASH = 45
_BAD = 255


def _hex_values() -> np.ndarray:
    values = np.full(256, _BAD, dtype=np.uint64)
    for value, letter in enumerate(b"0123456789abcdef"):
        values[letter] = value
    return values


_HEX = _hex_values()
_MULTIPLIER_1, _MULTIPLIER_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SEED_1, _SEED_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_4, _8, _27, _30, _31 = np.uint64(4), np.uint64(8), np.uint64(27), np.uint64(30), np.uint64(31)


@lean_part
def mixed(word):  # type: ignore[no-untyped-def]
    """Finalizer of SplitMix64: every bit of the word moves every bit of the result."""
    word = (word ^ (word >> _30)) * _MULTIPLIER_1
    word = (word ^ (word >> _27)) * _MULTIPLIER_2
    return word ^ (word >> _31)


@lean_part
def hash_of(high, low):  # type: ignore[no-untyped-def]
    """Place in a hash table, before it is cut to the table's size."""
    return mixed(np.uint64(low) ^ (np.uint64(high) * _SEED_1))


@lean_part
def _hex_run(text, start, n_digits, word, bad):  # type: ignore[no-untyped-def]
    for at in range(start, start + n_digits):
        digit = _HEX[text[at]]
        bad |= digit
        word = (word << _4) | digit
    return word, bad


@lean_part
def _text_words(text, start, length):  # type: ignore[no-untyped-def]
    if length <= _LONGEST_SHORT:
        high, low = np.uint64(length), np.uint64(0)
        for at in range(start, start + min(length, 7)):
            high = (high << _8) | np.uint64(text[at])
        for at in range(start + 7, start + length):
            low = (low << _8) | np.uint64(text[at])
        return np.int64(high), np.int64(low), SHORT
    high, low = _SEED_1, _SEED_2
    for at in range(start, start + length):
        high = mixed(high ^ np.uint64(text[at]))
        low = mixed(low + np.uint64(text[at]))
    return np.int64(high), np.int64(low), HASHED


@lean_part
def id_words(text, start, length):  # type: ignore[no-untyped-def]
    """Words and kind of the id in ``text[start : start + length]``."""
    if (
        length == _UUID_LENGTH
        and text[start + 8] == _DASH
        and text[start + 13] == _DASH
        and text[start + 18] == _DASH
        and text[start + 23] == _DASH
    ):
        bad = np.uint64(0)
        high, bad = _hex_run(text, start, 8, np.uint64(0), bad)
        high, bad = _hex_run(text, start + 9, 4, high, bad)
        high, bad = _hex_run(text, start + 14, 4, high, bad)
        low, bad = _hex_run(text, start + 19, 4, np.uint64(0), bad)
        low, bad = _hex_run(text, start + 24, 12, low, bad)
        if bad < np.uint64(16):
            return np.int64(high), np.int64(low), UUID
    return _text_words(text, start, length)
