"""Decide what becomes of each line read: good, own, duplicate, conflict or refused."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from jobs.settled_rows import settled
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

CONTENT = [
    "event",
    "event_time",
    "order_id",
    "side",
    "order_type",
    "price",
    "size",
    "old_size",
    "remaining_size",
    "funds",
    "reason",
    "trade_id",
    "maker_order_id",
    "taker_order_id",
    "snapshot",
]


Range = tuple[str, int, int, int]  # symbol, epoch, first sequence, last sequence
_LAST = 2**63 - 1
_MOST_CONDITIONS = 100  # the optimizer walks them one inside the other: some hundreds are more than its stack holds


def add_outcomes(
    spark: SparkSession, lines: DataFrame, exchange: str, is_numbered: bool, ranges: list[Range]
) -> DataFrame:
    """``lines`` plus ``outcome``, one row a line.

    An exact repetition has the same stored values, and the same sequence where that is what tells events apart
    (``Source.is_numbered``); fields that the table does not keep do not count. Nothing but keys in doubt is compared:
    most runs compare none. ``ranges`` are those of the events, see ``key_ranges``.
    """
    from pyspark.sql import functions as F

    events = lines.where("kind = 'event'")
    events.createOrReplaceTempView("ingest_events")
    # In a log that numbers nothing a line may come again anywhere, also where this file's own lines are damaged.
    reach = ranges if is_numbered else [(symbol, epoch, 0, _LAST) for symbol, epoch, _, _ in ranges]
    near(spark, exchange, reach).createOrReplaceTempView("ingest_range")
    held = run_sql(spark, "queries/ingest_held", exchange=exchange)
    held.createOrReplaceTempView("ingest_held")
    in_doubt = [(["symbol", "epoch", "sequence"], run_sql(spark, "queries/ingest_repeated_keys").cache())]
    if not is_numbered:
        contents = run_sql(spark, "queries/ingest_repeated_contents").cache()
        in_doubt.append((["symbol", "epoch", "content"], contents))
    outcome = F.when(F.col("kind") == "refused", "refused").otherwise("good")
    if all(doubts.isEmpty() for _, doubts in in_doubt):
        return lines.withColumn("outcome", outcome)
    _suspects(events, in_doubt).createOrReplaceTempView("ingest_suspects")
    _suspects(held, in_doubt).createOrReplaceTempView("ingest_held_suspects")
    # Cut off from the table it was compared with: a lost worker must not decide anew after orders was written.
    decided = settled(run_sql(spark, "queries/ingest_outcomes", is_numbered=is_numbered))
    return lines.join(decided, ["file_index", "byte_offset"], "left").withColumn(
        "outcome", F.coalesce(F.col("outcome"), outcome)
    )


def key_ranges(lines: DataFrame) -> list[Range]:
    """Range of the events of each symbol and epoch among ``lines``."""
    from pyspark.sql import functions as F

    events = lines.where("kind = 'event'")
    ranges = events.groupBy("symbol", "epoch").agg(F.min("sequence"), F.max("sequence"))
    return sorted((row[0], row[1], row[2], row[3]) for row in ranges.collect())


def near(spark: SparkSession, exchange: str, ranges: list[Range]) -> DataFrame:
    """Rows of ``orders`` within the ranges; literal bounds, so that Delta opens only the files that may hold them."""
    from pyspark.sql import functions as F

    rows = spark.table("orders").where(F.col("exchange") == exchange).alias("held")
    if len(ranges) <= _MOST_CONDITIONS:
        return rows.where(reduce(or_, map(_is_in, ranges), F.lit(False)))
    bounds = spark.createDataFrame(
        [(symbol, epoch, first, min(last, _LAST)) for symbol, epoch, first, last in ranges],
        "symbol string, epoch bigint, first bigint, last bigint",
    ).alias("wanted")
    is_possible = F.col("symbol").isin(sorted({symbol for symbol, *_ in ranges}))
    is_possible &= F.col("sequence").between(min(r[2] for r in ranges), min(max(r[3] for r in ranges), _LAST))
    same = "held.symbol = wanted.symbol AND held.epoch = wanted.epoch"
    is_in = F.expr(f"{same} AND held.sequence BETWEEN wanted.first AND wanted.last")
    return rows.where(is_possible).join(F.broadcast(bounds), is_in, "left_semi")


def _is_in(wanted: Range) -> Column:
    from pyspark.sql import functions as F

    symbol, epoch, first, last = wanted
    is_it = (F.col("symbol") == symbol) & (F.col("epoch") == epoch)
    return is_it & F.col("sequence").between(first, min(last, _LAST))


def _suspects(rows: DataFrame, in_doubt: list[tuple[list[str], DataFrame]]) -> DataFrame:
    from pyspark.sql import functions as F

    hashed = rows.withColumn("content", F.xxhash64(*CONTENT))
    parts = [hashed.join(doubts, columns, "left_semi") for columns, doubts in in_doubt]
    suspects = parts[0]
    for part in parts[1:]:
        suspects = suspects.unionByName(part)
    return suspects.dropDuplicates(["symbol", "epoch", "sequence", "source_file", "byte_offset", *_place(rows)])


def _place(rows: DataFrame) -> list[str]:
    return ["file_index"] if "file_index" in rows.columns else []
