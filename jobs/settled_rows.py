"""Rows that later steps read again and that must then be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def settled(rows: DataFrame) -> DataFrame:
    """``rows``, computed now and cut off from their history.

    On one machine they stay in Spark's own memory and disk. On a cluster an executor may die and take them along, so
    they are written below the home, where every executor can read them (``spark.checkpoint.dir``).
    """
    is_on_cluster = rows.sparkSession.sparkContext.getCheckpointDir() is not None
    return rows.checkpoint() if is_on_cluster else rows.localCheckpoint()
