"""Bars from trades and order events: functions of DataFrames that read no table and no clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.bar_parts import joined_parts, parts_of_rows
from models.errors import UsageError

MAX_BAR_SECONDS = 86_400
BAR_KEY = ("exchange", "symbol", "bar_seconds", "bar_start")
PRICES = ("open", "high", "low", "close")
OF_TRADES = (*PRICES, "last_trade_at")  # of the bar before where a bar has no trade
LAST_TIMES = ("last_trade_at", "last_event_at")


def check_bar_seconds(bar_seconds: int) -> int:
    """Return the width of a bar, unchanged.

    Raises:
        UsageError: it is not between 1 second and 1 day.
    """
    if not 1 <= bar_seconds <= MAX_BAR_SECONDS:
        raise UsageError(f"a bar of {bar_seconds} seconds is not possible: choose 1 to {MAX_BAR_SECONDS} (one day)")
    return bar_seconds


@dataclass(frozen=True)
class FlowEvents:
    """Everything that bars count; ``jobs/bars/flow_columns.py`` says which rows do.

    Attributes:
        trades: Rows of ``trades``, any order.
        orders: Rows of ``orders``, any order.
        received_exchanges: The exchanges with at least one ``received`` in all of ``orders``.
    """

    trades: DataFrame
    orders: DataFrame
    received_exchanges: Collection[str]

    @property
    def times(self) -> DataFrame:
        """exchange, symbol, event_time of all rows."""
        trades = self.trades.select("exchange", "symbol", F.col("trade_time").alias("event_time"))
        return trades.union(self.orders.select("exchange", "symbol", "event_time"))


def bar_start_of(time: Column, bar_seconds: int) -> Column:
    """Left border of the bar that a time falls into: the multiple of the width since 1970, exact to the microsecond."""
    micros = F.unix_micros(time)
    return F.timestamp_micros(micros - F.pmod(micros, F.lit(bar_seconds * 1_000_000)))


def resample_events(events: FlowEvents, bar_seconds: int) -> DataFrame:
    """Aggregate events to bars over [bar_start, bar_start + bar_seconds).

    Returns:
        Rows of ``bars`` for the bars with an event; open, high, low and close are NULL where the bar has no trade
        (``carry_close`` fills them), and so is last_trade_at. Trades of one instant are ordered by (epoch, sequence).
    """
    check_bar_seconds(bar_seconds)
    trades = parts_of_rows(events.trades, "trades", bar_seconds)
    orders = parts_of_rows(events.orders, "orders", bar_seconds, events.received_exchanges)
    return bars_of_parts(trades.unionByName(orders), bar_seconds)


def bars_of_parts(parts: DataFrame, bar_seconds: int) -> DataFrame:
    """Bars as from ``resample_events``, of their parts in any order."""
    return bars_of_sums(joined_parts(parts, bar_seconds), bar_seconds)


def bars_of_sums(bars: DataFrame, bar_seconds: int) -> DataFrame:
    """Bars as from ``resample_events``, of rows of ``BAR_SCHEMA``."""
    return _with_key(bars, bar_seconds).withColumn("is_filled", F.lit(False))


def carry_close(bars: DataFrame) -> DataFrame:
    """Fill open, high, low and close of bars without a trade with the close before, and the time of the last trade.

    They are NULL before the first trade.
    """
    before = by_time().rowsBetween(Window.unboundedPreceding, -1)
    last = {f"_{name}": F.last(name, ignorenulls=True).over(before) for name in ("close", "last_trade_at")}
    filled = {price: F.coalesce(price, "_close") for price in PRICES}
    carried = bars.withColumns(last).withColumns(
        {**filled, "last_trade_at": F.coalesce("last_trade_at", "_last_trade_at")}
    )
    return carried.drop(*last)


def fill_grid(bars: DataFrame, bar_seconds: int) -> DataFrame:
    """Add the bars that are missing between a symbol's first and last one, with ``is_filled``.

    An added bar has the close before as open, high, low and close, the last times before, 0 in all counts and sizes,
    and no vwap.
    """
    next_start = F.lead("bar_start").over(by_time())
    width = F.make_dt_interval(secs=F.lit(bar_seconds))
    holes = (
        bars.withColumn("_next_start", next_start)
        .where(F.col("_next_start") > F.col("bar_start") + width)
        .withColumn("bar_start", F.explode(F.sequence(F.col("bar_start") + width, F.col("_next_start") - width, width)))
    )
    kept = {*BAR_KEY, "available_at", "is_filled", "vwap", *PRICES, *LAST_TIMES}
    zeros = {name: F.lit(0).cast(kind) for name, kind in bars.dtypes if name not in kept}
    prices = {price: F.col("close") for price in PRICES}
    filled = holes.withColumns({**zeros, **prices, "vwap": F.lit(None).cast("double"), "is_filled": F.lit(True)})
    return bars.unionByName(_with_key(filled, bar_seconds).select(bars.columns))


def complete_bars(bars: DataFrame, bar_seconds: int, is_gap_free: bool) -> DataFrame:
    """Carry closes and, where asked for, fill the grid of bars as from ``resample_events``."""
    carried = carry_close(bars)
    return fill_grid(carried, bar_seconds) if is_gap_free else carried


def _with_key(bars: DataFrame, bar_seconds: int) -> DataFrame:
    return bars.withColumns(
        {
            "bar_seconds": F.lit(bar_seconds),
            "available_at": F.col("bar_start") + F.make_dt_interval(secs=F.lit(bar_seconds)),
        }
    )


def by_time() -> WindowSpec:
    """Each symbol's bars in order of time."""
    return Window.partitionBy("exchange", "symbol").orderBy("bar_start")
