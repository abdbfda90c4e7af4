"""Parts of bars as DataFrames: each task adds up its own rows in Python, from Arrow batches or from whole files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.bars.file_batches import read_batches
from jobs.bars.flow_columns import ORDER_COLUMNS, TRADE_COLUMNS
from jobs.bars.part_schema import PART_SCHEMA

Source = Literal["orders", "trades"]
COLUMNS: dict[Source, Sequence[str]] = {"orders": ORDER_COLUMNS, "trades": TRADE_COLUMNS}
_MOST_PARTS = 1 << 18  # that a task holds at a time: about 100 MB


def parts_of_rows(
    rows: DataFrame, source: Source, bar_seconds: int, received_exchanges: Collection[str] = ()
) -> DataFrame:
    """Parts (``PART_SCHEMA``) of the bars that rows of ``orders`` or ``trades`` fall into, in any order."""
    add = _adding(source, bar_seconds, received_exchanges, lambda batches: batches)
    return rows.select(*COLUMNS[source]).mapInArrow(add, from_arrow_schema(PART_SCHEMA))


def parts_of_files(
    spark: SparkSession,
    paths: Sequence[str],
    source: Source,
    bar_seconds: int,
    received_exchanges: Collection[str] = (),
) -> DataFrame:
    """The same of all rows of Parquet files on a disk that every task can read: no row passes through the JVM."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in batch.column("path").to_pylist():
                yield from read_batches(path, COLUMNS[source])

    named = spark.createDataFrame([(path,) for path in paths], "path string").repartition(max(len(paths), 1))
    add = _adding(source, bar_seconds, received_exchanges, read)
    return named.mapInArrow(add, from_arrow_schema(PART_SCHEMA))


def _adding(
    source: Source, bar_seconds: int, received_exchanges: Collection[str], read: Callable[[Any], Any]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from jobs.bars.partial_bars import PartialBars  # compiled code is for the workers

        parts = PartialBars(bar_seconds, received_exchanges)
        count = parts.add_trades if source == "trades" else parts.add_orders
        for batch in read(batches):
            count(batch)
            if len(parts) >= _MOST_PARTS:
                yield parts.take()
        yield parts.take()

    return add
