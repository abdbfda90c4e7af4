"""Resample: bars of fixed width from ``trades``, ``orders`` and ``quotes``, recomputing only what new rows touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.bar_parts import Source, parts_of_files, parts_of_rows
from jobs.bar_stretches import bars_of_files
from jobs.last_good import good_version
from jobs.quote_bars import books_before, quote_bars, quote_bars_of_files, with_quotes, without_quotes
from jobs.resample_bars import (
    BAR_KEY,
    FlowEvents,
    bar_start_of,
    bars_of_parts,
    bars_of_sums,
    check_bar_seconds,
    complete_bars,
)
from jobs.resample_slice import Slice, affected_slice, quotes_of
from jobs.row_changes import RowChanges, digest_of_rows, joined_digest, merge_changes, row_changes
from jobs.settled_rows import settled
from jobs.table_versions import changed_rows, plain_files, rows_at, usable_since
from models.errors import UsageError

BAR_SOURCES = ("orders", "trades", "quotes")


@dataclass(frozen=True)
class ResampleSummary:
    """What a run read and wrote. ``n_bars`` is 0 where everything was up to date; then ``bars`` has no new version."""

    n_bars: int
    n_bars_by_width: Mapping[int, int]  # bars inserted, updated or deleted, by width in seconds
    inputs: Mapping[str, int]  # table to the Delta version that was read


def resample(
    spark: SparkSession, bar_seconds: Sequence[int], is_gap_free: bool = True, since: Mapping[str, int] | None = None
) -> ResampleSummary:
    """Bring ``bars`` of the given widths up to date with ``trades``, ``orders`` and, where there are any, ``quotes``.

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
    inputs = {table: good_version(spark, table) for table in BAR_SOURCES}
    since = usable_since(spark, since, inputs)
    if since == inputs:
        return ResampleSummary(0, dict.fromkeys(widths, 0), inputs)
    sources = _Sources(spark, inputs, since)
    by_width = [_changes(spark, sources, width, is_gap_free) for width in widths]
    rows = reduce(DataFrame.unionByName, [changes.rows for changes in by_width])
    n_by_width = _write(spark, RowChanges(rows, all(changes.are_new for changes in by_width)).settled(), inputs)
    return ResampleSummary(
        n_bars=sum(n_by_width.values()),
        n_bars_by_width={width: n_by_width.get(width, 0) for width in widths},
        inputs=inputs,
    )


class _Sources:
    """The events and quotes of some table versions, and where those fall that came after earlier versions."""

    def __init__(self, spark: SparkSession, inputs: Mapping[str, int], since: Mapping[str, int] | None) -> None:
        self._spark, self._inputs = spark, inputs
        orders, trades, quotes = (rows_at(spark, table, inputs[table]) for table in BAR_SOURCES)
        self.is_quoted = not quotes.isEmpty() or (since is not None and since["quotes"] != inputs["quotes"])
        self.quotes = quotes
        received = received_exchanges(orders)
        self.events = FlowEvents(trades, orders, received)
        self.new_times: DataFrame | None = None
        if since is not None:
            new_orders, new_trades, new_quotes = (
                changed_rows(spark, table, since[table], inputs[table]) for table in BAR_SOURCES
            )
            # an exchange that now sends `received` for the first time counts its earlier `open` no more
            switched = received - received_exchanges(rows_at(spark, "orders", since["orders"]))
            recounted = orders.where(F.col("exchange").isin(list(switched)) & (F.col("event") == "open"))
            new = [FlowEvents(new_trades, new_orders, received).times, recounted, new_quotes]
            self.new_times = reduce(DataFrame.union, [rows.select("exchange", "symbol", "event_time") for rows in new])

    def bars(self, bar_seconds: int) -> DataFrame:
        """The bars of all events, as from ``resample_events``: by file where a table is plain files."""
        spark, received, plain = self._spark, self.events.received_exchanges, self._plain_files
        if len(plain) == len(self._tables):
            bars = bars_of_files(spark, plain, bar_seconds, received)
            if bars is not None:
                return bars_of_sums(bars, bar_seconds)
        parts = [
            parts_of_files(spark, plain[table], table, bar_seconds, received)
            if table in plain
            else parts_of_rows(rows, table, bar_seconds, received)
            for table, rows in self._tables.items()
        ]
        return bars_of_parts(reduce(DataFrame.unionByName, parts), bar_seconds)

    def books(self, bar_seconds: int) -> DataFrame:
        """The books of all quotes, as from ``quote_bars``: by file where the table is plain files."""
        paths = self._quote_files
        if paths is None:
            return quote_bars(self.quotes, bar_seconds)
        return quote_bars_of_files(self._spark, paths, bar_seconds)

    @property
    def _tables(self) -> dict[Source, DataFrame]:
        return {"trades": self.events.trades, "orders": self.events.orders}

    @cached_property
    def _plain_files(self) -> dict[Source, list[str]]:
        """The files of the tables that are plain files; asked of Delta once for all widths."""
        files = {table: plain_files(self._spark, table, rows) for table, rows in self._tables.items()}
        return {table: paths for table, paths in files.items() if paths is not None}

    @cached_property
    def _quote_files(self) -> list[str] | None:
        return plain_files(self._spark, "quotes", self.quotes)


def received_exchanges(orders: DataFrame) -> frozenset[str]:
    """Exchanges that send ``received`` at all."""
    return frozenset(row.exchange for row in orders.where("event = 'received'").select("exchange").distinct().collect())


def _changes(spark: SparkSession, sources: _Sources, bar_seconds: int, is_gap_free: bool) -> RowChanges:
    held, part = spark.table("bars").where(F.col("bar_seconds") == bar_seconds), None
    if sources.new_times is not None:
        start = bar_start_of(F.col("event_time"), bar_seconds).alias("bar_start")
        touched = settled(sources.new_times.select("exchange", "symbol", start).distinct())
        part = affected_slice(held, sources.events, touched, bar_seconds)
    raw = part.raw if part else sources.bars(bar_seconds)
    bars = complete_bars(raw, bar_seconds, is_gap_free)
    wanted = _with_books(bars, sources, part, bar_seconds)
    return row_changes(part.held if part else held, wanted, BAR_KEY)


def _with_books(bars: DataFrame, sources: _Sources, part: Slice | None, bar_seconds: int) -> DataFrame:
    if not sources.is_quoted:
        return without_quotes(bars)
    if part is None:
        return with_quotes(bars, sources.books(bar_seconds))
    later = quote_bars(quotes_of(sources.quotes, part), bar_seconds)
    return with_quotes(bars, later.unionByName(books_before(part.first)))


def _write(spark: SparkSession, changes: RowChanges, inputs: Mapping[str, int]) -> dict[int, int]:
    counts = F.count("*").alias("n"), digest_of_rows(changes.rows).alias("digest")
    by_width = sorted(changes.rows.groupBy("bar_seconds").agg(*counts).collect())
    if by_width:
        merge_changes(spark, "bars", changes, inputs, joined_digest(by_width))
    return {row.bar_seconds: row.n for row in by_width}
