"""Work on whole files on a disk that every task can read: no row of them passes through the JVM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.arrow_rows import map_in_arrow

_TASKS_A_CORE = 4  # a task costs some hundredths of a second whatever it does


def map_files(
    spark: SparkSession,
    paths: Sequence[str],
    work: Callable[[Iterator[str]], Iterator[pa.RecordBatch]],
    schema: pa.Schema,
) -> DataFrame:
    """The rows (``schema``) that ``work`` makes of the files; it is given those of one task, in order."""
    n_tasks = min(len(paths), _TASKS_A_CORE * spark.sparkContext.defaultParallelism)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        numbers = (number for batch in batches for number in batch.column("id").to_pylist())
        return work(path for number in numbers for path in paths[number::n_tasks])

    return map_in_arrow(spark.range(0, n_tasks, 1, max(n_tasks, 1)), run, schema)
