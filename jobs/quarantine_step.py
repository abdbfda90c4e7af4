"""The step ``replay``, recorded in ``runs``: one run for each feed that has lines to read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.last_good import good_version
from jobs.pipeline import INGESTED
from jobs.quarantine import Choice, candidates
from jobs.quarantine_replay import Feed, Replay, replay
from jobs.run_lock import only_run
from jobs.runs import Run, recorded_run, settle_killed
from jobs.table_log import table_log
from models.errors import TryAgainError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.app import App
    from jobs.quarantine_edits import EditedLine

Rows = list[dict[str, Any]]


def replay_step(app: App, choice: Choice, edited: Sequence[EditedLine] | None) -> tuple[Rows, bool]:
    """Replay the chosen lines, or those of them that were ``edited``; one row a file, and whether anything changed.

    Raises:
        UsageError: an edited line is not among the chosen refused ones.
        TryAgainError: an ingest goes on, or has broken off.
    """
    spark, is_changed = app.session(), False
    rows: Rows = []
    with _while_no_ingest_runs(spark):
        feeds: list[Feed | None] = [*_feeds(app, candidates(spark, choice, edited), edited)]
        for feed in feeds or [None]:  # without one, what a killed replay has left is published
            with recorded_run(spark, "replay", choice.text(), app.config.digest(), tables=INGESTED) as run:
                _refuse_unfinished(spark, run)
                done = Replay((), False)
                if feed is not None:
                    lines = candidates(spark, choice, edited)
                    done = replay(spark, lines, feed, app.config.sources, run.run_id, app.say)
                _count(run, done)
                run.is_empty = not done.is_written
            is_changed |= done.is_written or run.took_over
            rows += [file.row() for file in done.files]
    return rows, is_changed


def plan_replay(app: App, choice: Choice, edited: Sequence[EditedLine] | None) -> Rows:
    """What :func:`replay_step` would do; nothing is written. Raises as it does, but for the last."""
    spark = app.session()
    lines = candidates(spark, choice, edited)
    feeds = _feeds(app, lines, edited)
    done = [replay(spark, lines, feed, app.config.sources, None, app.say) for feed in feeds]
    return [file.row() for one in done for file in one.files]


@contextmanager
def _while_no_ingest_runs(spark: SparkSession) -> Iterator[None]:
    with only_run(spark, "ingest", "a replay of refused lines") as was_killed:
        if was_killed:  # the place forgets that now
            settle_killed(spark, "ingest")
        yield


def _feeds(app: App, lines: DataFrame, edited: Sequence[EditedLine] | None) -> list[Feed]:
    if edited is not None:
        found = {(row.file_digest, row.byte_offset) for row in lines.select("file_digest", "byte_offset").collect()}
        for line in edited:
            if (line.file_digest, line.byte_offset) not in found:
                raise UsageError(
                    f"no refused line of this choice is at byte {line.byte_offset} of the file with digest "
                    f"{line.file_digest[:12]}…: it has landed already, or the place is wrong"
                )
    if n_cut := lines.where("NOT is_whole").count():
        app.say(f"{n_cut} lines are not read: not all of their bytes were kept, so they need --edited")
    return sorted(Feed(*row) for row in lines.where("is_whole").select("exchange", "format").distinct().collect())


def _refuse_unfinished(spark: SparkSession, run: Run) -> None:
    for table in INGESTED:
        if good_version(spark, table, run) < table_log(spark, table).version:
            raise TryAgainError(
                f"{table} holds rows of a run that has not ended: let it end, or run that job again if it broke off "
                "(foretable doctor names it), then replay"
            )


def _count(run: Run, done: Replay) -> None:
    for name in ("n_read", "n_good", "n_quarantined", "n_duplicate"):
        setattr(run, name, sum(getattr(file, name) for file in done.files))
    run.n_pending = 0
    run.input_files = {file.source_file: file.file_digest for file in done.files}
