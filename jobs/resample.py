"""Resample: bars of fixed width from ``trades`` and ``orders``, recomputing only the bars that new events touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.last_good import good_version
from jobs.resample_bars import BAR_KEY, bar_start_of, check_bar_seconds, complete_bars, flow_events, resample_events
from jobs.resample_slice import affected_slice
from jobs.row_changes import digest_of_rows, joined_digest, merge_changes, row_changes
from jobs.settled_rows import settled
from jobs.table_versions import changed_rows, rows_at, usable_since
from models.errors import UsageError

_SOURCES = ("orders", "trades")


@dataclass(frozen=True)
class ResampleSummary:
    """What a run read and wrote. ``n_bars`` is 0 where everything was up to date; then ``bars`` has no new version."""

    n_bars: int
    n_bars_by_width: Mapping[int, int]  # bars inserted, updated or deleted, by width in seconds
    inputs: Mapping[str, int]  # table to the Delta version that was read


def resample(
    spark: SparkSession, bar_seconds: Sequence[int], is_gap_free: bool = True, since: Mapping[str, int] | None = None
) -> ResampleSummary:
    """Bring ``bars`` of the given widths up to date with ``trades`` and ``orders``.

    The table then holds, for these widths, exactly the rows that a rebuild from nothing would give. Only rows that
    differ are written, so a run without news writes nothing.

    Args:
        spark: Session in the schema of the tables.
        bar_seconds: Widths, each 1 to 86,400.
        is_gap_free: Add the bars without an event between a symbol's first and last bar.
        since: The ``inputs`` of the last finished run with the same widths and grid: only bars that later rows fall
            into are recomputed. None reads all rows.

    Raises:
        UsageError: a width is out of range, or none is given.
        DataContractError: a table is missing.
    """
    widths = sorted({check_bar_seconds(width) for width in bar_seconds})
    if not widths:
        raise UsageError("no bar width is given: name one in seconds, for example 60")
    inputs = {table: good_version(spark, table) for table in _SOURCES}
    since = usable_since(spark, since, inputs)
    if since == inputs:
        return ResampleSummary(0, dict.fromkeys(widths, 0), inputs)
    sources = _Sources(spark, inputs, since)
    changes = reduce(DataFrame.unionByName, [_changes(spark, sources, width, is_gap_free) for width in widths])
    n_by_width = _write(spark, changes, inputs)
    return ResampleSummary(
        n_bars=sum(n_by_width.values()),
        n_bars_by_width={width: n_by_width.get(width, 0) for width in widths},
        inputs=inputs,
    )


class _Sources:
    """The events of one pair of table versions, and those that came after an earlier pair."""

    def __init__(self, spark: SparkSession, inputs: Mapping[str, int], since: Mapping[str, int] | None) -> None:
        orders, trades = (rows_at(spark, table, inputs[table]) for table in _SOURCES)
        received = received_exchanges(orders)
        self.events = flow_events(trades, orders, received)
        self.new_events: DataFrame | None = None
        if since is not None:
            new_orders, new_trades = (changed_rows(spark, table, since[table], inputs[table]) for table in _SOURCES)
            # an exchange that now sends `received` for the first time counts its earlier `open` no more
            switched = received - received_exchanges(rows_at(spark, "orders", since["orders"]))
            recounted = orders.where(F.col("exchange").isin(list(switched)) & (F.col("event") == "open"))
            self.new_events = flow_events(new_trades, new_orders, received).unionByName(
                flow_events(new_trades.limit(0), recounted, received_exchanges=[])
            )


def received_exchanges(orders: DataFrame) -> set[str]:
    """Exchanges that send ``received`` at all."""
    return {row.exchange for row in orders.where("event = 'received'").select("exchange").distinct().collect()}


def _changes(spark: SparkSession, sources: _Sources, bar_seconds: int, is_gap_free: bool) -> DataFrame:
    held = spark.table("bars").where(F.col("bar_seconds") == bar_seconds)
    if sources.new_events is None:
        raw = resample_events(sources.events, bar_seconds)
    else:
        start = bar_start_of(F.col("event_time"), bar_seconds).alias("bar_start")
        touched = settled(sources.new_events.select("exchange", "symbol", start).distinct())
        held, raw = affected_slice(held, sources.events, touched, bar_seconds)
    wanted = complete_bars(raw, bar_seconds, is_gap_free)
    return row_changes(held, wanted, BAR_KEY)


def _write(spark: SparkSession, changes: DataFrame, inputs: Mapping[str, int]) -> dict[int, int]:
    changes = settled(changes)  # MERGE plans its source three times over: give it rows, not their history
    counts = changes.groupBy("bar_seconds").agg(F.count("*").alias("n"), digest_of_rows(changes).alias("digest"))
    by_width = sorted(counts.collect())
    if by_width:
        merge_changes(spark, "bars", changes, inputs, joined_digest(by_width))
    return {row.bar_seconds: row.n for row in by_width}
