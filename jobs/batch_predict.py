"""Scoring as a batch job: rows of a table, a query or files, with a model's answers, into a table or files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.batch_answers import answered
from jobs.batch_input import BatchInput, measured, open_input
from jobs.batch_log import JobLog, new_name, open_log, settings_text
from jobs.batch_past import JOB, Attempt, attempts_of, next_run_id, refuse_done
from jobs.batch_request import BatchRequest
from jobs.batch_write import folder_writer, require_all, table_writer
from jobs.clean_stop import stoppable
from jobs.run_process import announce
from jobs.runs import recorded_run
from jobs.stop_request import StopRequest
from models.model_version import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.app import App


@dataclass(frozen=True)
class Batch:
    """A batch job that is ready to run."""

    name: str
    run_id: str
    request: BatchRequest
    model: ModelVersion
    source: BatchInput
    answers: DataFrame
    digest: str
    attempts: list[Attempt]

    @property
    def earlier(self) -> dict[str, str]:
        """Earlier runs of the name whose output counts, and the digest of what they were asked for."""
        return {attempt.run_id: attempt.config_digest for attempt in self.attempts if attempt.state != "undone"}


def predict_batch(app: App, request: BatchRequest) -> dict[str, Any]:
    """Run a batch job to its end and tell what it did.

    Every row of the input is a row of the output, with a status; nothing of the output is seen before all of it is.

    Raises:
        UsageError, DataContractError, ModelContractError: input, model and output do not go together.
        NothingToDo: the run of this name is done already.
        SafetyError: its name means other work, or the output is there.
        TryAgainError: it, or another batch job of this schema, is running.
        Stopped: somebody asked to stop; the state of the run says whether it had come to its end.
    """
    request.check()
    model = app.registry.resolve(request.model)
    home = app.config.home
    name = request.name or new_name(home, datetime.now(UTC))
    log = open_log(home, name, app.say)
    with announce(home, name), _logged(log):
        log.note(f"{name}: {settings_text(asdict(request))}")
        log.say(f"{name}: {model.name}/{model.version}, log in {log.file}")
        spark = app.session()
        with stoppable(spark) as stop:
            with log.step("reading what the input is"):
                batch = prepare(app, request, model, name)
            log.say(f"{batch.source.description}, {_number(batch.source.n_rows)} rows, into {request.target}")
            refuse_done(name, batch.attempts, batch.digest)
            return _run(app, batch, log, stop)


def prepare(app: App, request: BatchRequest, model: ModelVersion, name: str) -> Batch:
    """Plan a job: the input is opened, the features are bound; nothing is scored.

    Raises:
        UsageError, DataContractError, ModelContractError: input, model and output do not go together.
    """
    spark = app.session()
    source = open_input(spark, request, model)
    rows = source.rows if request.parallelism is None else source.rows.repartition(request.parallelism)
    answers = answered(spark, rows, model, request.keep)
    source = measured(source)
    digest = request.digest(model.digest, source.names(request.query))
    attempts = attempts_of(spark, name)
    return Batch(name, next_run_id(name, attempts), request, model, source, answers, digest, attempts)


def describe(batch: Batch) -> dict[str, Any]:
    """What a job would do, for --dry-run."""
    return {
        "model": f"{batch.model.name}/{batch.model.version}",
        "digest": batch.model.digest[:12],
        "input": batch.source.description,
        "rows": batch.source.n_rows,
        "input_columns": ", ".join(batch.source.rows.columns[:-1]),
        "output": batch.request.target,
        "output_columns": ", ".join(batch.answers.columns[:-1]),
        "mode": batch.request.mode,
    }


def _run(app: App, batch: Batch, log: JobLog, stop: StopRequest) -> dict[str, Any]:
    spark, request = app.session(), batch.request
    tables = (request.to_table,) if request.to_table else ()
    with (
        ExitStack() as last_steps,
        recorded_run(spark, JOB, request.target, batch.digest, batch.run_id, tables) as run,
    ):
        run.inputs, run.input_files = batch.source.tables, batch.source.files
        with log.step("scoring and writing"):
            write = table_writer if request.to_table else folder_writer
            finish = write(app, run, batch, log, stop)
        last_steps.enter_context(stop.shielded())  # what is written and its record belong together
        counts = finish()
        require_all(batch, counts)
        run.n_read = counts.n_rows if batch.source.n_rows is None else batch.source.n_rows
        run.n_quarantined, run.n_good = counts.n_unreadable, counts.n_rows - counts.n_unreadable
    summary = {"run": batch.run_id, "model": batch.model.name, "version": batch.model.version, "rows": counts.n_rows}
    summary |= {status.lower(): n for status, n in counts.by_status.items() if n or status == "OK"}
    summary |= {"unreadable": counts.n_unreadable, "output": request.target}
    log.note(settings_text(summary))
    if counts.n_unreadable:
        log.say(
            f"{counts.n_unreadable:,} records were unreadable: their rows have a status and an error with file and line"
        )
    return summary


def _number(n: int | None) -> str:
    return "as many as it gives" if n is None else f"{n:,}"


@contextmanager
def _logged(log: JobLog) -> Iterator[None]:
    try:
        yield
    except BaseException as e:
        log.note_error(e)
        raise
    log.note("done")
