"""The bounded part of the warehouse's history that a look-ahead check recomputes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.last_good import good_version
from jobs.lookahead_features import ORDER_COLUMNS, QUOTE_COLUMNS, TRADE_COLUMNS
from jobs.settled_rows import settled
from jobs.table_versions import rows_at
from models.errors import DataContractError

MOST_SYMBOLS = 4
_SYMBOL = ("exchange", "symbol")
_COUNTS = ("n_trades", "n_limit_buys", "n_limit_sells", "n_market_buys", "n_market_sells")


@dataclass(frozen=True)
class EventSample:
    """Orders, trades and quotes of some symbols in a span of time, and how many rows they are."""

    orders: DataFrame
    trades: DataFrame
    quotes: DataFrame
    n_rows: int
    first: datetime
    last: datetime


def sample_bars(spark: SparkSession, bar_seconds: int, n_rows: int, first: Sequence[str] = ()) -> DataFrame:
    """The newest bars of the symbols that have most, ``n_rows`` in all; the symbols named ``first`` are among them.

    Raises:
        DataContractError: there is no bar of this width.
    """
    bars = rows_at(spark, "bars", good_version(spark, "bars")).where(F.col("bar_seconds") == bar_seconds)
    is_first = F.col("symbol").isin(list(first))
    counts = bars.groupBy(*_SYMBOL).count().orderBy(F.desc(is_first), F.desc("count"), *_SYMBOL).limit(MOST_SYMBOLS)
    symbols = settled(counts.drop("count"))
    n_symbols = symbols.count()
    if not n_symbols:
        raise DataContractError(
            f"bars has no row of {bar_seconds} s: run foretable resample --bar-seconds {bar_seconds}"
        )
    newest = F.row_number().over(Window.partitionBy(*_SYMBOL).orderBy(F.desc("bar_start")))
    chosen = bars.join(F.broadcast(symbols), list(_SYMBOL), "left_semi").withColumn("_newest", newest)
    return settled(chosen.where(F.col("_newest") <= max(n_rows // n_symbols, 2)).drop("_newest"))


def sample_events(spark: SparkSession, bars: DataFrame, n_rows: int, n_bars: int) -> EventSample | None:
    """The events of the newest of these bars: about ``n_rows``, yet ``n_bars`` of a symbol where it has so many.

    None where the warehouse has no events of them, for example because only bars were loaded.
    """
    counted = bars.select("bar_start", "available_at", sum((F.col(name) for name in _COUNTS), F.lit(0)).alias("n"))
    by_time = counted.groupBy("bar_start").agg(F.max("available_at").alias("end"), F.sum("n").alias("n"))
    newest = by_time.orderBy(F.desc("bar_start")).collect()
    is_wanted = np.cumsum([row.n for row in newest]) <= n_rows
    last = max(int(is_wanted.sum()), min(n_bars, len(newest))) - 1
    first, end = newest[last].bar_start, newest[0].end
    symbols = settled(bars.select(*_SYMBOL).distinct())
    orders = _between(spark, "orders", "event_time", ("event", *ORDER_COLUMNS), symbols, first, end)
    trades = _between(spark, "trades", "trade_time", TRADE_COLUMNS, symbols, first, end)
    quotes = _between(spark, "quotes", "event_time", QUOTE_COLUMNS, symbols, first, end)
    n_events = orders.count() + trades.count()
    return EventSample(orders, trades, quotes, n_events, first, end) if n_events else None


def _between(
    spark: SparkSession, table: str, time: str, columns: tuple[str, ...], symbols: DataFrame, first: Any, end: Any
) -> DataFrame:
    rows = rows_at(spark, table, good_version(spark, table))
    span = rows.where((F.col(time) >= F.lit(first)) & (F.col(time) < F.lit(end)))
    own = span.join(F.broadcast(symbols), list(_SYMBOL), "left_semi")
    return settled(own.select(*_SYMBOL, time, "epoch", "sequence", *columns))
