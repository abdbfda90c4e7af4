"""Upkeep of the Delta tables of a schema: small files become large ones, files that no reader needs any longer go.

No row changes: OPTIMIZE writes the same rows into fewer files (by the clustering columns where the table has them),
VACUUM deletes files that only versions older than the retention still name, a checkpoint gathers the log with the
statistics of all files in one file. A table that needs none of it keeps its version: a second call writes nothing.

VACUUM looks at the newest version alone. Where an unfinished run has kept readers at an older one for longer than the
retention, their files would go: such a table is left as it is until its rows are published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.last_good import good_version, publish, published_versions
from jobs.runs import Run, recorded_run
from jobs.table_log import table_log
from jobs.tables import TABLES
from models.errors import DataContractError, NothingToDo, SafetyError
from models.names import near_first
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_RETAIN_HOURS = 168
_FEWEST_FILES = 2
_FEWEST_COMMITS = 8  # behind the checkpoint; Delta itself writes one at each tenth
_FEWEST_FILES_OF_RUNS = 10  # each run that did something adds one: a lower bound would find work for ever


@dataclass(frozen=True)
class Upkeep:
    """One table and what was, or in a dry run would be, done to it; sizes are those of the newest version."""

    table: str
    action: str  # optimize, vacuum, checkpoint, with commas between them, or none
    version_before: int
    version_after: int | None  # None in a dry run where there is something to do, as the next two
    files_before: int
    files_after: int | None
    bytes_before: int
    bytes_after: int | None
    files_removed: int  # from the disk, by VACUUM; a dry run counts to 1,000
    note: str = ""  # why nothing was done to a table that readers see at an old version


def check_retain_hours(hours: int) -> None:
    """Refuse a retention that could take files from under a reader.

    Raises:
        SafetyError: ``hours`` is below 168.
    """
    if hours < LEAST_RETAIN_HOURS:
        raise SafetyError(
            f"--retain-hours {hours} is below {LEAST_RETAIN_HOURS}: queries that still read an older version, time "
            f"travel and the change feed need those files, take {LEAST_RETAIN_HOURS} or more"
        )


def maintain(spark: SparkSession, tables: Sequence[str], retain_hours: int = LEAST_RETAIN_HOURS) -> list[Upkeep]:
    """Maintain the named tables of the current schema, or all its Delta tables; recorded in ``runs`` if one changed.

    Raises:
        SafetyError: the retention is too short.
        DataContractError: there is no such Delta table.
        TryAgainError: another maintain goes on in this schema.
    """
    check_retain_hours(retain_hours)
    chosen = choose_tables(spark, tables)
    with recorded_run(spark, "maintain", " ".join(tables) or "all tables", "") as run:
        done = [_maintain_one(run, table, retain_hours) for table in chosen]
        changed = [one for one in done if one.action != "none"]
        run.is_empty = not changed
        run.inputs = {one.table: one.version_before for one in changed}
        run.tables = [one.table for one in changed]
    return done


def plan_maintenance(
    spark: SparkSession, tables: Sequence[str], retain_hours: int = LEAST_RETAIN_HOURS
) -> list[Upkeep]:
    """What :func:`maintain` would do; nothing is changed. Raises as it does, but for the last."""
    check_retain_hours(retain_hours)
    return [_plan_one(spark, table, retain_hours) for table in choose_tables(spark, tables)]


def refuse_idle(done: Sequence[Upkeep]) -> None:
    """Tell a scheduler that there was nothing to do.

    Raises:
        NothingToDo: no table was changed.
    """
    if all(one.action == "none" for one in done):
        raise NothingToDo("every table is compact and no file has expired")


def choose_tables(spark: SparkSession, names: Sequence[str]) -> list[str]:
    """The named tables, or all Delta tables of the current schema: Foretable's own first.

    Raises:
        DataContractError: there is no such Delta table; names those like it.
    """
    found = {row.tableName for row in spark.sql("SHOW TABLES").collect()}  # tables and views
    known = [name for name in TABLES if name in found]
    known += [name for name in sorted(found - set(TABLES)) if _is_delta(spark, name)]
    wanted = list(dict.fromkeys(name.lower() for name in names))  # a table named twice is maintained once
    for name in wanted:
        if name not in known:
            near = ", ".join(near_first(name, known)[:5])
            raise DataContractError(f"there is no Delta table {name} in this schema: the nearest are {near}")
    return wanted or known


def _maintain_one(run: Run, table: str, retain_hours: int) -> Upkeep:
    spark, plan = run.spark, _plan_one(run.spark, table, retain_hours)
    if plan.action == "none":
        return plan
    run.begin()  # before the first commit: whoever meets it finds who made it, also where this process dies
    delta = _delta_table(spark, table)
    if "optimize" in plan.action:
        delta.optimize().executeCompaction()
    if "vacuum" in plan.action:
        if table in published_versions(spark):  # files of older versions may go now
            publish(spark, {table: good_version(spark, table, run)})
        with _talk_to_stderr(spark):
            delta.vacuum(float(retain_hours))
    is_checkpoint_due = _is_checkpoint_due(spark, table)  # the commits of this upkeep count too
    if is_checkpoint_due:
        table_log(spark, table).checkpoint()
    commits = {row.operation: row.operationMetrics for row in delta.history().where(_is_after(plan)).collect()}
    is_due = {"optimize": "OPTIMIZE" in commits, "checkpoint": is_checkpoint_due, "vacuum": "vacuum" in plan.action}
    n_removed = int(commits.get("VACUUM END", {}).get("numDeletedFiles", plan.files_removed))
    version, n_files, n_bytes = _size(delta)
    return Upkeep(table, _action(is_due), plan.version_before, version, plan.files_before, n_files, plan.bytes_before,
                  n_bytes, n_removed)  # fmt: skip


def _plan_one(spark: SparkSession, table: str, retain_hours: int) -> Upkeep:
    delta = _delta_table(spark, table)
    version, n_files, n_bytes = _size(delta)
    if note := _reason_to_wait(spark, delta, table, retain_hours):
        return Upkeep(table, "none", version, version, n_files, n_files, n_bytes, n_bytes, 0, note)
    n_expired = _count_expired(spark, table, retain_hours)
    fewest = _FEWEST_FILES_OF_RUNS if table == "runs" else _FEWEST_FILES
    is_checkpoint_due = _is_checkpoint_due(spark, table)
    action = _action({"optimize": n_files >= fewest, "checkpoint": is_checkpoint_due, "vacuum": n_expired > 0})
    after = (version, n_files, n_bytes) if action == "none" else (None, None, None)
    return Upkeep(table, action, version, after[0], n_files, after[1], n_bytes, after[2], n_expired)


def _is_checkpoint_due(spark: SparkSession, table: str) -> bool:
    log = table_log(spark, table)
    return log.version - log.checkpoint_version > _FEWEST_COMMITS


def _reason_to_wait(spark: SparkSession, delta: Any, table: str, retain_hours: int) -> str:
    """Why the files of the version that readers see are not safe from VACUUM; empty where they are."""
    from pyspark.sql import functions as F

    if table not in published_versions(spark):
        return ""
    good = good_version(spark, table)
    is_old = F.col("timestamp") < F.current_timestamp() - F.expr(f"INTERVAL {retain_hours:d} HOURS")
    if delta.history().where((F.col("version") > good) & is_old).isEmpty():  # its files went too recently for VACUUM
        return ""
    return f"readers see version {good} for longer than {retain_hours} hours: foretable doctor names the run to finish"


def _action(is_due: Mapping[str, bool]) -> str:
    return ", ".join(step for step, due in is_due.items() if due) or "none"


def _is_after(plan: Upkeep) -> Any:
    from pyspark.sql import functions as F

    return F.col("version") > plan.version_before


def _count_expired(spark: SparkSession, table: str, retain_hours: int) -> int:
    """Files that VACUUM would delete, counted to 1,000; its statement takes no parameters, and only it has DRY RUN."""
    return spark.sql(f"VACUUM {identifier(table)} RETAIN {retain_hours:d} HOURS DRY RUN").count()


def _size(delta: Any) -> tuple[int, int, int]:
    """Version, files and bytes."""
    detail = delta.detail().select("numFiles", "sizeInBytes").first()
    return int(delta.history(1).first().version), int(detail.numFiles), int(detail.sizeInBytes)


def _delta_table(spark: SparkSession, table: str) -> Any:
    from delta.tables import DeltaTable

    return DeltaTable.forName(spark, identifier(table))


def _is_delta(spark: SparkSession, table: str) -> bool:
    from pyspark.errors import AnalysisException

    try:
        _delta_table(spark, table)
    except AnalysisException:
        return False
    return True


@contextmanager
def _talk_to_stderr(spark: SparkSession) -> Iterator[None]:
    """VACUUM prints a sentence on the JVM's standard output, which is ours: there it would stand amid the data."""
    assert spark._jvm is not None
    console = getattr(getattr(spark._jvm.scala, "Console$"), "MODULE$")
    before = console.out()
    console.setOutDirect(spark._jvm.java.lang.System.err)
    try:
        yield
    finally:
        console.setOutDirect(before)
