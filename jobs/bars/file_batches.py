"""Rows of a Parquet file, a batch at a time: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.bars.flow_columns import TEXTS

_BATCH_ROWS = 131_072  # 8 columns of 8 to 16 bytes fit the cache of a core


def read_batches(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a file, texts as dictionaries; on one core, since each task of Spark has one."""
    texts = [name for name in columns if name in TEXTS]
    with pq.ParquetFile(path, read_dictionary=texts, memory_map=True, coerce_int96_timestamp_unit="us") as file:
        yield from file.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)
