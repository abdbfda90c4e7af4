"""Rows of a Parquet file, a batch at a time: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.bars.flow_columns import TEXTS
from jobs.mapped_file import open_mapped

_BATCH_ROWS = 131_072  # 8 columns of 8 to 16 bytes fit the cache of a core
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Piece:
    """A row group of a file: its number, its rows, and the first and last of their times in microseconds."""

    path: str
    number: int
    n_rows: int
    first_us: int
    last_us: int


def read_batches(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a file, texts as dictionaries; on one core, since each task of Spark has one."""
    with open_mapped(path, TEXTS) as file:
        yield from file.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)


def read_piece(piece: Piece, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The same of one row group."""
    with open_mapped(piece.path, TEXTS) as file:
        yield from file.iter_batches(_BATCH_ROWS, row_groups=[piece.number], columns=list(columns), use_threads=False)


def pieces_of_file(path: str, time: str) -> list[Piece] | None:
    """The row groups of a file with rows; None where one does not say from when to when a column of times goes."""
    pieces = []
    with pq.ParquetFile(path) as file:
        column = file.schema_arrow.get_field_index(time)
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            if group.num_rows == 0:
                continue
            times = group.column(column).statistics
            if times is None or not times.has_min_max or times.null_count != 0:
                return None
            pieces.append(Piece(path, number, group.num_rows, _micros(times.min), _micros(times.max)))
    return pieces


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND
