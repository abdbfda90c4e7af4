"""What earlier processes have done under the name of a batch job: the first is ``name``, the next ``name.2``, …"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import NothingToDo, SafetyError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = "batch_predict"


@dataclass(frozen=True)
class Attempt:
    """An earlier run of the name."""

    run_id: str
    state: str
    config_digest: str


def attempts_of(spark: SparkSession, name: str) -> list[Attempt]:
    """Earlier runs of a name, the first one first."""
    from pyspark.sql import functions as F

    is_attempt = (F.col("run_id") == name) | (
        F.startswith(F.col("run_id"), F.lit(f"{name}."))
        & F.expr("try_cast(substring_index(run_id, '.', -1) AS INT)").isNotNull()
        & (F.length("run_id") - F.length(F.substring_index("run_id", ".", -1)) == len(name) + 1)
    )
    rows = spark.table("runs").where((F.col("job") == JOB) & is_attempt).orderBy("started_at")
    return [Attempt(row.run_id, row.state, row.config_digest) for row in rows.collect()]


def next_run_id(name: str, attempts: list[Attempt]) -> str:
    """Id of the next run of the name: a run has one row in ``runs``, so that its end stays on record."""
    return name if not attempts else f"{name}.{len(attempts) + 1}"


def application_of(name: str, attempts: list[Attempt]) -> str:
    """Name under which Delta remembers that the run has written; once it was undone, it may write again."""
    n_undone = sum(attempt.state == "undone" for attempt in attempts)
    return f"foretable/{JOB}/{name}" + (f"/{n_undone}" if n_undone else "")


def refuse_done(name: str, attempts: list[Attempt], digest: str) -> None:
    """A name stands for one piece of work: it is done once, and never means another.

    Raises:
        NothingToDo: the same is done already.
        SafetyError: something else was done under this name.
    """
    for attempt in attempts:
        if attempt.state == "done":
            if attempt.config_digest == digest:
                raise NothingToDo(f"{name} is done already, with the same input, model and output")
            raise SafetyError(
                f"{name} was done before with another input, model version or output: choose another --name "
                "(runs keeps what each one did)"
            )
