"""Columns of Arrow as arrays for compiled code: views of the same memory, nothing is copied."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

DECIMAL = pa.decimal128(18, 8)
INSTANT = pa.timestamp("us", "UTC")
EMPTY = np.frombuffer(b"", dtype=np.uint8)


def times_us(values: pa.Array) -> np.ndarray:
    """Instants as microseconds since 1970; none is NULL."""
    return read_only(values.cast(INSTANT).view(pa.int64()).to_numpy())


def decimal_words(values: pa.Array, kind: pa.DataType = DECIMAL) -> tuple[np.ndarray, np.ndarray]:
    """Two words a value of ``kind``, and where there is one (empty: everywhere)."""
    values = values if values.type == kind else values.cast(kind)
    validity, words = values.buffers()
    n, start = len(values), values.offset
    held = np.frombuffer(words, dtype=np.int64)[2 * start : 2 * (start + n)]
    if values.null_count == 0:
        return held, EMPTY
    bits = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")
    return held, read_only(bits[start : start + n])


def read_only(values: np.ndarray) -> np.ndarray:
    """All views alike, so that a kernel is compiled for one kind of array."""
    values.flags.writeable = False
    return values
