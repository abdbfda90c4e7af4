"""What the order book adds to bars: functions of DataFrames that read no table and no clock.

A bar knows the newest row of ``quotes`` before its right border, of its own time or carried on from before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.arrow_rows import map_in_arrow
from jobs.bars.file_batches import read_batches
from jobs.bars.quote_schema import BEST, CHOSEN_SCHEMA, READ_COLUMNS
from jobs.file_tasks import map_files
from jobs.resample_bars import bar_start_of, by_time

_SIZE = "decimal(38, 8)"
_OF_QUOTE = ("last_quote_at", *BEST, "mid", "microprice", "spread_bps")
_OF_DEPTH = ("bid_depth", "ask_depth", "bid_slope", "ask_slope")
_TYPES = {"last_quote_at": "timestamp", **dict.fromkeys(BEST, "decimal(18, 8)")}
_TYPES |= dict.fromkeys(("bid_depth", "ask_depth", "order_flow_imbalance"), _SIZE)
QUOTE_COLUMNS = (*_OF_QUOTE, *_OF_DEPTH, "order_flow_imbalance")
_BAR = ("exchange", "symbol", "bar_start")


def quote_bars(quotes: DataFrame, bar_seconds: int) -> DataFrame:
    """The book of each bar with a row of ``quotes``.

    Args:
        quotes: Rows of ``quotes``, any order.
        bar_seconds: Width, 1 to 86,400.

    Returns:
        exchange, symbol, bar_start; ``quote``: a struct of the bar's newest row, with NULL but for ``last_quote_at``
        where that is not usable; ``depth``: the same of the newest usable row with depths, NULL where the bar has none,
        and a struct of NULL where the book was not to be trusted later, or its newest row is not usable; ``flow``: the
        sum of ``order_flow`` over usable rows.

    A trade that crosses the book for an instant takes no depth away: bars with trades would have none.
    """
    chosen = map_in_arrow(quotes.select(*READ_COLUMNS), _choosing(bar_seconds), CHOSEN_SCHEMA)
    return _books(chosen, bar_seconds)


def quote_bars_of_files(spark: SparkSession, paths: Sequence[str], bar_seconds: int) -> DataFrame:
    """The same of all rows of Parquet files on a disk that every task can read."""
    choose = _choosing(bar_seconds)

    def read(files: Iterator[str]) -> Iterator[pa.RecordBatch]:
        return choose(batch for path in files for batch in read_batches(path, READ_COLUMNS))

    return _books(map_files(spark, paths, read, CHOSEN_SCHEMA), bar_seconds)


def _choosing(bar_seconds: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def choose(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from jobs.bars.chosen_quotes import chosen_quotes  # compiled code is for the workers

        return (chosen_quotes(batch, bar_seconds) for batch in batches if len(batch))

    return choose


def _books(chosen: DataFrame, bar_seconds: int) -> DataFrame:
    """The book of each bar of rows of ``CHOSEN_SCHEMA``."""
    order, tells_depth = F.struct("event_time", "epoch", "sequence"), F.col("tells_depth")
    quote = F.struct(F.col("event_time").alias("last_quote_at"), *_OF_QUOTE[1:])
    depth = F.max_by(F.when(tells_depth, F.struct(*_OF_DEPTH)), F.when(tells_depth, order))
    ends_usable = F.max_by("is_usable", order)
    return chosen.groupBy("exchange", "symbol", bar_start_of(F.col("event_time"), bar_seconds).alias("bar_start")).agg(
        F.max_by(quote, order).alias("quote"),
        F.when(ends_usable, depth).otherwise(_no_depth()).alias("depth"),
        F.sum("flow").cast(_SIZE).alias("flow"),
    )


def books_before(bars: DataFrame) -> DataFrame:
    """The book at the end of bars as if it were the book just before them: rows as from ``quote_bars``.

    From there on goes who is given the quotes of these bars and of later ones, but not those before.
    """
    just_before = F.timestamp_micros(F.unix_micros("bar_start") - 1)
    return bars.where("last_quote_at IS NOT NULL").select(
        "exchange",
        "symbol",
        just_before.alias("bar_start"),
        F.struct(*_OF_QUOTE).alias("quote"),
        F.struct(*_OF_DEPTH).alias("depth"),
        F.lit(None).cast(_SIZE).alias("flow"),
    )


def with_quotes(bars: DataFrame, books: DataFrame) -> DataFrame:
    """Bars with ``QUOTE_COLUMNS``: the book at their end, and the order flow within them.

    Args:
        bars: Complete bars, unique by exchange, symbol and bar_start.
        books: As from ``quote_bars``, of the bars' symbols; also of times at which no bar starts.

    Returns:
        The bars. Without a usable book all but ``last_quote_at`` are NULL; before the first quote that is, too.
    """
    kept = [name for name in bars.columns if name not in _BAR]
    rows = bars.select(*_BAR, F.struct(*kept).alias("_bar"))
    until_now = by_time().rowsBetween(Window.unboundedPreceding, 0)
    newest = {name: F.last(name, ignorenulls=True).over(until_now) for name in ("quote", "depth")}
    joined = rows.join(books, list(_BAR), "full_outer").withColumns(newest)
    is_usable = F.col("quote")["mid"].isNotNull()
    return joined.where(F.col("_bar").isNotNull()).select(
        *_BAR,
        "_bar.*",
        *[F.col("quote")[name].alias(name) for name in _OF_QUOTE],
        *[F.when(is_usable, F.col("depth")[name]).alias(name) for name in _OF_DEPTH],
        F.when(is_usable, F.coalesce("flow", F.lit(0).cast(_SIZE))).alias("order_flow_imbalance"),
    )


def without_quotes(bars: DataFrame) -> DataFrame:
    """Bars with ``QUOTE_COLUMNS`` where there is no quote at all: what ``with_quotes`` gives, at no cost."""
    return bars.withColumns({name: F.lit(None).cast(_TYPES.get(name, "double")) for name in QUOTE_COLUMNS})


def _no_depth() -> Column:
    return F.struct(*[F.lit(None).cast(_TYPES.get(name, "double")).alias(name) for name in _OF_DEPTH])
