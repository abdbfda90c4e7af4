"""Read refused lines again from their text, on Spark's workers, with the readers of ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.bitstamp_log import BitstampLogReader
from jobs.readers.file_reader import row_batch
from jobs.readers.line_readers import LineReader, line_reader
from jobs.readers.lines import Lines
from jobs.readers.schema import READ_SCHEMA
from jobs.readers.websocket_capture import WebsocketCaptureReader
from jobs.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Numbering(NamedTuple):
    """What the lines of a file do not say themselves."""

    source: Source
    epoch: int


def read_again(lines: DataFrame, numberings: Mapping[int, Numbering], now_us: int) -> DataFrame:
    """Rows of ``READ_SCHEMA``, one a line, not yet read.

    Args:
        lines: One row a line: file_index, line_number, byte_offset, raw_text.
        numberings: By file_index.
        now_us: Instant that no line may lie a day ahead of, in µs since 1970.
    """
    from jobs.arrow_rows import map_in_arrow

    rows = lines.select("file_index", "line_number", "byte_offset", "raw_text")
    return map_in_arrow(rows, _reading(numberings, now_us), READ_SCHEMA)


def _reading(
    numberings: Mapping[int, Numbering], now_us: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for file_index in sorted(set(batch.column(0).to_pylist())):
                part = batch.filter(pc.equal(batch.column(0), file_index))
                lines = _lines(part)
                yield row_batch(file_index, lines, _reader(numberings[file_index], now_us).read(lines))

    return read


def _lines(part: pa.RecordBatch) -> Lines:
    numbers, offsets = (np.asarray(part.column(i).to_pylist(), dtype=np.int64) for i in (1, 2))
    return Lines(numbers, offsets, [text.encode() for text in part.column(3).to_pylist()])


def _reader(numbering: Numbering, now_us: int) -> LineReader:
    reader = line_reader(numbering.source, None, Path(numbering.source.path), now_us)
    if isinstance(reader, BitstampLogReader | WebsocketCaptureReader):
        reader.epoch = numbering.epoch  # of the first line of the file, which may not be among these
    return reader
