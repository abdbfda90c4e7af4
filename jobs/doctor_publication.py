"""The checks of ``foretable doctor`` about runs that broke off, and about what readers are shown."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.doctor import Finding
from jobs.last_good import good_version, published_versions
from jobs.table_log import table_log
from jobs.tables import PUBLISHED
from models.errors import DataContractError, ForetableError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def check_unfinished_runs(spark: SparkSession, schema_folder: Path) -> Iterator[Finding]:
    """Runs that stand in ``runs`` as running while nobody holds the place of their job: their process was killed."""
    for row in spark.table("runs").where("state = 'running'").orderBy("run_number").collect():
        if not _is_held(schema_folder / "_locks" / f"{row.job}.lock"):
            what = f"{row.job}, begun at {row.started_at:%Y-%m-%d %H:%M} UTC, ended without a word"
            yield Finding("run", "warning", row.run_id, what, f"{_command(row)}: it cleans up and does the work again")


def check_publication(spark: SparkSession) -> Iterator[Finding]:
    """Published versions that cannot be read, and rows that no reader sees since a run broke off."""
    try:
        published = published_versions(spark)
    except Exception as e:
        remedy = "delete _last_good.json in the folder of the schema, then foretable run --check-all"
        yield Finding("publication", "error", "_last_good.json", f"it cannot be read ({_first_line(e)})", remedy)
        return
    for table in (*PUBLISHED, *sorted(set(published) - set(PUBLISHED))):
        yield from _examine(spark, table, published.get(table))


def _examine(spark: SparkSession, table: str, version: int | None) -> Iterator[Finding]:
    try:
        newest = table_log(spark, table).version
    except DataContractError:
        if version is not None and table not in PUBLISHED:  # a missing table of ours is a finding of check_tables
            yield Finding("publication", "info", table, "it was published and is gone", "nothing, if you dropped it")
        return
    if version is not None and version <= newest and (fault := _fault(spark, table, version)):
        what = f"version {version}, which readers are shown, cannot be read ({fault})"
        remedy = f"restore the folder of {table} from a copy, or foretable run: its next run publishes a newer version"
        yield Finding("publication", "error", table, what, remedy)
    good = good_version(spark, table)
    if good < newest and (maker := _maker(spark, table, good)) is not None:
        what = f"readers see version {good} of {newest}: {maker.run_id}, which wrote the next one, is {maker.state}"
        yield Finding("publication", "warning", table, what, f"{_command(maker)}: it finishes what that run began")


def _fault(spark: SparkSession, table: str, version: int) -> str | None:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        spark.read.option("versionAsOf", version).table(table).limit(1).collect()
    except (PySparkException, Py4JJavaError) as e:
        return _first_line(e)
    return None


def _maker(spark: SparkSession, table: str, good: int) -> Any:
    """The row of the run whose commit is the first that is not shown."""
    from pyspark.sql import functions as F

    commits = table_log(spark, table).commits(good)
    if not commits:
        return None
    return spark.table("runs").where(F.col("run_id") == F.lit(commits[0].run_id)).first()


def _command(run: Any) -> str:
    """What finishes the work of a run."""
    if run.job == "undo":
        return f"foretable runs undo {run.target}"
    if run.job == "replay":
        return "foretable quarantine replay"
    return f"foretable {run.job.replace('_', '-')}"


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as place:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _first_line(e: Exception) -> str:
    text = str(e) if isinstance(e, ForetableError) else " ".join(str(e).split())
    return text[:160]
