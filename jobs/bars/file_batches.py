"""Rows of a Parquet file, a batch at a time: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.arrow_views import times_us
from jobs.bars.flow_columns import TEXTS
from jobs.mapped_file import open_mapped

Batches = Generator[tuple[pa.RecordBatch, int | None], None, None]
_BATCH_ROWS = 32_768  # quotes with lists of depths take 25 MB; each row may begin a bar, which is held for a while
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


def read_in_time(piece: Piece, columns: Sequence[str], time: str) -> Batches:
    """Batches of a row group, each with an instant before which no later one has a row; None with the last.

    A group in the order of time is streamed. One that is not, as a file that is sorted by symbol first and has the
    end of one and the begin of the next, is read whole and sorted: else its first batch would wait for its last.
    """
    with open_mapped(piece.path, TEXTS) as file:
        times = times_us(file.read_row_group(piece.number, [time], use_threads=False).column(0).combine_chunks())
        starts = np.arange(0, len(times), _BATCH_ROWS)
        firsts = np.minimum.reduceat(times, starts)
        if (firsts[1:] >= firsts[:-1]).all():
            batches = file.iter_batches(
                _BATCH_ROWS, row_groups=[piece.number], columns=list(columns), use_threads=False
            )
        else:
            in_order = np.argsort(times, kind="stable")
            firsts = times[in_order[starts]]
            batches = _batches_in(file, piece.number, columns, in_order)
        n_read = 0
        for batch in batches:  # of the stream some are smaller, where the dictionary of a text was full
            n_read += len(batch)
            yield batch, None if n_read == piece.n_rows else int(firsts[n_read // _BATCH_ROWS])


def _batches_in(
    file: pq.ParquetFile, number: int, columns: Sequence[str], in_order: np.ndarray
) -> Iterator[pa.RecordBatch]:
    """Batches of a row group with its rows in this order."""
    group = file.read_row_group(number, list(columns), use_threads=False).combine_chunks()
    for at in range(0, len(in_order), _BATCH_ROWS):
        (batch,) = group.take(pa.array(in_order[at : at + _BATCH_ROWS])).to_batches()
        yield batch


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
