"""Bars as DataFrames: a task adds up its own rows, from Arrow batches or whole files; parts of one bar are joined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.arrow_rows import map_in_arrow
from jobs.bars.bar_schema import BAR_SCHEMA, PACKED_KEY, PACKED_SCHEMA
from jobs.bars.file_batches import read_batches
from jobs.bars.flow_columns import ORDER_COLUMNS, TRADE_COLUMNS
from jobs.file_tasks import map_files

Source = Literal["orders", "trades"]
COLUMNS: dict[Source, Sequence[str]] = {"orders": ORDER_COLUMNS, "trades": TRADE_COLUMNS}
_MOST_PARTS = 1 << 14  # that a task holds before it hands them on: about 6 MB


def parts_of_rows(
    rows: DataFrame, source: Source, bar_seconds: int, received_exchanges: Collection[str] = ()
) -> DataFrame:
    """Parts (``PACKED_SCHEMA``) of the bars that rows of ``orders`` or ``trades`` fall into, in any order."""
    add = _adding(source, bar_seconds, received_exchanges, lambda batches: batches)
    return map_in_arrow(rows.select(*COLUMNS[source]), add, PACKED_SCHEMA)


def parts_of_files(
    spark: SparkSession,
    paths: Sequence[str],
    source: Source,
    bar_seconds: int,
    received_exchanges: Collection[str] = (),
) -> DataFrame:
    """The same of all rows of Parquet files on a disk that every task can read: no row passes through the JVM."""

    def read(files: Iterator[str]) -> Iterator[pa.RecordBatch]:
        return (batch for path in files for batch in read_batches(path, COLUMNS[source]))

    return map_files(spark, paths, _adding(source, bar_seconds, received_exchanges, read), PACKED_SCHEMA)


def joined_parts(parts: DataFrame, bar_seconds: int) -> DataFrame:
    """Bars (``BAR_SCHEMA``) of their parts in any order: what belongs to one bar meets in one task."""

    def join(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from jobs.bars.partial_bars import PartialBars

        bars, last = PartialBars(bar_seconds), None
        for batch in batches:
            keys = zip(*(batch.column(name).to_pylist() for name in PACKED_KEY), strict=True)
            for key, packed in zip(keys, batch.column("parts"), strict=True):
                if key != last and len(bars) >= _MOST_PARTS:
                    yield bars.take_bars()
                exchange, symbol, _ = last = key
                bars.add_packed(exchange, symbol, packed)
        yield bars.take_bars()

    met = parts.repartition(*PACKED_KEY).sortWithinPartitions(*PACKED_KEY)
    return map_in_arrow(met, join, BAR_SCHEMA)


def _adding(
    source: Source, bar_seconds: int, received_exchanges: Collection[str], read: Callable[[Any], Any]
) -> Callable[[Iterator[Any]], Iterator[pa.RecordBatch]]:
    def add(batches: Iterator[Any]) -> Iterator[pa.RecordBatch]:
        from jobs.bars.partial_bars import PartialBars  # compiled code is for the workers

        parts = PartialBars(bar_seconds, received_exchanges)
        count = parts.add_trades if source == "trades" else parts.add_orders
        for batch in read(batches):
            count(batch)
            if len(parts) >= _MOST_PARTS:
                yield parts.take_packed()
        yield parts.take_packed()

    return add
