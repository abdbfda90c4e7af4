"""Take a run back: its tables return to what they held before it, and so does what readers see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from jobs.commits import committed, with_retries
from jobs.run_lock import only_run
from jobs.runs import recorded_run, settle_killed
from jobs.small_table import SmallTable
from jobs.table_log import Commit, table_log
from jobs.tables import TABLES
from models.errors import DataContractError, NothingToDo, SafetyError, UsageError
from models.names import near_first
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_KEEPS_ROWS = ("maintain",)  # jobs whose commits change files, no rows


def undo_run(spark: SparkSession, run_id: str, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Restore the tables that a run wrote; one row a table.

    Delta's RESTORE names the old files again: no row is copied, and the undone version stays in the history. What other
    jobs computed from the run is not touched: their next run finds the change and follows. Safe to run again.

    Raises:
        UsageError: there is no such run.
        NothingToDo: it was undone before.
        SafetyError: it did not end well, wrote no table, or somebody has changed its tables since.
        DataContractError: the files of the old version were deleted.
        TryAgainError: a run of this job goes on.
    """
    row = _done_run(spark, run_id)
    before = plan_undo(spark, run_id)
    with (
        recorded_run(spark, "undo", run_id, "") as undo,
        only_run(spark, row.job, undo.run_id) as was_killed,
    ):
        if was_killed:
            settle_killed(spark, row.job)
        undo.begin()
        undo.inputs = {table: table_log(spark, table).version for table in before}
        for table, version in before.items():
            say(f"restoring {table} to version {version} …")
            if _restored_version(spark, run_id, table, version) is None:
                committed(spark, table, partial(_restore, spark, table, version))
            undo.outputs[table] = _restored_version(spark, run_id, table, version) or version
        with_retries(lambda: SmallTable(spark, "runs").change(pc.field("run_id") == run_id, {"state": "undone"}))
    return [
        {"table": table, "undone_version": undo.inputs[table], "content_of_version": version,
         "version": undo.outputs[table]}
        for table, version in before.items()
    ]  # fmt: skip


def plan_undo(spark: SparkSession, run_id: str) -> dict[str, int]:
    """Table to the version whose content an undo brings back, in the order of restoring. Raises as :func:`undo_run`."""
    row = _done_run(spark, run_id)
    before = dict(row.before or {})
    if not before:
        raise SafetyError(
            f"{run_id} wrote no table: a model goes back with foretable models promote NAME/VERSION, and nothing else "
            f"is left of a {row.job}"
        )
    for table, version in before.items():
        _refuse_later_commits(spark, row, table, version)
    # as a run writes them, from the last one back: what was accounted for last is forgotten first
    order = {table: place for place, table in enumerate(("ingested_files", *reversed(TABLES)))}
    return dict(sorted(before.items(), key=lambda item: order.get(item[0], -1)))


def _done_run(spark: SparkSession, run_id: str) -> Any:
    runs = spark.table("runs")
    row = runs.where(runs.run_id == run_id).first()
    if row is None:
        known = [one.run_id for one in runs.where("state = 'done'").select("run_id").collect()]
        near = ", ".join(near_first(run_id, known)[:3])
        raise UsageError(f"there is no run {run_id}" + (f": the nearest are {near}" if near else ": foretable runs"))
    if row.state == "undone":
        raise NothingToDo(f"{run_id} was undone before")
    if row.state != "done":
        raise SafetyError(
            f"{run_id} is {row.state} and has published nothing: run foretable {row.job} again, it cleans up after it"
        )
    return row


def _refuse_later_commits(spark: SparkSession, row: Any, table: str, version: int) -> None:
    commits = table_log(spark, table).commits(version)
    makers = _makers(spark, commits)
    for commit in commits:
        maker = makers.get(commit.run_id) if commit.run_id else None
        if maker is None:
            raise SafetyError(
                f"{table} was changed by somebody else ({commit.operation}, version {commit.version}): an undo of "
                f"{row.run_id} would take that back too; to do so, RESTORE TABLE {identifier(table)} TO VERSION AS OF "
                f"{version}"
            )
        is_part = maker.run_id == row.run_id or (maker.job == "undo" and maker.target == row.run_id)
        is_void = maker.job == row.job and maker.state in ("failed", "cancelled", "killed", "undone")
        was_taken_back = maker.job == "undo" and makers.get(maker.target) is not None
        if not (is_part or is_void or was_taken_back or maker.job in _KEEPS_ROWS):
            raise SafetyError(f"{table} was written again by {maker.run_id}: undo that run first")


def _makers(spark: SparkSession, commits: list[Commit]) -> Mapping[str, Any]:
    from pyspark.sql import functions as F

    names = sorted({commit.run_id for commit in commits if commit.run_id})
    rows = spark.table("runs").where(F.col("run_id").isin(names)).select("run_id", "job", "target", "state")
    return {row.run_id: row for row in rows.collect()}


def _restored_version(spark: SparkSession, run_id: str, table: str, version: int) -> int | None:
    """The commit of an undo of this run, this one or an earlier one that was killed; None where there is none yet."""
    commits = table_log(spark, table).commits(version)
    makers = _makers(spark, commits)
    for commit in reversed(commits):
        maker = makers.get(commit.run_id or "")
        if maker is not None and maker.job == "undo" and maker.target == run_id:
            return commit.version
    return None


def _restore(spark: SparkSession, table: str, version: int) -> None:
    from delta.tables import DeltaTable
    from pyspark.errors import PySparkException

    spark.table(table)  # adopts a table that another process made
    try:
        DeltaTable.forName(spark, identifier(table)).restoreToVersion(version)
    except PySparkException as e:
        if "missing" not in str(e).lower() and "does not exist" not in str(e).lower():
            raise
        raise DataContractError(
            f"{table} cannot go back to version {version}: its files were deleted (foretable maintain keeps them for "
            "168 hours)"
        ) from e
