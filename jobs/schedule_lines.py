"""What a scheduler is told: a crontab line, or a systemd service with its timer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.schedule_calendar import on_calendar
from jobs.schedule_expression import CronExpression
from models.errors import UsageError

_LONGEST_CRON_COMMAND = 900  # Debian's cron refuses a command of 1,000 characters
_PLAIN_PROGRAM = re.compile(r"[^$\"'\\]+")
_NO_FAILURE = (75, 99)  # another run is at it, nothing to do: the next firing sees to both


@dataclass(frozen=True)
class ScheduledCommand:
    """A command line as a scheduler starts it: no shell profile, no PATH, no current folder."""

    name: str  # of the units and of the log
    words: Sequence[str]  # program and arguments, absolute
    variables: Mapping[str, str]
    log: Path

    def __post_init__(self) -> None:
        """Refuse what would break a line in two."""
        for text in (self.name, *self.words, *self.variables.values(), str(self.log)):
            if not text.isprintable():
                raise UsageError(f"a schedule cannot hold the control character in {text!r}: rename the file or folder")


def cron_line(command: ScheduledCommand, cron: CronExpression) -> str:
    """A line for ``crontab``; what the command says goes to its log, and the end of the log to cron's mail on failure.

    Raises:
        UsageError: the line would be longer than cron takes.
    """
    log = shlex.quote(str(command.log))
    assignments = "".join(f"{name}={shlex.quote(value)} " for name, value in command.variables.items())
    codes = "|".join(map(str, _NO_FAILURE))
    text = (
        f"{assignments}{shlex.join(command.words)} >> {log} 2>&1 || case $? in {codes}) ;; *) tail -n 5 {log} ;; esac"
    ).replace("%", r"\%")  # a bare one ends the command
    if len(text) > _LONGEST_CRON_COMMAND:
        raise UsageError(f"the crontab line would be {len(text)} characters long, more than cron takes: use --systemd")
    return f"{cron.text} {text}"


def service_unit(command: ScheduledCommand) -> str:
    """The unit that runs the command once."""
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in command.variables.items())
    # systemd refuses a program whose path has quotes in it and leaves $ alone there; an argument may hold anything.
    program = () if _PLAIN_PROGRAM.fullmatch(command.words[0]) else ("/usr/bin/env",)
    words = " ".join(_quoted(word).replace("$", "$$") for word in (*program, *command.words))
    codes = " ".join(map(str, _NO_FAILURE))
    return f"""\
[Unit]
Description=Foretable pipeline {_no_specifiers(command.name)}

[Service]
Type=oneshot
{variables}ExecStart={words}
SuccessExitStatus={codes}
StandardOutput=append:{_no_specifiers(str(command.log))}
StandardError=inherit
"""


def timer_unit(command: ScheduledCommand, cron: CronExpression, zone: str) -> str:
    """The unit that starts the service; what was missed while the machine was off is made up for."""
    times = "".join(f"OnCalendar={text}\n" for text in on_calendar(cron, zone))
    return f"""\
[Unit]
Description=Times of the Foretable pipeline {_no_specifiers(command.name)}

[Timer]
{times}Persistent=true

[Install]
WantedBy=timers.target
"""


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_no_specifiers(escaped)}"'


def _no_specifiers(text: str) -> str:
    return text.replace("%", "%%")
