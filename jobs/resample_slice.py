"""The part of the bars that new rows can change: the touched bars, and the later ones that carry on from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.quote_bars import QUOTE_COLUMNS
from jobs.resample_bars import OF_TRADES, FlowEvents, bar_start_of, resample_events
from jobs.settled_rows import settled

_SYMBOL = ["exchange", "symbol"]


@dataclass(frozen=True)
class Slice:
    """What must be compared and rebuilt.

    Attributes:
        starts: exchange, symbol, ``start``: first bar of each symbol's slice; ``is_seeded``: it was there before.
        earliest: The first of these starts, where all are seeded; None: there is none before which nothing matters.
        held: Rows of ``bars`` in the slices.
        first: Those of them that a seeded slice starts with.
        raw: Bars as from ``resample_events`` for the slices.
    """

    starts: DataFrame
    earliest: datetime | None
    held: DataFrame
    first: DataFrame
    raw: DataFrame


def affected_slice(held: DataFrame, events: FlowEvents, touched: DataFrame, bar_seconds: int) -> Slice:
    """Split off what must be compared and rebuilt.

    Each symbol's slice runs from the last bar with events before its first touched bar, which hands over its close, its
    book and the place where the grid goes on, to the end.

    Args:
        held: Rows of ``bars`` of one width, complete for all earlier events.
        events: All events, earlier and new.
        touched: exchange, symbol, bar_start of the bars that a new event or quote falls into.
        bar_seconds: Width of the bars.

    Returns:
        The slices. Touched bars are made of all of their events, the others of ``held`` without what they carry (only
        the first bar of a slice keeps it).
    """
    first = touched.groupBy(_SYMBOL).agg(F.min("bar_start").alias("_first"))
    before = held.join(F.broadcast(first), _SYMBOL).where("bar_start < _first AND NOT is_filled")
    seed = before.groupBy(_SYMBOL).agg(F.max("bar_start").alias("_seed"))
    starts = first.join(seed, _SYMBOL, "left").select(
        *_SYMBOL, F.coalesce("_seed", "_first").alias("start"), F.col("_seed").isNotNull().alias("is_seeded")
    )
    rows = starts.collect()
    starts = held.sparkSession.createDataFrame(rows, starts.schema)
    in_slice = held.join(F.broadcast(starts), _SYMBOL).where("bar_start >= start")
    in_slice = settled(in_slice.select(*held.columns, "start", "is_seeded"))

    is_carried = (F.col("n_trades") == 0) & (F.col("bar_start") > F.col("start"))
    raw = {name: F.when(~is_carried, F.col(name)) for name in OF_TRADES}
    untouched = in_slice.where("NOT is_filled").join(touched, [*_SYMBOL, "bar_start"], "left_anti").withColumns(raw)
    recomputed = resample_events(events_of(events, touched, bar_seconds), bar_seconds)
    return Slice(
        starts=starts,
        earliest=min((row.start for row in rows), default=None) if all(row.is_seeded for row in rows) else None,
        held=in_slice.select(held.columns),
        first=in_slice.where("is_seeded AND bar_start = start").select(held.columns),
        raw=untouched.drop("start", "is_seeded", *QUOTE_COLUMNS).unionByName(recomputed),
    )


def quotes_of(quotes: DataFrame, part: Slice) -> DataFrame:
    """Quotes from the start of each symbol's slice on; of a slice that nothing stands before, all of the symbol."""
    if part.earliest is not None:  # lets Delta skip earlier files
        quotes = quotes.where(F.col("event_time") >= F.lit(part.earliest))
    near = quotes.join(F.broadcast(part.starts), _SYMBOL)
    return near.where("NOT is_seeded OR event_time >= start").select(quotes.columns)


def events_of(events: FlowEvents, touched: DataFrame, bar_seconds: int) -> FlowEvents:
    """The events that fall into the touched bars."""
    span = touched.agg(F.min("bar_start").alias("first"), F.max("bar_start").alias("last")).first()

    def near(rows: DataFrame, time: str) -> DataFrame:
        if span is None or span["first"] is None:
            return rows.limit(0)
        end = F.lit(span["last"]) + F.make_dt_interval(secs=F.lit(bar_seconds))
        in_span = rows.where((F.col(time) >= F.lit(span["first"])) & (F.col(time) < end))  # lets Delta skip files
        keyed = in_span.withColumn("bar_start", bar_start_of(F.col(time), bar_seconds))
        return keyed.join(F.broadcast(touched), [*_SYMBOL, "bar_start"], "left_semi").select(rows.columns)

    return replace(events, trades=near(events.trades, "trade_time"), orders=near(events.orders, "event_time"))
