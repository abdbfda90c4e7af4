"""The table ``runs``: what each job run read, wrote and counted, and the publication of what it wrote."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.clean_stop import stoppable
from jobs.commits import CURRENT_RUN, tagged, with_retries
from jobs.free_space import require_free_space
from jobs.last_good import good_version, has_left, publish, republish
from jobs.local_properties import called_from, local_properties
from jobs.pause_points import reached
from jobs.run_lock import only_run, schema_folder
from jobs.run_process import announce, running
from jobs.table_log import table_log
from jobs.tables import run_sql
from models.errors import NothingToDo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RUNS_OF_PROCESS: set[str] = set()  # ids: tells the commits of this process from those of others


@dataclass
class Run:
    """One run while it goes on; what the job fills in is stored when it ends."""

    spark: SparkSession
    job: str
    target: str
    config_digest: str
    run_id: str
    started_at: datetime
    tables: Sequence[str] = ()  # what the job may write: published when it is done
    run_number: int | None = None  # counts the runs that had something to do; set when the run begins
    n_undone: int = 0  # runs of this job that were undone before; none is while this one goes on
    inputs: Mapping[str, int] = field(default_factory=dict)
    input_files: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    n_read: int | None = None
    n_good: int | None = None
    n_quarantined: int | None = None
    n_duplicate: int | None = None
    n_pending: int | None = None
    is_empty: bool = False  # nothing was to do: leaves no row
    took_over: bool = False  # it had nothing to add, but published what an earlier run had written and not published
    is_rebuild: bool = False  # asked for by hand: rows may be written again from the same inputs

    def begin(self) -> None:
        """Something is to be done: from here on the run stands in ``runs``, as running."""
        if self.run_number is None:
            self.take_number()
            _append(self, "running", None, None)

    def remember(self, table: str) -> None:
        """Keep the version to which an undo goes back: the last good one before the first write of this run."""
        if table not in self.before:
            self.before[table] = good_version(self.spark, table, self)

    def take_number(self) -> None:
        """Look into ``runs`` once, before the run's own row makes a new version of it: that costs a second to read."""
        from pyspark.sql import functions as F

        is_undone = _is("state", "undone") & _is("job", self.job)
        found = self.spark.table("runs").agg(F.max("run_number").alias("newest"), F.count_if(is_undone).alias("undone"))
        (row,) = found.collect()
        self.run_number, self.n_undone = (row.newest or 0) + 1, row.undone

    def application(self, spark: SparkSession, inputs: Mapping[str, int]) -> str:
        """Name under which Delta counts the writes of this job with these settings, from these very tables."""
        again = self.run_id if self.is_rebuild else self.n_undone
        ids = {table: table_log(spark, table).table_id for table in sorted(inputs)}
        facts = json.dumps([self.target, self.config_digest, ids, again])
        return f"foretable/{self.job}/{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


@contextmanager
def recorded_run(
    spark: SparkSession,
    job: str,
    target: str,
    config_digest: str,
    run_id: str | None = None,
    tables: Sequence[str] = (),
) -> Iterator[Run]:
    """Store the run as done when the block ends and publish ``tables``; as failed or cancelled when it raises.

    Data come first, then the row of the run, then the publication: a process that is killed in between leaves what
    readers saw before, and the next run of the job cleans up after it. A run with nothing to do leaves no row, unless
    a killed one had written all and not published it: it does so, and as that is something done, a NothingToDo of the
    block ends here.
    SIGTERM and Ctrl-C end it as cancelled, up to its last writes; those come to their end.

    Raises:
        TryAgainError: another run of this job goes on in this schema.
        StorageError: the disk is nearly full.
        Stopped: somebody asked to stop.
    """
    started_at = _now()
    run_id = run_id or f"{job}_{started_at:%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"
    run = Run(spark, job, target, config_digest, run_id, started_at, tables)
    with (
        stoppable(spark) as stop,
        stop.shielded(),
        local_properties(spark, called_from(f"foretable {job}", run_id)),
        only_run(spark, job, run_id) as was_killed,
        _announced(spark, run_id),
    ):
        require_free_space(spark)
        if was_killed:
            run.took_over = settle_killed(spark, job)
        reached("locked")
        RUNS_OF_PROCESS.add(run_id)
        current, is_finished = CURRENT_RUN.set(run), False
        try:
            with tagged(spark, run_id), stop.exposed():
                yield run
            if not run.is_empty:
                _finish(run)
            else:
                _take_over(run)
            is_finished = True
        except NothingToDo:  # not a failure, and nothing to record but what a killed run had no time to
            _take_over(run)
            if not run.took_over:
                raise
        except BaseException as e:
            why = stop.reason or e  # a cancelled Spark job is not what went wrong
            state = "failed" if isinstance(why, Exception) else "cancelled"
            with contextlib.suppress(Exception):  # what went wrong first is what the user must see
                if not is_finished:
                    _store(run, state, " ".join(str(why).split())[:500] or type(why).__name__)
            raise
        finally:
            CURRENT_RUN.reset(current)


