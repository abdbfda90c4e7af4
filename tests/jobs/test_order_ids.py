"""Order ids as words: a canonical UUID and a short text exactly, another text hashed."""

import uuid

import numba
import numpy as np
import pytest

from jobs.book.order_ids import HASHED, SHORT, UUID, id_words

ID = "0123abcd-4567-89ef-f00d-9a8b7c6d5e4f"


@pytest.fixture(scope="module")
def words():
    """``words(text, before)``: high and low word as unsigned numbers and the kind of a text somewhere in a column."""

    @numba.njit
    def compiled(letters, start, length):
        return id_words(letters, start, length)

    def of(text, before=b""):
        data = text if isinstance(text, bytes) else text.encode()
        letters = np.frombuffer(before + data + b"-next", dtype=np.uint8)
        high, low, kind = compiled(letters, len(before), len(data))
        return high % 2**64, low % 2**64, kind

    return of


def test_a_canonical_uuid_is_its_number(words):
    for n in range(1, 500):
        one = uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128)
        assert words(str(one), b"x" * (n % 9)) == (one.int >> 64, one.int % 2**64, UUID)


def test_one_other_byte_anywhere_makes_no_uuid_of_it_unless_it_is_a_digit(words):
    for at in range(len(ID)):
        for byte in range(256):
            text = ID[:at].encode() + bytes([byte]) + ID[at + 1 :].encode()
            is_digit = at not in (8, 13, 18, 23) and byte in b"0123456789abcdef"
            assert words(text)[2] == (UUID if is_digit or text == ID.encode() else HASHED), (at, byte)


@pytest.mark.parametrize("text", [ID.upper(), ID[:-1], ID + "0", ID.replace("-", ""), "{" + ID[:-2] + "}", "0" * 36])
def test_what_is_not_written_like_a_uuid_is_hashed(words, text):
    assert words(text)[2] == HASHED


def test_short_texts_keep_every_byte(words):
    texts = ["", "0", "00", "000", "0\0", "\0", "\0\0", "1234567", "12345678", "123456789012345", "12345678901234"]
    found = {words(text) for text in texts}
    assert len(found) == len(texts)
    assert {kind for _, _, kind in found} == {SHORT}
    # the length and seven bytes, then the others, the first highest
    assert words("AB") == (2 << 16 | ord("A") << 8 | ord("B"), 0, SHORT)
    assert words("12345678") == (8 << 56 | int.from_bytes(b"1234567"), ord("8"), SHORT)


def test_long_texts_that_differ_anywhere_differ_in_both_words(words):
    texts = ["order-of-a-customer-with-a-long-name"[:at] + "#" + "x" * 30 for at in range(36)]
    found = [words(text) for text in texts]
    assert {kind for _, _, kind in found} == {HASHED}
    assert len({high for high, _, _ in found}) == len({low for _, low, _ in found}) == len(texts)
