"""Rows of a Delta table at a version, and the rows that changed between two versions."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession


def rows_at(spark: SparkSession, table: str, version: int) -> DataFrame:
    """Rows of a table as of a version."""
    return spark.read.option("versionAsOf", version).table(table)


def changed_rows(spark: SparkSession, table: str, after: int, until: int) -> DataFrame:
    """Rows inserted, deleted or updated (before and after) in the versions ``after`` + 1 to ``until``."""
    if after == until:
        return rows_at(spark, table, until).limit(0)
    changes = spark.read.option("readChangeFeed", "true").option("startingVersion", after + 1)
    return (
        changes.option("endingVersion", until).table(table).drop("_change_type", "_commit_version", "_commit_timestamp")
    )


def usable_since(since: Mapping[str, int] | None, inputs: Mapping[str, int]) -> dict[str, int] | None:
    """The versions of an earlier run, or None where they do not precede ``inputs`` (a table was made anew)."""
    if since is None or any(since.get(table, -1) < 0 or since[table] > version for table, version in inputs.items()):
        return None
    return {table: since[table] for table in inputs}
