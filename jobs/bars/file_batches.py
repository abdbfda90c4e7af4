"""Rows of a Parquet file in batches: memory grows neither with the file nor, in the order of time, with a row group."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.arrow_views import times_us
from jobs.bars.flow_columns import TEXTS
from jobs.batched_file import open_batched

Batches = Generator[tuple[pa.RecordBatch, int | None], None, None]
_BATCH_ROWS = 16_384  # quotes with lists of depths take 12 MB; each row may begin a bar, which is held for a while
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
    with open_batched(path, TEXTS) as file:
        yield from file.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)


def read_in_time(piece: Piece, columns: Sequence[str], time: str, begin_us: int, end_us: int) -> Batches:
    """Batches of the rows of a row group from one instant on and before another.

    Each comes with an instant before which no later one has a row; None with the last. A group in the order of time is
    streamed. Of one that is not, as where a file that is sorted by symbol has the end of one and the begin of the next,
    the rows are held and sorted: else what begins with its first batch would wait for its last.
    """
    with open_batched(piece.path, TEXTS) as file:
        times = file.read_row_group(piece.number, [time], use_threads=False).column(0).combine_chunks()
        values = times_us(times)
        firsts = np.minimum.reduceat(values, np.arange(0, len(values), _BATCH_ROWS))
        others = file.iter_batches(
            _BATCH_ROWS,
            row_groups=[piece.number],
            columns=[name for name in columns if name != time],
            use_threads=False,
        )
        batches = _with_times(others, time, times, pa.array((values >= begin_us) & (values < end_us)))
        if (firsts[1:] >= firsts[:-1]).all():
            for batch, n_read in batches:
                yield batch, None if n_read == len(times) else int(firsts[n_read // _BATCH_ROWS])
            return
        rows = _as_one([batch for batch, _ in batches])
    del times, values, others, batches  # else held as long as the rows
    yield from _sorted(rows, time)


def _with_times(
    batches: Iterator[pa.RecordBatch], time: str, times: pa.Array, is_wanted: pa.BooleanArray
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Wanted rows with their times, which are not read twice, and how many rows are read so far."""
    n_read = 0
    for batch in batches:  # some are smaller, where the dictionary of a text was full
        n = len(batch)
        is_so = is_wanted.slice(n_read, n)
        batch = batch.append_column(time, times.slice(n_read, n))
        n_read += n
        yield batch if is_so.true_count == n else batch.filter(is_so), n_read


def _as_one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of all, and none left in the list; column by column, so that they are never in memory twice."""
    schema = batches[0].schema
    held = [[batch.column(name) for batch in batches] for name in schema.names]
    batches.clear()
    columns = []
    while held:
        columns.append(pa.concat_arrays(held.pop(0)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _sorted(rows: pa.RecordBatch, time: str) -> Batches:
    values = times_us(rows.column(time))
    in_order = np.argsort(values, kind="stable")
    for at in range(0, len(rows) or 1, _BATCH_ROWS):
        later = in_order[at + _BATCH_ROWS :]
        yield rows.take(pa.array(in_order[at : at + _BATCH_ROWS])), int(values[later[0]]) if len(later) else None


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
