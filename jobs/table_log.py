"""The log of a Delta table: its newest version, and which run made which commit. No Spark job runs for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.errors import DataContractError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Commit:
    """One version of a table."""

    version: int
    operation: str
    run_id: str | None = None  # of Foretable; None where someone else wrote, or nothing is known any more
    transaction: str | None = None  # application and number of the write, see jobs/commits.py
    rows_digest: str | None = None  # of the rows that were written


class TableLog:
    """A table of the current schema as of the moment it was asked for."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.version = int(log.version())
        self.table_id = str(log.id())

    def transaction(self, application: str) -> int:
        """The number of the application's last write; -1 where there is none."""
        return int(self._log.transaction(application))

    @property
    def checkpoint_version(self) -> int:
        """The version that a checkpoint holds as a whole, so that a reader needs no older log file; -1 without one."""
        return int(self._log.checkpointVersion())

    def checkpoint(self) -> None:
        """Write the newest version, with the statistics of its files, into one file of the log."""
        self._log.checkpoint()

    def commits(self, after: int) -> list[Commit]:
        """The commits after a version, oldest first."""
        return [_commit(line) for line in self._log.commits(after)]


def table_log(spark: SparkSession, table: str) -> TableLog:
    """The log of a table of the current schema.

    Raises:
        DataContractError: there is no such Delta table.
    """
    return TableLog(open_log(spark, "TableLog", table))


def open_log(spark: SparkSession, kind: str, table: str) -> Any:
    """An object of ``sql/extension/<kind>.java`` on the newest version of a table of the current schema.

    Raises:
        DataContractError: there is no such Delta table.
    """
    from pyspark.errors import AnalysisException

    assert spark._jvm is not None
    try:
        kinds = getattr(spark._jvm, f"foretable.{kind}")
        return kinds.of(spark._jsparkSession, spark.catalog.currentDatabase(), table)
    except AnalysisException as e:
        if str(e).startswith("[FORETABLE"):  # a sentence of ours
            raise
        raise DataContractError(f"there is no Delta table {table}: SHOW TABLES lists what is there") from e


def tag(run_id: str, transaction: str | None = None, rows_digest: str | None = None) -> str:
    """What a commit of a run says of itself in the table's history."""
    facts = {"foretable_run": run_id, "transaction": transaction, "rows_digest": rows_digest}
    return json.dumps({name: value for name, value in facts.items() if value is not None})


def _commit(line: str) -> Commit:
    version, operation, text = line.split("\t", 2)
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):  # a user's own words
        return Commit(int(version), operation)
    return Commit(
        int(version), operation, facts.get("foretable_run"), facts.get("transaction"), facts.get("rows_digest")
    )
