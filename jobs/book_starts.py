"""The books to replay, and from where on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.book.book_rows import GROUP_KEY
from jobs.table_versions import changed_rows

_MOST_CONDITIONS = 200  # books whose files are named to Delta one by one


@dataclass(frozen=True)
class Start:
    """A book to replay, and the saved one to go on from; ``after`` is None where it begins with nothing."""

    exchange: str
    symbol: str
    epoch: int
    after: int | None


def find_starts(
    spark: SparkSession,
    orders: DataFrame,
    inputs: Mapping[str, int],
    since: Mapping[str, int] | None,
    digest: str,
    contiguous: Sequence[str],
) -> list[Start]:
    """The books with changed events, or made with other settings or rules of numbering than now."""
    states = spark.table("book_states")
    is_same = (F.col("settings") == digest) & (F.col("is_contiguous") == F.col("exchange").isin(list(contiguous)))
    other = states.where(~is_same).select(*GROUP_KEY, F.lit(None).cast("bigint").alias("first"))
    if since is None:
        every = orders.select(*GROUP_KEY).unionByName(states.select(*GROUP_KEY)).distinct()
        return [Start(row.exchange, row.symbol, row.epoch, None) for row in every.collect()]
    changed = changed_rows(spark, "orders", since["orders"], inputs["orders"])
    touched = changed.groupBy(*GROUP_KEY).agg(F.min("sequence").alias("first")).unionByName(other)
    touched = touched.groupBy(*GROUP_KEY).agg(
        F.min("first").alias("first"), F.max(F.col("first").isNull()).alias("is_whole")
    )
    before = (F.col("sequence") < F.col("first")) & ~F.col("is_whole")
    usable = states.join(F.broadcast(touched), list(GROUP_KEY)).where(before)
    newest = usable.groupBy(*GROUP_KEY).agg(F.max("sequence").alias("after"))
    found = touched.join(newest, list(GROUP_KEY), "left").select(*GROUP_KEY, "after")
    return [Start(*row) for row in found.collect()]


class StartedPart:
    """The rows of tables from the starts on."""

    def __init__(self, spark: SparkSession, starts: Sequence[Start]) -> None:
        """At least one start."""
        self.starts = starts
        rows = [(start.exchange, start.symbol, start.epoch, start.after) for start in starts]
        self._afters = spark.createDataFrame(rows, "exchange string, symbol string, epoch bigint, _after bigint")

    def of(self, rows: DataFrame, is_inclusive: bool) -> DataFrame:
        """Rows after the saved books, or with them; the condition in literals lets Delta skip the other files."""
        later = F.col("sequence") >= F.col("_after") if is_inclusive else F.col("sequence") > F.col("_after")
        joined = self.near(rows, is_inclusive).join(F.broadcast(self._afters), list(GROUP_KEY))
        return joined.where(F.col("_after").isNull() | later).select(rows.columns)

    def near(self, rows: DataFrame, is_inclusive: bool) -> DataFrame:
        """These rows and perhaps others: all that Delta need look at."""
        if len(self.starts) > _MOST_CONDITIONS:
            return rows
        return rows.where(reduce(or_, [_is_later(start, is_inclusive) for start in self.starts]))

    def saved(self, states: DataFrame) -> DataFrame:
        """The saved books to go on from."""
        joined = self.near(states, is_inclusive=True).join(F.broadcast(self._afters), list(GROUP_KEY))
        return joined.where(F.col("sequence") == F.col("_after"))


def _is_later(start: Start, is_inclusive: bool) -> Column:
    is_it = F.col("exchange") == F.lit(start.exchange)
    is_it &= F.col("symbol") == F.lit(start.symbol)
    is_it &= F.col("epoch") == F.lit(start.epoch)
    if start.after is None:
        return is_it
    return is_it & (F.col("sequence") >= F.lit(start.after + (0 if is_inclusive else 1)))
