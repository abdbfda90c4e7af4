"""Holes in the exchange's numbering, kept up to date near the events of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ingest_outcomes import Range, near
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_REACHES = (10_000, 2**62)  # how far to look for a neighbour; nearly always the first finds one


def find_gaps(spark: SparkSession, exchange: str, touched: list[Range]) -> tuple[int, int]:
    """Make the view ``ingest_gaps`` of the holes of ``orders`` in and beside ``touched``; nothing is written.

    Returns:
        Number of holes there, and of sequence numbers absent.
    """
    stretches = _with_neighbours(spark, exchange, touched)
    near(spark, exchange, stretches).createOrReplaceTempView("ingest_near")
    spark.createDataFrame(
        stretches, "symbol string, epoch bigint, first_sequence bigint, last_sequence bigint"
    ).createOrReplaceTempView("ingest_stretches")
    gaps = run_sql(spark, "queries/ingest_gaps", exchange=exchange).cache()
    gaps.createOrReplaceTempView("ingest_gaps")
    row = gaps.where("NOT is_stale").selectExpr("count(*)", "coalesce(sum(n_missing), 0)").collect()[0]
    return int(row[0]), int(row[1])


def _with_neighbours(spark: SparkSession, exchange: str, touched: list[Range]) -> list[Range]:
    """Each stretch up to the held events next to it on both sides, where there are any."""
    from pyspark.sql import functions as F

    before: dict[tuple[str, int], int] = {}
    after: dict[tuple[str, int], int] = {}
    for reach in _REACHES:
        sides = [
            side
            for symbol, epoch, first, last in touched
            for side in ((symbol, epoch, max(first - reach, 0), first - 1), (symbol, epoch, last + 1, last + reach))
            if (symbol, epoch) not in (before if side[3] == first - 1 else after)
        ]
        if not sides:
            break
        bounds = spark.createDataFrame(touched, "symbol string, epoch bigint, first bigint, last bigint")
        sequence = F.col("sequence")
        neighbours = (
            near(spark, exchange, sides)
            .join(F.broadcast(bounds), ["symbol", "epoch"])
            .groupBy("symbol", "epoch")
            .agg(
                F.max(F.when(sequence < F.col("first"), sequence)).alias("before"),
                F.min(F.when(sequence > F.col("last"), sequence)).alias("after"),
            )
        )
        for row in neighbours.collect():
            if row.before is not None:
                before[row.symbol, row.epoch] = row.before
            if row.after is not None:
                after[row.symbol, row.epoch] = row.after
    return [
        (symbol, epoch, before.get((symbol, epoch), first), after.get((symbol, epoch), last))
        for symbol, epoch, first, last in touched
    ]
