"""Bars from trades and order events: functions of DataFrames that read no table and no clock."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from models.errors import UsageError

MAX_BAR_SECONDS = 86_400
BAR_KEY = ("exchange", "symbol", "bar_seconds", "bar_start")
PRICES = ("open", "high", "low", "close")
OF_TRADES = (*PRICES, "last_trade_at")  # of the bar before where a bar has no trade
LAST_TIMES = ("last_trade_at", "last_event_at")
_SIZE = "decimal(38, 8)"


def check_bar_seconds(bar_seconds: int) -> int:
    """Return the width of a bar, unchanged.

    Raises:
        UsageError: it is not between 1 second and 1 day.
    """
    if not 1 <= bar_seconds <= MAX_BAR_SECONDS:
        raise UsageError(f"a bar of {bar_seconds} seconds is not possible: choose 1 to {MAX_BAR_SECONDS} (one day)")
    return bar_seconds


def flow_events(trades: DataFrame, orders: DataFrame, received_exchanges: Collection[str]) -> DataFrame:
    """Everything that a bar counts, one row an event.

    A limit order enters the market once: with its ``received`` where the exchange sends that event, and with its
    ``open`` where it never does (Bitstamp). So an ``open`` counts outside of ``received_exchanges`` only.
    A market order is a ``received`` of that type, or of no type and without a price. A cancel is a ``done`` with the
    reason canceled and a price; its size is what was still in the book.

    Args:
        trades: Rows of ``trades``.
        orders: Rows of ``orders``.
        received_exchanges: The exchanges with at least one ``received`` in all of ``orders``.

    Returns:
        exchange, symbol, event_time, epoch, sequence, kind (trade, limit, market, cancel), side (buy, sell or NULL; of
        a trade the taker's), price (of a trade), size (base units, 0 where an order names none).
    """
    is_received = F.col("event") == "received"
    is_limit = F.coalesce(F.col("order_type") == "limit", F.col("price").isNotNull())
    is_entry_by_open = (F.col("event") == "open") & ~F.col("exchange").isin(list(received_exchanges))
    is_cancel = (F.col("event") == "done") & (F.col("reason") == "canceled") & F.col("price").isNotNull()
    kind = (
        F.when((is_received & is_limit) | is_entry_by_open, "limit")
        .when(is_received, "market")
        .when(is_cancel, "cancel")
    )
    entered = F.when(is_cancel, F.col("remaining_size")).otherwise(F.coalesce("size", "remaining_size"))
    place = ["exchange", "symbol", "event_time", "epoch", "sequence"]
    order_events = orders.select(
        *place,
        kind.alias("kind"),
        "side",
        F.lit(None).cast("decimal(18, 8)").alias("price"),
        F.coalesce(entered, F.lit(0)).cast("decimal(18, 8)").alias("size"),
    ).where("kind IS NOT NULL")
    matches = trades.withColumn("event_time", F.col("trade_time")).select(
        *place, F.lit("trade").alias("kind"), F.col("taker_side").alias("side"), "price", "size"
    )
    return matches.unionByName(order_events)


def bar_start_of(time: Column, bar_seconds: int) -> Column:
    """Left border of the bar that a time falls into: the multiple of the width since 1970, exact to the microsecond."""
    micros = F.unix_micros(time)
    return F.timestamp_micros(micros - F.pmod(micros, F.lit(bar_seconds * 1_000_000)))


def resample_events(events: DataFrame, bar_seconds: int) -> DataFrame:
    """Aggregate flow events to bars over [bar_start, bar_start + bar_seconds).

    Args:
        events: As from ``flow_events``, any order.
        bar_seconds: Width, 1 to 86,400.

    Returns:
        Rows of ``bars`` for the bars with an event; open, high, low and close are NULL where the bar has no trade
        (``carry_close`` fills them), and so is last_trade_at. Trades of one instant are ordered by (epoch, sequence).
    """
    check_bar_seconds(bar_seconds)
    is_trade = F.col("kind") == "trade"
    tick = F.when(is_trade, F.struct("event_time", "epoch", "sequence"))
    notional = F.sum(F.col("price") * F.col("size"))
    volume = _sum_of_size(is_trade)
    bars = events.groupBy("exchange", "symbol", bar_start_of(F.col("event_time"), bar_seconds).alias("bar_start")).agg(
        F.min_by("price", tick).alias("open"),
        F.max("price").alias("high"),
        F.min("price").alias("low"),
        F.max_by("price", tick).alias("close"),
        volume.alias("volume"),
        F.try_divide(notional.cast("double"), volume.cast("double")).alias("vwap"),
        F.count_if(is_trade).alias("n_trades"),
        F.max(F.when(is_trade, F.col("event_time"))).alias("last_trade_at"),
        F.max("event_time").alias("last_event_at"),
        *_sides_of("trade", "n_{side}_trades", "{side}_volume"),
        *_sides_of("limit", "n_limit_{side}s", "limit_{side}_size"),
        *_sides_of("market", "n_market_{side}s", "market_{side}_size"),
        *_sides_of("cancel", "n_cancel_{side}s", "cancel_{side}_size"),
    )
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


def _sides_of(kind: str, count_name: str, size_name: str) -> list[Column]:
    columns = []
    for side in ("buy", "sell"):
        is_counted = (F.col("kind") == kind) & (F.col("side") == side)
        columns.append(F.count_if(is_counted).alias(count_name.format(side=side)))
        columns.append(_sum_of_size(is_counted).alias(size_name.format(side=side)))
    return columns


def _sum_of_size(is_counted: Column) -> Column:
    return F.coalesce(F.sum(F.when(is_counted, F.col("size"))), F.lit(0)).cast(_SIZE)


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