@contextmanager
def _announced(spark: SparkSession, run_id: str) -> Iterator[None]:
    """Let ``foretable runs cancel`` find the run, on the machine of a local warehouse."""
    schema = schema_folder(spark)
    if schema is None:
        yield
        return
    home = schema.parent.parent
    known = running(home, run_id)
    if known is not None and known.pid == os.getpid():  # its job has told so itself
        yield
        return
    with announce(home, run_id):
        yield


def last_inputs(spark: SparkSession, job: str, target: str, config_digest: str) -> dict[str, int] | None:
    """Delta versions that the newest done run of this job, target and configuration read.

    None where there is none, or where a run with other settings came after it: the rows of the target may be those.
    """
    from pyspark.sql import functions as F

    if is_overtaken(spark, job, target, config_digest):
        return None
    is_same = _is("job", job) & _is("target", target) & _is("config_digest", config_digest)
    done = spark.table("runs").where(is_same & (F.col("state") == "done"))
    newest = done.orderBy(F.desc_nulls_last("run_number"), F.desc("finished_at")).select("inputs").first()
    return dict(newest.inputs) if newest else None


def is_overtaken(spark: SparkSession, job: str, target: str, config_digest: str) -> bool:
    """Whether a run of this job and target with other settings came after the last done one with these.

    However it ended it may have written rows, which only a rebuild brings back.
    """
    from pyspark.sql import functions as F

    is_same, number = _is("config_digest", config_digest), F.col("run_number")
    standing = spark.table("runs").where(_is("job", job) & _is("target", target) & (F.col("state") != "undone"))
    mine = F.max(F.when(is_same & (F.col("state") == "done"), number))
    others = F.max(F.when(~is_same, number))
    return bool(standing.agg(F.coalesce(others > F.coalesce(mine, F.lit(0)), F.lit(False))).collect()[0][0])


def _is(column: str, value: str) -> Any:
    from pyspark.sql import functions as F

    return F.col(column) == F.lit(value)


def _take_over(run: Run) -> None:
    if has_left(run.spark, run):
        _finish(run)
        run.took_over = True


def _finish(run: Run) -> None:
    run.outputs = {**run.outputs, **{table: good_version(run.spark, table, run) for table in run.tables}}
    reached("before_publish")
    _store(run, "done", None)
    publish(run.spark, {**_good_inputs(run), **run.outputs})


def _good_inputs(run: Run) -> dict[str, int]:
    """What a run has read of finished work is good to see: an INSERT from a shell becomes visible with its bars."""
    return {table: version for table, version in run.inputs.items() if version <= good_version(run.spark, table)}


def settle_killed(spark: SparkSession, job: str) -> bool:
    """Note that the runs of this job which are said to be running were killed: their place was free.

    Whether one of them had come to its end but for its publication, which is made up for.
    """
    with_retries(lambda: run_sql(spark, "merge/killed_runs", job=job))
    return republish(spark)


def _store(run: Run, state: str, message: str | None) -> None:
    finished_at = _now()
    if run.run_number is None:
        run.take_number()
        _append(run, state, finished_at, message)
        return
    maps = {
        name: json.dumps(dict(getattr(run, name))) for name in ("inputs", "input_files", "outputs", "before", "timings")
    }
    counts = {name: getattr(run, name) for name in ("n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending")}
    end = {"run_id": run.run_id, "state": state, "finished_at": finished_at, "message": message}
    with_retries(lambda: run_sql(run.spark, "merge/finished_run", **end, **maps, **counts))


def _append(run: Run, state: str, finished_at: datetime | None, message: str | None) -> None:
    version = importlib.metadata.version("foretable")
    values = {**vars(run), "state": state, "finished_at": finished_at, "code_version": version, "message": message}
    runs = run.spark.table("runs")
    row = tuple(values[name] for name in runs.columns)
    rows = run.spark.createDataFrame([row], runs.schema)
    with_retries(lambda: rows.write.format("delta").mode("append").saveAsTable("runs"))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
