"""The second pass over the files of a batch job: their records as rows, good ones and unreadable ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.batch_records import read_records
from jobs.batch_scan import FileFacts, balanced
from jobs.batch_values import Column, to_batch
from jobs.readers.byte_stream import ByteStream
from models.errors import DataContractError
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_rows(
    spark: SparkSession, facts: Sequence[FileFacts], columns: Sequence[Column], format_: str, n_tasks: int
) -> DataFrame:
    """One row a record, with ``__refusal STRUCT<code, reason>`` where it or a value of it is unreadable; not read yet.

    A file that is not what the first pass has found ends the query.
    """
    tasks = balanced([(one.path, one.n_bytes) for one in facts], n_tasks)
    by_path = {one.path: one for one in facts}
    work = [[by_path[path] for path, _ in task] for task in tasks]
    schema = ", ".join(f"{identifier(column.name)} {column.sql_type}" for column in columns)
    numbers = spark.range(0, len(work), 1, numPartitions=len(work))
    refusal = "`__refusal` struct<code:string,reason:string>"
    return numbers.mapInArrow(_reading(work, columns, format_), ", ".join(filter(None, [schema, refusal])))


def read_file(facts: FileFacts, columns: Sequence[Column], format_: str) -> Iterator[pa.RecordBatch]:
    """Rows of one file.

    Raises:
        DataContractError: its bytes changed since it was scanned.
    """
    stream = ByteStream(Path(facts.path), facts.n_bytes)
    n_records = 0
    for records in read_records(stream, format_):
        n_records += len(records)
        if records:
            yield to_batch(records, columns)
    if (stream.digest, n_records) != (facts.digest, facts.n_records):
        raise DataContractError(f"{facts.path} changed while it was read: nothing was published, run again")


def _reading(
    work: list[list[FileFacts]], columns: Sequence[Column], format_: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for facts in work[number]:
                    yield from read_file(facts, columns, format_)

    return read
