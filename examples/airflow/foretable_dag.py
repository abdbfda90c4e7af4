"""Two DAGs: a pipeline from files to predictions, one task a step, and the weekly care of its tables.

Airflow and Foretable live in environments of their own; a task starts the program ``foretable``. Set for the workers:

``FORETABLE_PROGRAM``
    The program, absolute. Default: ``foretable`` on the worker's PATH.
``FORETABLE_PIPELINE``
    The pipeline file. Default: ``/srv/foretable/foretable.yml``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator, chain
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

STEPS = {  # step: longest time it may take
    "ingest": timedelta(hours=2),
    "resample": timedelta(hours=1),
    "normalize": timedelta(hours=1),
    "train": timedelta(hours=4),
    "score": timedelta(hours=1),
}
TRY_AGAIN, NOTHING_TO_DO = 75, 99


class ForetableOperator(BaseOperator):
    """Runs one command of Foretable and tells Airflow what its exit code means.

    0 is success and 99, nothing to do, is skipped. 75, another run is at work, is tried again after a delay. Every
    other code fails at once: the same data, configuration or full disk would fail again.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, arguments: Sequence[str], **settings: Any) -> None:
        super().__init__(**settings)
        self.arguments = list(arguments)
        self.hook = SubprocessHook()

    def execute(self, context: Any) -> None:
        """Run the command; its words go to the task's log."""
        program = os.environ.get("FORETABLE_PROGRAM", "foretable")
        pipeline = os.environ.get("FORETABLE_PIPELINE", "/srv/foretable/foretable.yml")
        ended = self.hook.run_command([program, "--config", pipeline, *self.arguments])  # no shell, so no quoting
        if ended.exit_code == NOTHING_TO_DO:
            raise AirflowSkipException(ended.output)
        if ended.exit_code == TRY_AGAIN:
            raise AirflowException(ended.output)
        if ended.exit_code != 0:
            raise AirflowFailException(f"exit code {ended.exit_code}: {ended.output}")

    def on_kill(self) -> None:
        """Stop Spark too; what was published stays, and the next run goes on from there."""
        self.hook.send_sigterm()


def _dag(dag_id: str, schedule: str, description: str) -> DAG:
    return DAG(
        dag_id,
        description=description,
        schedule=schedule,
        start_date=datetime(2024, 1, 1, tzinfo=UTC),
        catchup=False,  # a run takes whatever is new, so missed ones need no making up
        max_active_runs=1,
        default_args={
            "retries": 8,
            "retry_delay": timedelta(minutes=2),
            "max_retry_delay": timedelta(minutes=15),
            "retry_exponential_backoff": True,
            # After a skipped step too: a step may have work left from a run that was cut off.
            "trigger_rule": "none_failed",
        },
        tags=["foretable"],
    )


with _dag("foretable", "0 5 * * 1-6", "From files to a table of predictions") as pipeline_dag:
    chain(
        *(
            ForetableOperator(task_id=step, arguments=[step], execution_timeout=longest)
            for step, longest in STEPS.items()
        )
    )

with _dag("foretable_maintain", "0 3 * * 0", "Compact the tables, delete expired files") as maintain_dag:
    ForetableOperator(task_id="maintain", arguments=["maintain"], execution_timeout=timedelta(hours=4))
