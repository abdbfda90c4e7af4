"""Which rows of a batch belong to which book."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

Key = tuple[str, str, int]
KEY_FIELDS = [pa.field("exchange", pa.string()), pa.field("symbol", pa.string()), pa.field("epoch", pa.int64())]
GROUP_KEY = tuple(field.name for field in KEY_FIELDS)


def rows_by_book(batch: pa.RecordBatch) -> Iterator[tuple[Key, np.ndarray]]:
    """Each book of a batch with ``GROUP_KEY`` and the places of its rows, ascending; books by their first row."""
    if not len(batch):
        return
    numbers, n_numbers = np.zeros(len(batch), dtype=np.int64), 1
    for name in GROUP_KEY:
        codes, n_codes = _codes(batch.column(name))
        if n_codes > 1:
            numbers, n_numbers = numbers * n_codes + codes, n_numbers * n_codes
    for rows in _split(numbers, n_numbers):
        exchange, symbol, epoch = (batch.column(name)[int(rows[0])].as_py() for name in GROUP_KEY)
        yield (exchange, symbol, epoch), rows


def _codes(values: pa.Array) -> tuple[np.ndarray, int]:
    """A number for each value, and how many there may be."""
    held = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    return held.indices.to_numpy(), len(held.dictionary)


def _split(numbers: np.ndarray, n_numbers: int) -> list[np.ndarray]:
    """Places of equal numbers, by the first of them."""
    if n_numbers == 1:
        return [np.arange(len(numbers))]
    numbers = numbers.astype(np.min_scalar_type(n_numbers))  # 16 bits and less are sorted without comparing
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    return sorted(parts, key=lambda rows: int(rows[0]))
