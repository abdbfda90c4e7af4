"""Bars of Parquet files without a join: each task owns a stretch of time, and reads what may fall into it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from jobs.arrow_rows import map_in_arrow
from jobs.bar_parts import COLUMNS, Source
from jobs.bars.bar_schema import BAR_SCHEMA, OF_ORDERS
from jobs.bars.file_batches import Batches, Piece, pieces_of_file, read_in_time

_TIMES: Mapping[Source, str] = {"orders": "event_time", "trades": "trade_time"}
_BEGIN, _END = -(2**63), 2**63 - 1
_MOST_BARS = 1 << 14  # that a task holds before it hands on those that are over, or twice those that are not: 6 MB
_MOST_OPEN = 1 << 24  # rows of the pieces of one instant; unless in the order of time they are held: 70 bytes a row
_MOST_READ = 1.25  # times its share that a task reads: above it, joining parts of bars is faster


@dataclass(frozen=True)
class Stretch:
    """The bars that begin from ``begin_us`` on and before ``end_us``, and all pieces that may have rows of them.

    The pieces are in the order of their first rows.
    """

    begin_us: int
    end_us: int
    pieces: Sequence[tuple[Source, Piece]]

    @property
    def n_rows(self) -> int:
        """Rows to read, some of them of other stretches."""
        return sum(piece.n_rows for _, piece in self.pieces)

    def rows_of(self, source: Source, piece: Piece) -> Batches:
        """The rows of a piece that belong here, as from ``read_in_time``."""
        return read_in_time(piece, COLUMNS[source], _TIMES[source], self.begin_us, self.end_us)


def bars_of_files(
    spark: SparkSession,
    files: Mapping[Source, Sequence[str]],
    bar_seconds: int,
    received_exchanges: Collection[str] = (),
) -> DataFrame | None:
    """Bars (``BAR_SCHEMA``) of all rows of files on a disk that every task can read; no row passes through the JVM.

    None where that would not be fast or would need much memory: a file does not say from when to when its rows are,
    or the files do not follow each other in time, so that tasks would read much of them twice, or hold many at once.
    """
    stretches = plan_stretches(files, bar_seconds * 1_000_000, spark.sparkContext.defaultParallelism)
    if stretches is None:
        return None

    absent = set() if files.get("orders") else OF_ORDERS  # all 0 without orders: they do not travel
    sent = pa.schema([field for field in BAR_SCHEMA if field.name not in absent])

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for bars in count_stretch(stretches[number], bar_seconds, received_exchanges):
                    yield bars.select(sent.names)

    counted = map_in_arrow(spark.range(0, len(stretches), 1, len(stretches)), count, sent)
    zeros = {kind: F.lit(0).cast(from_arrow_type(kind)) for kind in {BAR_SCHEMA.field(name).type for name in absent}}
    return counted.select(
        *(zeros[field.type].alias(field.name) if field.name in absent else field.name for field in BAR_SCHEMA)
    )


def plan_stretches(files: Mapping[Source, Sequence[str]], width_us: int, n_tasks: int) -> list[Stretch] | None:
    """As many stretches as tasks, each with about as many rows; None as :func:`bars_of_files`."""
    pieces: list[tuple[Source, Piece]] = []
    for source, paths in files.items():
        for path in paths:
            found = pieces_of_file(path, _TIMES[source])
            if found is None:
                return None
            pieces += [(source, piece) for piece in found]
    pieces.sort(key=lambda one: (one[1].first_us, one[1].path, one[1].number))
    if _most_open([piece for _, piece in pieces]) > _MOST_OPEN:
        return None
    share = sum(piece.n_rows for _, piece in pieces) / max(1, min(n_tasks, len(pieces)))
    borders, n_before = [_BEGIN], 0
    for _, piece in pieces:
        border = piece.first_us // width_us * width_us
        if n_before >= share * len(borders) and border > borders[-1]:
            borders.append(border)
        n_before += piece.n_rows
    stretches = [
        Stretch(begin, end, [one for one in pieces if one[1].last_us >= begin and one[1].first_us < end])
        for begin, end in pairwise([*borders, _END])
    ]
    return stretches if all(stretch.n_rows <= _MOST_READ * share for stretch in stretches) else None


def _most_open(pieces: Sequence[Piece]) -> int:
    """Most rows of pieces that have a common instant; of pieces in the order of their first rows."""
    most, n_open, open_pieces = 0, 0, list[tuple[int, int]]()
    for piece in pieces:
        while open_pieces and open_pieces[0][0] < piece.first_us:
            n_open -= heappop(open_pieces)[1]
        heappush(open_pieces, (piece.last_us, piece.n_rows))
        n_open += piece.n_rows
        most = max(most, n_open)
    return most


def count_stretch(
    stretch: Stretch, bar_seconds: int, received_exchanges: Collection[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The bars of a stretch. Its pieces are read side by side in time, so that bars are over soon, and handed on."""
    from jobs.bars.partial_bars import PartialBars  # compiled code is for the workers

    bars = PartialBars(bar_seconds, received_exchanges)
    ahead = [
        (piece.first_us, number, source, stretch.rows_of(source, piece))
        for number, (source, piece) in enumerate(stretch.pieces)
    ]
    heapify(ahead)
    most = _MOST_BARS
    while ahead:
        first_us, number, source, batches = heappop(ahead)
        if len(bars) >= most:
            yield bars.take_bars_before(first_us)
            most = max(_MOST_BARS, 2 * len(bars))  # those that stay are copied: not at each batch
        batch, next_us = next(batches)
        (bars.add_trades if source == "trades" else bars.add_orders)(batch)
        if next_us is None:
            batches.close()
        else:
            heappush(ahead, (next_us, number, source, batches))
    yield bars.take_bars()
