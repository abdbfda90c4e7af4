"""The part of the bars that new events can change: the touched bars, and the later ones that carry their close."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.resample_bars import PRICES, bar_start_of, resample_events
from jobs.settled_rows import settled

_SYMBOL = ["exchange", "symbol"]


def affected_slice(
    held: DataFrame, events: DataFrame, touched: DataFrame, bar_seconds: int
) -> tuple[DataFrame, DataFrame]:
    """Split off what must be compared and rebuilt.

    Each symbol's slice runs from the last bar with events before its first touched bar, which hands over its close and
    the place where the grid goes on, to the end.

    Args:
        held: Rows of ``bars`` of one width, complete for all earlier events.
        events: All events, earlier and new, as from ``flow_events``.
        touched: exchange, symbol, bar_start of the bars that a new event falls into.
        bar_seconds: Width of the bars.

    Returns:
        ``held`` in the slices, and bars as from ``resample_events`` for the slices: the touched ones from all of their
        events, the others from ``held`` without their carried prices (only the first bar of a slice keeps them).
    """
    first = touched.groupBy(_SYMBOL).agg(F.min("bar_start").alias("_first"))
    before = held.join(F.broadcast(first), _SYMBOL).where("bar_start < _first AND NOT is_filled")
    seed = before.groupBy(_SYMBOL).agg(F.max("bar_start").alias("_seed"))
    slices = first.join(seed, _SYMBOL, "left").select(*_SYMBOL, F.coalesce("_seed", "_first").alias("_from"))
    in_slice = held.join(F.broadcast(slices), _SYMBOL).where("bar_start >= _from").select(*held.columns, "_from")
    in_slice = settled(in_slice)

    is_carried = (F.col("n_trades") == 0) & (F.col("bar_start") > F.col("_from"))
    raw_prices = {price: F.when(~is_carried, F.col(price)) for price in PRICES}
    untouched = (
        in_slice.where("NOT is_filled").join(touched, [*_SYMBOL, "bar_start"], "left_anti").withColumns(raw_prices)
    )
    recomputed = resample_events(events_of(events, touched, bar_seconds), bar_seconds)
    return in_slice.drop("_from"), untouched.drop("_from").unionByName(recomputed)


def events_of(events: DataFrame, touched: DataFrame, bar_seconds: int) -> DataFrame:
    """The events that fall into the touched bars; the span of time lets Delta skip the other files."""
    span = touched.agg(F.min("bar_start").alias("first"), F.max("bar_start").alias("last")).first()
    if span is None or span["first"] is None:
        return events.limit(0)
    end = F.lit(span["last"]) + F.make_dt_interval(secs=F.lit(bar_seconds))
    near = events.where((F.col("event_time") >= F.lit(span["first"])) & (F.col("event_time") < end))
    keyed = near.withColumn("bar_start", bar_start_of(F.col("event_time"), bar_seconds))
    return keyed.join(touched, [*_SYMBOL, "bar_start"], "left_semi").drop("bar_start")
