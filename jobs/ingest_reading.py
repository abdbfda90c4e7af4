"""Read files on Spark's workers, each by one task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.readers.file_reader import FileReport, FileTask, read_file
from jobs.readers.schema import READ_SCHEMA
from jobs.sources import Source
from models.errors import StorageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PARTS_A_CORE = 4


def plan_tasks(spark: SparkSession, source: Source, files: list[Path]) -> list[FileTask]:
    """A task a file with its present length, and the digests of files of that length that the ledger holds."""
    from pyspark.sql import functions as F

    sizes = [file.stat().st_size for file in files]
    ledger = spark.table("ingested_files").where(F.col("exchange") == source.exchange)
    known: dict[int, set[str]] = {}
    for row in ledger.where(F.col("n_bytes").isin(sizes)).select("n_bytes", "file_digest").collect():
        known.setdefault(row.n_bytes, set()).add(row.file_digest)
    return [
        FileTask(file_index=i, path=str(file.absolute()), n_bytes=size, known_digests=frozenset(known.get(size, ())))
        for i, (file, size) in enumerate(zip(files, sizes, strict=True))
    ]


def read_lines(spark: SparkSession, source: Source, tasks: list[FileTask], now_us: int) -> DataFrame:
    """Rows of ``READ_SCHEMA`` of all files, not yet read: one a line, and a report a file."""
    from jobs.arrow_rows import map_in_arrow

    # Every later step goes over these parts too: one for each of hundreds of small files would cost more than it reads.
    n_parts = min(len(tasks), _PARTS_A_CORE * spark.sparkContext.defaultParallelism)
    numbers = spark.range(0, len(tasks), 1, numPartitions=n_parts)
    return map_in_arrow(numbers, _reading(source, tasks, now_us), READ_SCHEMA)


def collect_reports(rows: DataFrame) -> list[FileReport]:
    """The report of each file, by file_index; this reads the files if ``rows`` are not cached yet.

    Raises:
        StorageError: a file could not be read.
    """
    from pyspark.errors import PythonException

    try:
        reports = [FileReport.model_validate_json(row.raw_text) for row in rows.where("kind = 'report'").collect()]
    except PythonException as e:
        said = [line for line in str(e).splitlines() if "Error: [Errno" in line]
        if not said:
            raise
        raise StorageError(f"a file could not be read ({said[-1].strip()}): check the disk and run again") from e
    return sorted(reports, key=lambda report: report.file_index)


def _reading(
    source: Source, tasks: list[FileTask], now_us: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    mapping = source.load_mapping()

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from read_file(tasks[number], source, now_us, mapping)

    return read
