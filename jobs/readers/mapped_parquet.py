"""Parquet by a mapping: a row is an event, its number in the file stands for the line and for the offset."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.readers.json_lines import RefusedLineError
from jobs.readers.lines import Lines
from jobs.readers.mapped_rows import MappedRows
from jobs.readers.refusal import Refusal
from jobs.readers.schema import ReadLines
from models.errors import DataContractError

_ROWS = 16_384


def read_rows(path: Path, rows: MappedRows, counts: Counter[str]) -> Iterator[tuple[Lines, ReadLines]]:
    """Batches of rows, with their values as JSON in the place of the line.

    Args:
        path: The file.
        rows: What makes events of rows.
        counts: Gets the number of rows under ``read``.

    Raises:
        DataContractError: the file is no Parquet.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as e:
        raise DataContractError(f"{path.name} is not a whole Parquet file: take it from its source again") from e
    with file:
        for batch in file.iter_batches(_ROWS):
            first = counts["read"]
            counts["read"] += len(batch)
            yield _read(batch, first, rows)


def _read(batch: pa.RecordBatch, first: int, rows: MappedRows) -> tuple[Lines, ReadLines]:
    texts = {name: _texts(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    events: list[dict[str, Any]] = [{} for _ in range(len(batch))]
    refusals: dict[int, Refusal] = {}
    lines = []
    for row in range(len(batch)):
        values = {name: column[row] or "" for name, column in texts.items()}
        lines.append(json.dumps(values, ensure_ascii=False).encode())
        try:
            events[row] = rows.event(values)
        except RefusedLineError as e:
            refusals[row] = e.refusal
    numbers = np.arange(first + 1, first + 1 + len(batch), dtype=np.int64)
    columns, refusals = rows.columns(events, refusals, numbers)
    return Lines(numbers, numbers - 1, lines), ReadLines(columns, refusals, set(), np.zeros(len(batch), dtype=bool))


def _texts(column: pa.Array) -> list[str | None]:
    """Values as text: doubles with as many digits as tell them apart, instants in nanoseconds since 1970.

    A time without zone stays a text without one, for the mapping to say which it is.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp("ns", "UTC")).view(pa.int64()).cast(pa.string()).to_pylist()
    if pa.types.is_floating(kind):
        return [None if value is None else repr(value) for value in column.cast(pa.float64()).to_pylist()]
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_binary(kind) or pa.types.is_nested(kind):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return pc.cast(column, pa.string()).to_pylist()
