"""What readers may see: the version of each table that a finished run has published last.

The file ``_last_good.json`` of a schema names them and is replaced in one step, after the run is recorded as done:
``published_bars`` is ``bars`` at that version, and a query over several such views sees one publication.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs.file_lock import locked
from jobs.run_history import finished_among, newest_outputs
from jobs.run_lock import schema_folder
from jobs.table_log import Commit, table_log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.runs import Run


KEEPS_ROWS = ("OPTIMIZE", "VACUUM START", "VACUUM END")  # operations that a reader of rows need not wait for


def published_versions(spark: SparkSession) -> dict[str, int]:
    """Table to published version; a table of which nothing was published yet is absent."""
    assert spark._jvm is not None
    text = spark._jvm.foretable.LastGood.read(spark._jsparkSession, spark.catalog.currentDatabase())
    return {table: int(version) for table, version in json.loads(text).items()}


def good_version(spark: SparkSession, table: str, run: Run | None = None) -> int:
    """The newest version of a table that holds nothing of an unfinished run.

    That is what was published last, and what others than our jobs have committed since, for example an INSERT in a
    shell. For ``run``, itself and the earlier runs of its job count as finished: a run that ends well accounts for what
    killed ones before it left. Of an ingest only those of the same source do, for the other sources' files stay half
    read until their own next run.

    Raises:
        DataContractError: there is no such table.
    """
    log = table_log(spark, table)
    good = published_versions(spark).get(table, -1)
    if good > log.version:  # another table of this name
        good = -1
    if good == log.version:
        return good
    commits = log.commits(good)
    finished = _finished_runs(spark, commits, run)
    for commit in commits:
        if commit.run_id is not None and commit.run_id not in finished and commit.operation not in KEEPS_ROWS:
            break
        good = commit.version
    return max(good, 0)


def _finished_runs(spark: SparkSession, commits: list[Commit], run: Run | None) -> set[str]:
    own = set() if run is None else {run.run_id}
    others = {commit.run_id for commit in commits if commit.run_id is not None} - own
    if not others:
        return own
    job, target = (None, None) if run is None else (run.job, run.target)
    return own | finished_among(spark, others, job, target)


def has_left(spark: SparkSession, run: Run) -> bool:
    """Whether earlier runs of the job have written what nobody published: a run that finds nothing to add does it."""
    return any(good_version(spark, table, run) > good_version(spark, table) for table in run.tables)


def publish(spark: SparkSession, versions: Mapping[str, int]) -> bool:
    """Let readers see these versions, whether any is new to them; a table never goes back to an older one."""
    if not versions:
        return False
    with _alone(spark):
        held = published_versions(spark)
        newer = {table: version for table, version in versions.items() if _is_newer(spark, table, version, held)}
        if newer:
            _write(spark, {**held, **newer})
        return bool(newer)


def republish(spark: SparkSession) -> bool:
    """Publish what the table ``runs`` says: for a run that was killed after it was recorded as done. Whether it did."""
    return publish(spark, newest_outputs(spark))


def _is_newer(spark: SparkSession, table: str, version: int, held: Mapping[str, int]) -> bool:
    known = held.get(table, -1)
    return version > known or (version < known and known > table_log(spark, table).version)


def _write(spark: SparkSession, versions: Mapping[str, int]) -> None:
    assert spark._jvm is not None
    schema = spark.catalog.currentDatabase()
    spark._jvm.foretable.LastGood.write(spark._jsparkSession, schema, json.dumps(dict(sorted(versions.items()))))


@contextmanager
def _alone(spark: SparkSession) -> Iterator[None]:
    folder = schema_folder(spark)
    if folder is None:
        yield
        return
    with locked(folder / "_locks" / "last_good.lock", "warehouse"):
        yield
