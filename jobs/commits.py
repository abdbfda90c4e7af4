"""One write of a run to one table: made once, tried again after a conflict, and looked up in the table's history.

A commit carries the id of its run. Where the rows follow from the run's inputs alone, Delta also stores a transaction
(``txnAppId`` names job, target, settings and input tables, ``txnVersion`` adds up the versions of the inputs), so that
a second process with the same inputs cannot write them again. No clock is in it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from jobs.pause_points import reached
from jobs.spark_errors import translate
from jobs.table_log import Commit, TableLog, table_log, tag
from models.errors import SafetyError, TryAgainError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.runs import Run

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.2
CURRENT_RUN: ContextVar[Run | None] = ContextVar("current run", default=None)
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_APPLICATION = "spark.databricks.delta.write.txnAppId"
_NUMBER = "spark.databricks.delta.write.txnVersion"


def committed(
    spark: SparkSession,
    table: str,
    write: Callable[[], object],
    inputs: Mapping[str, int] | None = None,
    rows_digest: str | None = None,
) -> None:
    """Run ``write``, which commits to ``table`` once or, where no row differs, not at all.

    Args:
        spark: Session in the schema of the table.
        table: The table that is written.
        write: The write; safe to run again as long as it has not committed.
        inputs: Table to version from which the rows follow; None where they follow from more than tables.
        rows_digest: Digest of the rows to write; with ``inputs`` the write is made at most once.

    Raises:
        TryAgainError: other writers came between at each attempt, or a later run has written already.
        SafetyError: these inputs were written before, with other rows.
    """
    run = CURRENT_RUN.get()
    if run is None:
        with_retries(write)
        return
    run.begin()
    run.remember(table)
    reached("before_write")
    log, started = table_log(spark, table), time.monotonic()
    transaction = None
    if inputs is not None and rows_digest is not None:
        transaction = (run.application(spark, inputs), sum(inputs.values()))
    if transaction is None or not _is_made(log, table, transaction, rows_digest):
        with _tagged(spark, run.run_id, transaction, rows_digest):
            with_retries(write)
        if transaction is not None:
            _require_commit(spark, table, log.version, run.run_id)
    run.timings[table] = round(run.timings.get(table, 0.0) + time.monotonic() - started, 3)
    reached("after_write")


def with_retries(write: Callable[[], object]) -> None:
    """Run a write, again after a growing random pause where another writer came between.

    Raises:
        TryAgainError: it came between at each of the attempts.
    """
    for attempt in range(ATTEMPTS):
        try:
            write()
            return
        except Exception as e:
            known = translate(e)
            if not isinstance(known, TryAgainError) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))


@contextmanager
def tagged(spark: SparkSession, run_id: str) -> Iterator[None]:
    """Commits within the block carry the id of the run."""
    with _tagged(spark, run_id, None, None):
        yield


def _is_made(log: TableLog, table: str, transaction: tuple[str, int], rows_digest: str | None) -> bool:
    application, number = transaction
    last = log.transaction(application)
    if last < number:
        return False
    if last > number:
        raise TryAgainError(f"a later run has written {table} already: run again, it starts from there")
    made = _commit_of(log, _text(transaction))
    if made is None or made.rows_digest == rows_digest:
        return True
    raise SafetyError(
        f"{table} was written from these very inputs before (version {made.version}, run {made.run_id}), with other "
        "rows: somebody changed the table since, or the code; foretable runs undo takes that run back, --rebuild "
        "writes the rows anew"
    )


def _commit_of(log: TableLog, transaction: str) -> Commit | None:
    return next((commit for commit in reversed(log.commits(-1)) if commit.transaction == transaction), None)


def _require_commit(spark: SparkSession, table: str, after: int, run_id: str) -> None:
    """The write was acknowledged: its commit must be there, else another writer has replaced it."""
    if not any(commit.run_id == run_id for commit in table_log(spark, table).commits(after)):
        raise TryAgainError(
            f"the commit of {run_id} is not in the history of {table}: another program has overwritten it without "
            "Foretable's log store (see foretable doctor); run again"
        )


@contextmanager
def _tagged(
    spark: SparkSession, run_id: str, transaction: tuple[str, int] | None, rows_digest: str | None
) -> Iterator[None]:
    settings = {_METADATA: tag(run_id, _text(transaction) if transaction else None, rows_digest)}
    if transaction is not None:
        settings |= {_APPLICATION: transaction[0], _NUMBER: str(transaction[1])}
    before = {name: spark.conf.get(name, None) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)


def _text(transaction: tuple[str, int]) -> str:
    return f"{transaction[0]} {transaction[1]}"
