"""The table ``runs``: what each job run read, wrote and counted."""

from __future__ import annotations

import importlib.metadata
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.run_lock import only_run
from models.errors import NothingToDo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Run:
    """One run while it goes on; what the job fills in is stored when it ends."""

    job: str
    target: str
    config_digest: str
    run_id: str
    started_at: datetime
    inputs: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)
    n_read: int | None = None
    n_good: int | None = None
    n_quarantined: int | None = None
    n_duplicate: int | None = None
    n_pending: int | None = None
    is_empty: bool = False  # nothing was to do: leaves no row


@contextmanager
def recorded_run(spark: SparkSession, job: str, target: str, config_digest: str) -> Iterator[Run]:
    """Store the run as done when the block ends, as failed when it raises; one with nothing to do leaves no row.

    Raises:
        TryAgainError: another run of this job goes on in this schema.
    """
    started_at = datetime.now(UTC).replace(tzinfo=None)
    run_id = f"{job}_{started_at:%Y%m%d_%H%M%S}_{secrets.token_hex(4)}"
    run = Run(job, target, config_digest, run_id, started_at)
    with only_run(spark, job, run_id):
        try:
            yield run
        except NothingToDo:
            raise  # not a failure, and nothing to record
        except Exception as e:
            _store(spark, run, "failed", " ".join(str(e).split())[:500])
            raise
        if not run.is_empty:
            _store(spark, run, "done", None)


def last_inputs(spark: SparkSession, job: str, target: str, config_digest: str) -> dict[str, int] | None:
    """Delta versions that the newest done run of this job, target and configuration read; None where there is none."""
    from pyspark.sql import functions as F

    is_same = (F.col("job") == job) & (F.col("target") == target) & (F.col("config_digest") == config_digest)
    done = spark.table("runs").where(is_same & (F.col("state") == "done"))
    newest = done.orderBy(F.desc("finished_at")).select("inputs").first()
    return dict(newest.inputs) if newest else None


def _store(spark: SparkSession, run: Run, state: str, message: str | None) -> None:
    finished_at = datetime.now(UTC).replace(tzinfo=None)
    version = importlib.metadata.version("foretable")
    values = {**vars(run), "state": state, "finished_at": finished_at, "code_version": version, "message": message}
    runs = spark.table("runs")
    row = tuple(values[name] for name in runs.columns)
    spark.createDataFrame([row], runs.schema).write.format("delta").mode("append").saveAsTable("runs")
