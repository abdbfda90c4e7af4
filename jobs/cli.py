"""The ``foretable`` command: settings before the subcommand, one file of jobs/commands for each subcommand."""

from __future__ import annotations

import importlib
import os
import select
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import click

from jobs.app import App
from jobs.clean_stop import stop_on_sigterm
from jobs.stop_request import Stopped
from models.errors import ForetableError, TryAgainError

COMMANDS = (
    "demo",
    "simulate",
    "record",
    "ingest",
    "book",
    "resample",
    "normalize",
    "train",
    "score",
    "batch-predict",
    "evaluate",
    "report",
    "explore",
    "windows",
    "lookahead-check",
    "run",
    "schedule",
    "sql",
    "serve",
    "models",
    "runs",
    "quarantine",
    "maintain",
    "doctor",
)
EXIT_CODES = (
    "0 ok · 1 bug · 2 usage · 3 data · 4 model · 74 disk or download · 75 try again · 77 refused · 99 nothing to do"
)


class CommandFolder(click.Group):
    """Finds a subcommand in jobs/commands when it is asked for, so that the first words come at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command object of the module of the same name."""
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        command = getattr(importlib.import_module(f"jobs.commands.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; a reader of its output that left early, for example head, is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as e:
            if not _reader_left():
                raise TryAgainError("the connection to Spark broke, as when memory runs out: see the logs") from e
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
            return 0


@click.command(cls=CommandFolder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
               epilog=f"""\b
Examples:
  foretable demo
  foretable run foretable.yml
  foretable sql -e "SELECT bar_start, predict(features) FROM features LIMIT 5"

Exit codes: {EXIT_CODES}""")  # fmt: skip
@click.option("--config", "config_file", metavar="FILE", help="Configuration; default: foretable.yml of this folder.")
@click.option("--home", metavar="FOLDER", help="Tables, models, jars and logs; default: ~/.foretable.")
@click.option("--schema", metavar="NAME", help="Schema of the tables; default: foretable.")
@click.option("--master", metavar="URL", help="Spark master, for example local[4] or spark://host:7077.")
@click.option("--conf", multiple=True, metavar="KEY=VALUE", help="Any Spark setting; may be repeated.")
@click.option("--json", "is_json", is_flag=True, help="Data on stdout as JSON.")
@click.option("--quiet", "-q", "is_quiet", is_flag=True, help="No talk on stderr.")
@click.version_option(package_name="foretable")
@click.pass_context
def foretable(ctx: click.Context, config_file: str | None, home: str | None, schema: str | None, master: str | None,
              conf: tuple[str, ...], is_json: bool, is_quiet: bool) -> None:  # fmt: skip
    """Predictions are just SQL: order data in Delta tables, models as SQL functions."""
    flags: dict[str, Any] = {"home": home, "schema": schema, "master": master}
    if conf:
        flags["spark"] = dict(_key_and_value(text) for text in conf)
    ctx.obj = App(config_file, flags, is_quiet, is_json)
    ctx.call_on_close(ctx.obj.close)


def _reader_left() -> bool:
    """Whether nothing reads standard output any longer."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _key_and_value(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise click.UsageError(f"--conf takes KEY=VALUE, got {text!r}")
    return key, value


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code; an error is one sentence on stderr."""
    stop_on_sigterm()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        outcome = foretable.main(arguments, prog_name="foretable", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except click.exceptions.NoArgsIsHelpError as e:
        e.show()
        return 2
    except click.ClickException as e:
        click.echo(f"foretable: {_usage_sentence(e)}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt) as e:
        stop = e.__cause__ if isinstance(e, click.Abort) else e  # click makes an Abort of each KeyboardInterrupt
        known = stop if isinstance(stop, Stopped) else None
        click.echo(f"{known or 'stopped'}; what was published stays, run again to go on", err=True)
        return known.exit_code if known else 130
    except Exception as e:
        return _report(e)


def _usage_sentence(e: click.ClickException) -> str:
    context = getattr(e, "ctx", None)
    place = context.command_path if context else "foretable"
    return f"{' '.join(e.format_message().split()).rstrip('.')} (see {place} --help)"


def _report(e: Exception) -> int:
    from jobs.spark_errors import translate

    known = e if isinstance(e, ForetableError) else translate(e)
    if known is not None:
        click.echo(f"foretable: {known}", err=True)
        return known.exit_code
    if isinstance(e, OSError):
        click.echo(f"foretable: {e.strerror or e}" + (f": {e.filename}" if e.filename else ""), err=True)
        return 74
    note = _write_bug_note()
    what = f"{type(e).__name__}: {' '.join(str(e).split())[:160]}"
    click.echo(f"foretable: this is a bug ({what}); the details are in {note}", err=True)
    return 1


def _write_bug_note() -> str:
    import tempfile

    stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    with tempfile.NamedTemporaryFile("w", prefix=f"foretable_{stamp}_", suffix=".log", delete=False) as note:
        note.write(traceback.format_exc())
    return note.name


if __name__ == "__main__":
    main()
