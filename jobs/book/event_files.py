"""The events of whole files of ``orders``: which books each row group holds, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.batched_file import open_batched
from jobs.book.book_rows import GROUP_KEY, KEY_FIELDS, rows_by_book
from jobs.book.event_columns import EVENT_COLUMNS

_BATCH_ROWS = 65_536
_WORDS = ["exchange", "symbol", "event", "side"]  # a few words that come again and again
# One row says which events of a book are in a row group, which has ``n_rows`` rows in all.
CONTENT_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("number", pa.int32()),
        pa.field("n_rows", pa.int64()),
        *KEY_FIELDS,
        pa.field("n_events", pa.int64()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
        pa.field("is_ascending", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class EventPiece:
    """A row group to read: in batches, or as one where the rows of a book are not in ascending sequence."""

    path: str
    number: int
    n_rows: int
    is_ascending: bool


def content_of_file(path: str) -> pa.RecordBatch:
    """Rows of ``CONTENT_SCHEMA``: the books of each row group, and from which sequence to which."""
    found = []
    with open_batched(path, _WORDS) as file:
        for number in range(file.num_row_groups):
            for batch in _whole(file, number, [*GROUP_KEY, "sequence"]):
                sequence = batch.column("sequence").to_numpy()
                for key, rows in rows_by_book(batch):
                    theirs = sequence[rows]
                    told = len(rows), int(theirs.min()), int(theirs.max()), bool((np.diff(theirs) > 0).all())
                    found.append((path, number, len(batch), *key, *told))
    return pa.RecordBatch.from_pylist(
        [dict(zip(CONTENT_SCHEMA.names, one, strict=True)) for one in found], schema=CONTENT_SCHEMA
    )


def read_events(piece: EventPiece, n_books: int) -> Iterator[pa.RecordBatch]:
    """Rows with ``GROUP_KEY`` and ``EVENT_COLUMNS``, larger batches where they are shared by many books."""
    columns = [*GROUP_KEY, *EVENT_COLUMNS]
    with open_batched(piece.path, _WORDS) as file:
        if piece.is_ascending:
            n_rows = _BATCH_ROWS * min(max(n_books, 1), 8)
            yield from file.iter_batches(n_rows, row_groups=[piece.number], columns=columns, use_threads=False)
        else:
            yield from _whole(file, piece.number, columns)


def _whole(file: pq.ParquetFile, number: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a row group as one batch; none where it has none."""
    yield from file.read_row_group(number, list(columns), use_threads=False).combine_chunks().to_batches()
