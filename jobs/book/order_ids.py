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
_DASH = np.uint64(45)
_MULTIPLIER_1, _MULTIPLIER_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SEED_1, _SEED_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_4, _6, _8, _9, _16, _24, _27, _30, _31, _32, _39, _48 = (
    np.uint64(n) for n in (4, 6, 8, 9, 16, 24, 27, 30, 31, 32, 39, 48)
)
_LOW_HALF = np.uint64(0xFFFF_FFFF)
_EACH_BYTE, _EACH_DIGIT = np.uint64(0x0101_0101_0101_0101), np.uint64(0x0F0F_0F0F_0F0F_0F0F)
_EACH_SECOND_BYTE, _EACH_SECOND_PAIR = np.uint64(0x00FF_00FF_00FF_00FF), np.uint64(0x0000_FFFF_0000_FFFF)


@lean_part
def mixed(word):  # type: ignore[no-untyped-def]
    """Finalizer of SplitMix64: every bit of the word moves every bit of the result."""
    word = (word ^ (word >> _30)) * _MULTIPLIER_1
    word = (word ^ (word >> _27)) * _MULTIPLIER_2
    return word ^ (word >> _31)


@lean_part
def hash_of(high, low):  # type: ignore[no-untyped-def]
    """Hash of a key; its upper bits say the place in the table."""
    return mixed(np.uint64(low) ^ (np.uint64(high) * _SEED_1))


@lean_part
def _byte(text, at):  # type: ignore[no-untyped-def]
    return np.uint64(text[np.uint64(at)])  # unsigned, see places.py


@lean_part
def _eight_bytes(text, at):  # type: ignore[no-untyped-def]
    # As one word, the first byte lowest: the compiler makes one load of it.
    low = _byte(text, at) | _byte(text, at + 1) << _8 | _byte(text, at + 2) << _16 | _byte(text, at + 3) << _24
    high = _byte(text, at + 4) | _byte(text, at + 5) << _8 | _byte(text, at + 6) << _16 | _byte(text, at + 7) << _24
    return low | high << _32


@lean_part
def _two_groups(text, at, after):  # type: ignore[no-untyped-def]
    # Four digits and four behind a dash.
    return (_eight_bytes(text, at) & _LOW_HALF) | (_eight_bytes(text, after) << _32)


@lean_part
def _hex_value(letters):  # type: ignore[no-untyped-def]
    # Of eight digits at once, and 0, or something else where one of them is not among 0-9 and a-f.
    digits = (letters & _EACH_DIGIT) + (letters >> _6 & _EACH_BYTE) * _9
    is_letter = (digits + _EACH_BYTE * _6) >> _4 & _EACH_BYTE
    wrong = (letters ^ (digits + _EACH_BYTE * _48 + is_letter * _39)) | (digits >> _4 & _EACH_DIGIT)
    value = (digits << _4 | digits >> _8) & _EACH_SECOND_BYTE
    value = (value << _8 | value >> _16) & _EACH_SECOND_PAIR
    return (value << _16 | value >> _32) & _LOW_HALF, wrong


@lean_part
def _text_words(text, start, length):  # type: ignore[no-untyped-def]
    if length <= _LONGEST_SHORT:
        high, low = np.uint64(length), np.uint64(0)
        for at in range(start, start + min(length, 7)):
            high = (high << _8) | _byte(text, at)
        for at in range(start + 7, start + length):
            low = (low << _8) | _byte(text, at)
        return np.int64(high), np.int64(low), SHORT
    high, low = _SEED_1, _SEED_2
    for at in range(start, start + length):
        high = mixed(high ^ _byte(text, at))
        low = mixed(low + _byte(text, at))
    return np.int64(high), np.int64(low), HASHED


@lean_part
def id_words(text, start, length):  # type: ignore[no-untyped-def]
    """Words and kind of the id in ``text[start : start + length]``."""
    if (
        length == _UUID_LENGTH
        and _byte(text, start + 8) == _DASH
        and _byte(text, start + 13) == _DASH
        and _byte(text, start + 18) == _DASH
        and _byte(text, start + 23) == _DASH
    ):
        first, wrong_1 = _hex_value(_eight_bytes(text, start))
        second, wrong_2 = _hex_value(_two_groups(text, start + 9, start + 14))
        third, wrong_3 = _hex_value(_two_groups(text, start + 19, start + 24))
        fourth, wrong_4 = _hex_value(_eight_bytes(text, start + 28))
        if wrong_1 | wrong_2 | wrong_3 | wrong_4 == 0:
            return np.int64(first << _32 | second), np.int64(third << _32 | fourth), UUID
    return _text_words(text, start, length)
