"""Which rows of a table differ from what they should be: writing only these makes a rerun write nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.commits import committed
from jobs.settled_rows import settled
from jobs.tables import run_sql


@dataclass(frozen=True)
class RowChanges:
    """Rows to insert, update or delete (``is_deleted``); ``are_new`` where the table has no row of their keys."""

    rows: DataFrame
    are_new: bool

    def settled(self) -> RowChanges:
        """The same, computed now."""
        return replace(self, rows=settled(self.rows))


def row_changes(held: DataFrame, wanted: DataFrame, key: Sequence[str]) -> RowChanges:
    """What to insert, update or delete so that ``held`` becomes ``wanted``.

    Args:
        held: Rows of the table now, ``key`` unique.
        wanted: Rows that should be there, with the columns of ``held``, ``key`` unique.
        key: Columns that name a row; none is NULL.

    Returns:
        The differing rows of ``wanted``, and those of ``held`` that it lacks. NULL equals NULL.
    """
    if held.isEmpty():  # nothing to compare, and nothing to look for in the table
        return RowChanges(wanted.select(*held.columns, F.lit(False).alias("is_deleted")), are_new=True)
    values = [name for name in held.columns if name not in key]
    old = held.select(*key, F.struct(*values).alias("_old"))
    new = wanted.select(*key, F.struct(*values).alias("_new"))
    differing = (
        old.join(new, on=list(key), how="full_outer")
        .where(~F.col("_old").eqNullSafe(F.col("_new")))
        .withColumn("is_deleted", F.col("_new").isNull())
        .withColumn("_row", F.coalesce("_new", "_old"))
        .select(*key, *[F.col("_row")[name].alias(name) for name in values], "is_deleted")
    )
    return RowChanges(differing, are_new=False)


def merge_changes(
    spark: SparkSession, table: str, changes: RowChanges, inputs: Mapping[str, int], rows_digest: str
) -> None:
    """Apply what :func:`row_changes` found, settled, in one commit: ``sql/merge/<table>.sql`` reads it as a view.

    New rows are appended: a merge would look for them in the whole table. The view of ``bars`` is ``bar_changes``, and
    so on; inputs and digest are those of :func:`jobs.commits.committed`.
    """
    if changes.are_new:
        rows = changes.rows.select(*spark.table(table).columns).write.format("delta").mode("append")
        committed(spark, table, lambda: rows.saveAsTable(table), inputs, rows_digest)
        return
    view = f"{table.removesuffix('s')}_changes"
    changes.rows.createOrReplaceTempView(view)
    committed(spark, table, lambda: run_sql(spark, f"merge/{table}"), inputs, rows_digest)
    spark.catalog.dropTempView(view)


def digest_of_rows(rows: DataFrame) -> Column:
    """Aggregate: a number that the rows of a group have in common with any other order of them, and with no others."""
    return F.sum(F.xxhash64(*rows.columns).cast("decimal(20,0)")).cast("string")


def joined_digest(parts: Sequence[object]) -> str:
    """Digest of several digests, counts or names, in their order."""
    return hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:16]
