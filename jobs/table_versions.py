"""Rows of a Delta table at a version, and the rows that changed between two versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


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


def plain_files(spark: SparkSession, table: str, rows: DataFrame) -> list[str] | None:
    """Paths of the Parquet files that hold all ``rows`` of a Delta table at a version, and nothing else.

    None where files are not the whole truth (tables with deletion vectors or renamed columns ask for a newer reader
    than Delta's first), or lie elsewhere than on a file system of this machine.
    """
    (detail,) = DeltaTable.forName(spark, table).detail().select("minReaderVersion").collect()
    if detail.minReaderVersion != 1:
        return None
    # Addresses as Hadoop's Path prints them: nothing is encoded, a blank is a blank and %20 is %20.
    addresses = [address.partition(":") for address in rows.inputFiles()]
    if any(scheme != "file" or path.startswith("//") for scheme, _, path in addresses):
        return None
    return [path for _, _, path in addresses]


def usable_since(
    spark: SparkSession, since: Mapping[str, int] | None, inputs: Mapping[str, int]
) -> dict[str, int] | None:
    """The versions of an earlier run; None where what has changed since can no longer be told.

    That is where a table was made anew, its log has been cut, or VACUUM has deleted files that the change feed names.
    """
    if since is None or any(since.get(table, -1) < 0 or since[table] > version for table, version in inputs.items()):
        return None
    if not all(_is_readable_since(spark, table, since[table], version) for table, version in inputs.items()):
        return None
    return {table: since[table] for table in inputs}


def _is_readable_since(spark: SparkSession, table: str, after: int, until: int) -> bool:
    """Whether the rows of version ``after`` and the changes up to ``until`` are all still there.

    VACUUM deletes a file once it was out of the newest version for longer than the retention: none of those can have
    left before the first commit after ``after``.
    """
    if after == until:
        return True
    history = DeltaTable.forName(spark, table).history().where(F.col("version") > after)
    commits = {
        row.version: row for row in history.select("version", "timestamp", "operation", "operationParameters").collect()
    }
    if after + 1 not in commits:
        return False
    since = commits[after + 1].timestamp
    return not any(
        row.operation == "VACUUM START" and row.timestamp - since >= _retention(row.operationParameters)
        for row in commits.values()
    )


def _retention(parameters: Mapping[str, str]) -> timedelta:
    """For how long a VACUUM has kept files."""
    millis = parameters.get("specifiedRetentionMillis") or parameters.get("defaultRetentionMillis") or 0
    return timedelta(milliseconds=int(millis))
