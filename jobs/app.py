"""What every command shares: configuration, the session, and where words go (stdout is data, stderr is talk)."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.up_to_date import Watch
    from models.registry import Registry


@dataclass
class App:
    """One call of ``foretable``; handed to each command by ``pass_app``."""

    config_file: str | None = None
    flags: dict[str, Any] = field(default_factory=dict)
    is_quiet: bool = False
    is_json: bool = False
    watch: Watch | None = None  # of a whole foretable run

    @cached_property
    def config(self) -> Config:
        """The configuration, read when first asked for."""
        from jobs.config import load_config

        return load_config(Path(self.config_file) if self.config_file else None, self.flags)

    @cached_property
    def registry(self) -> Registry:
        """The model registry of the home."""
        from models.registry import Registry

        return Registry.in_home(self.config.home, self.config.registry_uri)

    def session(self) -> SparkSession:
        """The Spark session with all tables there and the models registered as SQL functions."""
        return self._session

    @cached_property
    def _session(self) -> SparkSession:
        self.say("starting Spark …")
        from jobs.open_session import open_session
        from jobs.session import SessionSettings

        return open_session(SessionSettings.of(self.config), self.say)

    def say(self, text: str) -> None:
        """Talk to the person, on stderr; silent with --quiet."""
        if not self.is_quiet:
            click.echo(text, err=True)

    def emit(self, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Print data on stdout: JSON with --json, else aligned columns."""
        if self.is_json:
            click.echo(json.dumps(rows, default=str))
            return
        table = [rows] if isinstance(rows, Mapping) else list(rows)
        for line in format_table(table):
            click.echo(line)

    def close(self) -> None:
        """Stop Spark where it was started."""
        if "_session" in self.__dict__:
            self._session.stop()


pass_app = click.make_pass_decorator(App)


def format_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table with a heading; numbers to the right, NULL as an empty cell."""
    if not rows:
        return []
    names = list(rows[0])
    cells = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(names)]
    is_number = [
        all(isinstance(row[name], int | float | None) and not isinstance(row[name], bool) for row in rows)
        for name in names
    ]

    def line(values: Sequence[str]) -> str:
        padded = (v.rjust(w) if right else v.ljust(w) for v, w, right in zip(values, widths, is_number, strict=True))
        return "  ".join(padded).rstrip()

    return [line(names), line(["-" * w for w in widths]), *(line(row) for row in cells)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def command_prefix(app: App) -> str:
    """How to call this very ``foretable`` again, with the settings it was given, from any folder."""
    program = shutil.which("foretable")
    mine = Path(sys.executable).with_name("foretable")
    words = ["foretable" if program and Path(program).resolve() == mine.resolve() else str(mine)]
    for flag in ("home", "schema", "master"):
        if app.flags.get(flag):
            value = str(app.config.home) if flag == "home" else app.flags[flag]
            words += [f"--{flag}", value]
    return shlex.join(words)
