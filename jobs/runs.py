"""The table ``runs``: what each job run read, wrote and counted, and the publication of what it wrote."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib.metadata
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.clean_stop import stoppable
from jobs.commits import CURRENT_RUN, tagged, with_retries
from jobs.free_space import require_free_space
from jobs.last_good import good_version, has_left, publish, republish
from jobs.local_properties import called_from, local_properties
from jobs.pause_points import reached
from jobs.run_history import newest_number
from jobs.run_lock import only_run, schema_folder
from jobs.run_process import announce, running
from jobs.small_table import SmallTable
from jobs.table_log import table_log
from models.errors import NothingToDo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SET_AT_THE_END = ("inputs", "input_files", "outputs", "before", "timings", "n_read", "n_good", "n_quarantined",
                   "n_duplicate", "n_pending")  # fmt: skip
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
        """Look into ``runs``."""
        newest, self.n_undone = newest_number(self.spark, self.job)
        self.run_number = newest + 1

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
            # Each of Py4J's objects refers to itself, and Python looks for such rings ever more rarely: until it does,
            # Java keeps the plans and rows of the run.
            gc.collect()


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
    is_left = (pc.field("job") == job) & (pc.field("state") == "running")
    killed = {"state": "killed", "message": "the process ended without a word"}
    with_retries(lambda: SmallTable(spark, "runs").change(is_left, killed))
    return republish(spark)


def _store(run: Run, state: str, message: str | None) -> None:
    finished_at = _now()
    if run.run_number is None:
        run.take_number()
        _append(run, state, finished_at, message)
        return
    values = {name: getattr(run, name) for name in _SET_AT_THE_END}
    values |= {"state": state, "finished_at": finished_at, "message": message}
    # a run that its successor took for killed stays killed only until it reports itself
    with_retries(lambda: SmallTable(run.spark, "runs").change(pc.field("run_id") == run.run_id, values))


def _append(run: Run, state: str, finished_at: datetime | None, message: str | None) -> None:
    version = importlib.metadata.version("foretable")
    values = {**vars(run), "state": state, "finished_at": finished_at, "code_version": version, "message": message}
    with_retries(lambda: SmallTable(run.spark, "runs").append(values))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
