"""The output of a batch job: written by the first of its runs that comes so far, taken over by a later one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.batch_answers import IS_UNREADABLE
from jobs.batch_counts import Counts, count_written, counts_of, observed
from jobs.batch_log import JobLog
from jobs.batch_output_files import OutputFolder, read_manifest
from jobs.batch_output_table import commit_of, require_free_target, write_table
from jobs.batch_past import application_of
from jobs.batch_progress import progress
from jobs.run_process import running
from jobs.runs import Run
from jobs.stop_request import StopRequest
from models.errors import DataContractError, SafetyError, TryAgainError

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.batch_predict import Batch


def table_writer(app: App, run: Run, batch: Batch, log: JobLog, stop: StopRequest) -> Callable[[], Counts]:
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


def folder_writer(app: App, run: Run, batch: Batch, log: JobLog, stop: StopRequest) -> Callable[[], Counts]:
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
        require_all(batch, counts)  # before anybody sees them
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


def require_all(batch: Batch, counts: Counts) -> None:
    """Every input row is an output row: the input was counted apart from the scoring.

    Raises:
        DataContractError: they are not as many.
    """
    if batch.source.n_rows is not None and batch.source.n_rows != counts.n_rows:
        raise DataContractError(
            f"the input has {batch.source.n_rows:,} rows and {counts.n_rows:,} were scored: it changed meanwhile, run "
            "again"
        )
