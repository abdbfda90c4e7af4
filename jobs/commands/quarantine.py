"""``foretable quarantine``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.app import App, pass_app
from models.errors import NothingToDo

if TYPE_CHECKING:
    from jobs.quarantine import Choice

_SHOWN_CHARACTERS = 60


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose lines."""
    command = click.option("--run", "run_id", metavar="RUN", help="Only lines that this ingest run has refused.")(
        command
    )
    command = click.option("--file", "source_file", metavar="NAME", help="Only lines of files of this name.")(command)
    return click.option("--code", help="Only lines refused for this, for example BAD_NUMBER.")(command)


@click.group(epilog="""\b
Examples:
  foretable quarantine show
  foretable quarantine replay --code BAD_NUMBER --dry-run
  foretable quarantine replay --edited lines.json""")  # fmt: skip
def quarantine() -> None:
    """Input lines that were refused: show them, and read them again once reader, settings or text are mended."""


@quarantine.command(epilog="""\b
Examples:
  foretable quarantine show
  foretable quarantine show --code BAD_NUMBER --limit 5
  foretable --json quarantine show --limit 1000 > lines.json""")  # fmt: skip
@_choosing
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Lines to show.")
@pass_app
def show(app: App, code: str | None, source_file: str | None, run_id: str | None, limit: int) -> None:
    """Count refused lines by code and file, then print the first of them.

    With foretable --json only the lines are printed, each with its place and whole text: a file for replay --edited.
    """
    from jobs.quarantine import count_refused, refused_lines

    choice, spark = _choice(code, source_file, run_id), app.session()
    counts = [row.asDict() for row in count_refused(spark, choice).collect()]
    lines = [row.asDict() for row in refused_lines(spark, choice, limit).collect()]
    n_lines = sum(row["n_lines"] for row in counts)
    if app.is_json:
        app.emit(lines)
    elif counts:
        app.emit(counts)
        click.echo("")
        app.emit([_short(line) for line in lines])
    if len(lines) < n_lines:
        app.say(f"{len(lines):,} of {n_lines:,} refused lines are shown: --limit {n_lines} shows all")
    elif not counts:
        app.say("no line is refused")


@quarantine.command(epilog="""\b
Examples:
  foretable quarantine replay --dry-run
  foretable quarantine replay --code BAD_TIME
  foretable quarantine replay --edited lines.json

FILE holds JSON lines, or one array as foretable --json quarantine show prints it, with file_digest, byte_offset and
raw_text. Exit code 99: every chosen line is still refused, or there is none.""")  # fmt: skip
@_choosing
@click.option("--edited", "edited_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Read only the lines of FILE, with their text there.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Read, check and count, but write nothing.")
@pass_app
def replay(
    app: App, code: str | None, source_file: str | None, run_id: str | None, edited_file: Path | None, dry_run: bool
) -> None:
    """Read refused lines again, from their kept text, with the reader and settings of today.

    What is good now lands in orders, trades and gaps, and the accounts of its file follow; orders__quarantine keeps the
    line with its outcome, the original text and the edited one. What is still bad stays as it is.
    """
    from jobs.quarantine_edits import read_edits
    from jobs.quarantine_step import plan_replay, replay_step

    choice = _choice(code, source_file, run_id)
    edited = read_edits(edited_file) if edited_file is not None else None
    if dry_run:
        app.emit(plan_replay(app, choice, edited))
        app.say("dry run: nothing was written")
        return
    rows, is_changed = replay_step(app, choice, edited)
    app.emit(rows)
    if not is_changed:
        raise NothingToDo("every line is still refused" if rows else "no refused line can be read again")


def _choice(code: str | None, source_file: str | None, run_id: str | None) -> Choice:
    from jobs.quarantine import Choice

    choice = Choice(code=code, source_file=source_file, run_id=run_id)
    choice.check()
    return choice


def _short(line: dict[str, Any]) -> dict[str, Any]:
    """A line as it fits a screen: without its digest, its text cut."""
    text = line["raw_text"]
    shown = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return {name: line[name] for name in ("source_file", "line_number", "code", "reason")} | {"raw_text": shown}
