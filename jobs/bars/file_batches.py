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
_BATCH_ROWS = 131_072  # 8 columns of 8 to 16 bytes fit the cache of a core
_STEP_ROWS = 32_768  # each may begin a bar, which is held until all files have come as far
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
    """Batches of a row group, each with an instant before which no later one has a row; None with the last."""
    with open_mapped(piece.path, TEXTS) as file:
        whole = file.read_row_group(piece.number, [time], use_threads=False).column(0)
        firsts = _firsts_from(times_us(whole.combine_chunks()))
        n_read = 0
        for batch in file.iter_batches(_STEP_ROWS, row_groups=[piece.number], columns=list(columns), use_threads=False):
            n_read += len(batch)
            yield batch, None if n_read == piece.n_rows else int(firsts[n_read // _STEP_ROWS])


def _firsts_from(times: np.ndarray) -> np.ndarray:
    """The earliest of the times from each step on."""
    of_steps = np.minimum.reduceat(times, np.arange(0, len(times), _STEP_ROWS))
    return np.minimum.accumulate(of_steps[::-1])[::-1]


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
