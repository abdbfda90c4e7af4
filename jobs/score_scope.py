"""Which feature rows a scoring run asks the model about: those that changed, and those whose window reaches one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.normalize_rows import ROW_KEY
from jobs.row_changes import row_changes
from jobs.settled_rows import settled
from jobs.table_versions import changed_rows, rows_at


@dataclass(frozen=True)
class FeatureRows:
    """Rows of ``features`` at a version.

    Attributes:
        to_read: Rows with ``is_wanted``: true where an answer is wanted, false where a window needs the row.
        deleted: Keys (ROW_KEY) of the rows that are gone since the last run; None where ``to_read`` holds all rows.
    """

    to_read: DataFrame
    deleted: DataFrame | None


def scope_digest(bar_seconds: int, exchanges: Sequence[str]) -> str:
    """SHA-256 of what a scoring run covers: runs of another scope tell nothing about what this one has scored."""
    return hashlib.sha256(json.dumps([bar_seconds, sorted(exchanges)]).encode()).hexdigest()


def all_rows(spark: SparkSession, version: int, bar_seconds: int, exchanges: Sequence[str]) -> FeatureRows:
    """Every row of a version of ``features``."""
    rows = rows_at(spark, "features", version).where(_in_scope(bar_seconds, exchanges))
    return FeatureRows(rows.withColumn("is_wanted", F.lit(True)), None)


def rows_since(
    spark: SparkSession, after: int, version: int, bar_seconds: int, exchanges: Sequence[str], n_before: int
) -> FeatureRows | None:
    """The rows whose answer may differ from the one at version ``after``; None where there is none.

    Args:
        spark: Session in the schema of ``features``.
        after: The version that was scored.
        version: The version to score.
        bar_seconds: Width of the bars.
        exchanges: Exchanges to score.
        n_before: Rows of a window before the last one; 0 for a model that reads one row. A window without a hole ends
            at most ``n_before`` bars after each of its rows, and one with a hole has no answer.
    """
    changed = _changed(spark, after, version, bar_seconds, exchanges)
    first, last = changed.agg(F.min("bar_start"), F.max("bar_start")).collect()[0]
    if first is None:
        return None
    margin = F.make_dt_interval(secs=F.lit(n_before * bar_seconds))
    near = F.col("bar_start").between(F.lit(first) - margin, F.lit(last) + margin)  # lets Delta skip the other files
    rows = rows_at(spark, "features", version).where(_in_scope(bar_seconds, exchanges) & near)
    offset = F.explode(F.sequence(F.lit(-n_before), F.lit(n_before)))
    reached = changed.select(*ROW_KEY, offset.alias("offset"))
    start = F.col("bar_start") + F.make_dt_interval(secs=F.col("offset") * bar_seconds)
    needed = reached.withColumn("bar_start", start).groupBy(*ROW_KEY).agg(F.max("offset").alias("offset"))
    to_read = rows.join(needed, list(ROW_KEY)).withColumn("is_wanted", F.col("offset") >= 0).drop("offset")
    return FeatureRows(to_read, changed.where("is_deleted").select(*ROW_KEY))


def _changed(spark: SparkSession, after: int, version: int, bar_seconds: int, exchanges: Sequence[str]) -> DataFrame:
    """Keys of the rows whose features are new or other ones than before, and of deleted rows (``is_deleted``).

    New labels leave an answer as it was. The features are compared as text, because the struct may have gained fields.
    """
    scope = _in_scope(bar_seconds, exchanges)
    keys = settled(changed_rows(spark, "features", after, version).where(scope).select(*ROW_KEY).distinct())

    def values(at: int) -> DataFrame:
        rows = rows_at(spark, "features", at).where(scope).join(keys, list(ROW_KEY), "left_semi")
        return rows.select(*ROW_KEY, "available_at", F.to_json("features").alias("features"))

    return settled(row_changes(values(after), values(version), ROW_KEY).rows.select(*ROW_KEY, "is_deleted"))


def _in_scope(bar_seconds: int, exchanges: Sequence[str]) -> Column:
    return (F.col("bar_seconds") == bar_seconds) & F.col("exchange").isin(list(exchanges))
