"""The 64-bit hash XXH64 (Collet 2012) of texts: what Spark's ``xxhash64`` gives for a STRING.

Used where rows do not come through Spark, for each distinct text once; a package that is compiled would be one more to
install in every worker.
"""

SPARK_SEED = 42
_MASK = 0xFFFFFFFFFFFFFFFF
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = 32


def xxhash64(content: bytes, seed: int = SPARK_SEED) -> int:
    """Return the hash as a number from 0 to 2**64 - 1; Spark shows the same bits as a signed BIGINT.

    >>> hex(xxhash64(b"", seed=0)), hex(xxhash64(b"abc", seed=0))
    ('0xef46db3751d8e999', '0x44bc2cf5ad770999')
    """
    n_striped = len(content) - len(content) % _STRIPE
    total = _of_stripes(content[:n_striped], seed) if n_striped else (seed + _P5) & _MASK
    total = (total + len(content)) & _MASK
    n_words = (len(content) - n_striped) // 8
    for place in range(n_striped, n_striped + 8 * n_words, 8):
        word = int.from_bytes(content[place : place + 8], "little")
        total = (_rotated(total ^ _round(0, word), 27) * _P1 + _P4) & _MASK
    place = n_striped + 8 * n_words
    if len(content) - place >= 4:
        half = int.from_bytes(content[place : place + 4], "little")
        total = (_rotated(total ^ (half * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        place += 4
    for byte in content[place:]:
        total = _rotated(total ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    return _mixed(total)


def _of_stripes(content: bytes, seed: int) -> int:
    lanes = [(seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed & _MASK, (seed - _P1) & _MASK]
    for start in range(0, len(content), _STRIPE):
        for lane in range(4):
            place = start + 8 * lane
            lanes[lane] = _round(lanes[lane], int.from_bytes(content[place : place + 8], "little"))
    total = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        total = ((total ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return total


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _mixed(total: int) -> int:
    total = (total ^ (total >> 33)) * _P2 & _MASK
    total = (total ^ (total >> 29)) * _P3 & _MASK
    return total ^ (total >> 32)
