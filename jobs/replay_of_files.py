"""Books from the files of ``orders``: no event passes through the JVM, or is sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.arrow_rows import map_in_arrow
from jobs.book.book_rows import GROUP_KEY, Key
from jobs.book.event_files import CONTENT_SCHEMA, content_of_file
from jobs.book.keyed_replay import GROUP_SCHEMA
from jobs.book.replay import BookOptions
from jobs.book.replay_files import replay_files
from jobs.book_starts import StartedPart
from jobs.file_tasks import map_files
from jobs.replay_plan import Content, plan_replays


def replay_of_files(
    part: StartedPart, paths: Sequence[str], states: DataFrame, options_of: Callable[[str], BookOptions]
) -> DataFrame | None:
    """Rows of ``GROUP_SCHEMA`` of files on a disk that every task can read, each task with some of the books.

    None where the events of a book do not follow each other from file to file, and have to be sorted.
    """
    spark = states.sparkSession
    wanted = {(start.exchange, start.symbol, start.epoch): start.after for start in part.starts}
    tasks = plan_replays(_contents(spark, paths), wanted, spark.sparkContext.defaultParallelism)
    if tasks is None:
        return None

    def replay(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        saved_books: dict[int, dict[Key, bytes]] = {}
        for row in (row for batch in batches for row in batch.to_pylist()):
            books = saved_books.setdefault(row["task"], {})
            if row["saved_book"] is not None:
                books[row["exchange"], row["symbol"], row["epoch"]] = row["saved_book"]
        for number, books in saved_books.items():
            yield from replay_files(tasks[number], books, options_of)

    numbers = [(number, *book.key) for number, task in enumerate(tasks) for book in task.books]
    books = spark.createDataFrame(numbers, "task int, exchange string, symbol string, epoch bigint")
    seeds = books.join(part.saved(states).select(*GROUP_KEY, "saved_book"), list(GROUP_KEY), "left")
    by_task = seeds.repartitionById(len(tasks), F.col("task"))
    return map_in_arrow(by_task, replay, GROUP_SCHEMA)


def _contents(spark: SparkSession, paths: Sequence[str]) -> list[Content]:
    found = map_files(spark, paths, lambda files: map(content_of_file, files), CONTENT_SCHEMA)
    return [Content(*row) for row in found.collect()]
