"""The output of a batch job as a Delta table: all rows in one commit, at most once for one name of a run.

A table that is not there is made first, without files: a run that is killed while it fills it leaves a table that can
be filled, where CREATE TABLE AS would leave files (an empty one for no rows) that no later CREATE TABLE accepts; and an
undo has a version to go back to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.commits import committed, with_retries
from jobs.table_log import Commit, table_log
from models.errors import DataContractError, SafetyError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.runs import Run


def require_free_target(spark: SparkSession, table: str, mode: str, run_ids: set[str]) -> None:
    """Refuse to write where the table is there, nobody said what to do with it, and not these runs have made it.

    Raises:
        SafetyError: it exists and the mode is error.
    """
    if mode == "error" and spark.catalog.tableExists(table) and not _is_made_by(spark, table, run_ids):
        raise SafetyError(f"the table {table} exists: take --mode append or --mode overwrite, or another name")


def commit_of(spark: SparkSession, table: str, application: str, run_ids: set[str]) -> Commit | None:
    """The commit that one of these runs has made; None where none has."""
    try:
        log = table_log(spark, table)
    except DataContractError:
        return None
    if log.transaction(application) < 0:
        return None
    return next((commit for commit in reversed(log.commits(-1)) if commit.run_id in run_ids), None)


def _is_made_by(spark: SparkSession, table: str, run_ids: set[str]) -> bool:
    """Whether nobody but these runs has ever committed to the table."""
    try:
        return {commit.run_id for commit in table_log(spark, table).commits(-1)} <= run_ids
    except DataContractError:  # a view
        return False


def write_table(spark: SparkSession, run: Run, application: str, rows: DataFrame, table: str, mode: str) -> None:
    """Commit the rows; Delta passes over a second write of the same application.

    Raises:
        TryAgainError: other writers came between at each attempt.
    """
    run.begin()
    if not spark.catalog.tableExists(table):
        columns = rows.schema.toNullable()
        with_retries(lambda: spark.catalog.createTable(table, source="delta", schema=columns))
    writer = rows.write.format("delta").mode("overwrite" if mode == "overwrite" else "append")
    writer = writer.option("txnAppId", application).option("txnVersion", 1)
    if mode == "overwrite":
        writer = writer.option("overwriteSchema", "true")
    committed(spark, table, lambda: writer.saveAsTable(table))
