"""Decide what becomes of each line read: good, own, duplicate, conflict or refused."""

from __future__ import annotations

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

    is_near: Column = F.lit(False)
    for symbol, epoch, first, last in ranges:
        is_near |= (
            (F.col("symbol") == symbol) & (F.col("epoch") == epoch) & F.col("sequence").between(first, min(last, _LAST))
        )
    return spark.table("orders").where((F.col("exchange") == exchange) & is_near)


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
