"""Scoring as a batch job: rows of a table, a query or files, with a model's answers, into a table or files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.batch_answers import IS_UNREADABLE, answered
from jobs.batch_counts import Counts, count_written, counts_of, observed
from jobs.batch_input import BatchInput, measured, open_input
from jobs.batch_log import JobLog, new_name, open_log, settings_text
from jobs.batch_output_files import OutputFolder, read_manifest
from jobs.batch_output_table import commit_of, require_free_target, write_table
from jobs.batch_past import JOB, Attempt, application_of, attempts_of, next_run_id, refuse_done
from jobs.batch_progress import progress
from jobs.batch_request import BatchRequest
from jobs.clean_stop import StopRequest, stoppable
from jobs.run_process import announce, running
from jobs.runs import Run, recorded_run
from models.errors import DataContractError, SafetyError, TryAgainError
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
            write = _table_writer if request.to_table else _folder_writer
            finish = write(app, run, batch, log, stop)
        last_steps.enter_context(stop.shielded())  # what is written and its record belong together
        counts = finish()
        _require_all(batch, counts)
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


def _table_writer(app: App, run: Run, batch: Batch, log: JobLog, stop: StopRequest) -> Callable[[], Counts]:
    """Commit the rows, where no earlier run of the name has; returns what counts them."""
    spark, table = app.session(), str(batch.request.to_table)
    application = application_of(batch.name, batch.attempts)
    made = commit_of(spark, table, application, set(batch.earlier))
    if made is not None:
        _adopt(batch, str(made.run_id), log)
        return partial(count_written, spark, table, made.version, batch.request.mode)
    require_free_target(spark, table, batch.request.mode, set(batch.earlier))
    try:
        with progress(spark, log.say):
            write_table(spark, run, application, batch.answers.drop(IS_UNREADABLE), table, batch.request.mode)
    except BaseException:
        if stop.reason is None or commit_of(spark, table, application, {batch.run_id}) is None:
            raise
        log.say("asked to stop when the rows were committed already")
    made = commit_of(spark, table, application, {batch.run_id})
    if made is None:
        raise TryAgainError(f"the commit of {batch.run_id} is not in the history of {table}: run again")
    return partial(count_written, spark, table, made.version, batch.request.mode)


def _adopt(batch: Batch, run_id: str, log: JobLog) -> None:
    """An earlier process has written the output and was killed before it could say so: that is made up for.

    Raises:
        SafetyError: it was asked for something else.
    """
    if batch.earlier[run_id] != batch.digest:
        raise SafetyError(
            f"{batch.name} has written {batch.request.target} before, with another input or model version: choose "
            "another --name"
        )
    log.say(f"{batch.request.target} is there: {run_id} wrote it and was killed before it could say so")


def _folder_writer(app: App, run: Run, batch: Batch, log: JobLog, stop: StopRequest) -> Callable[[], Counts]:
    """Fill the folder aside, where no earlier run of the name has; returns what publishes it."""
    spark, request, home = app.session(), batch.request, app.config.home
    folder = OutputFolder(Path(request.target), batch.run_id)
    manifest = read_manifest(folder.target)
    if manifest is not None and manifest["run"] in batch.earlier:
        _adopt(batch, manifest["run"], log)
        return partial(Counts, manifest["rows"], manifest["unreadable"], manifest["statuses"])
    folder.require_free(request.mode)
    mine = {attempt.run_id for attempt in batch.attempts}  # all dead: this process holds the name
    for left in folder.clear_leftovers(lambda other: other not in mine and running(home, other) is not None):
        log.note(f"deleted {left}, left by a run that was killed")
    rows, while_written = observed(batch.answers)
    run.begin()
    try:
        with progress(spark, log.say):
            folder.write(rows, request.to_format, request.is_gzip)
        counts = counts_of(while_written)
        _require_all(batch, counts)  # before anybody sees them
        stop.check()
    except BaseException:
        folder.discard()
        raise
    return partial(_publish, folder, batch, counts)


def _publish(folder: OutputFolder, batch: Batch, counts: Counts) -> Counts:
    try:
        folder.publish(_facts(batch, counts))
    except BaseException:
        folder.discard()
        raise
    return counts


def _facts(batch: Batch, counts: Counts) -> dict[str, Any]:
    """What the manifest of an output folder says."""
    return {
        "run": batch.run_id,
        "model": batch.model.name,
        "version": batch.model.version,
        "digest": batch.model.digest,
        "format": batch.request.to_format,
        "columns": batch.answers.columns[:-1],
        "rows": counts.n_rows,
        "unreadable": counts.n_unreadable,
        "statuses": {status: n for status, n in counts.by_status.items() if n},
        "input": batch.source.names(batch.request.query),
    }


def _require_all(batch: Batch, counts: Counts) -> None:
    """Every input row is an output row: the input was counted apart from the scoring."""
    if batch.source.n_rows is not None and batch.source.n_rows != counts.n_rows:
        raise DataContractError(
            f"the input has {batch.source.n_rows:,} rows and {counts.n_rows:,} were scored: it changed meanwhile, run "
            "again"
        )


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
