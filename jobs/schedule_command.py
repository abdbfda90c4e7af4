"""The command that a scheduler runs for a pipeline file, made from how ``foretable schedule`` itself was called."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from jobs.app import App
from jobs.config import DEFAULT_FILE
from jobs.java import find_java_home
from jobs.schedule_lines import ScheduledCommand
from models.errors import UsageError

_SCHEDULER_PATH = "/usr/bin:/bin"
_VARIABLES = (
    "FORETABLE_SCHEMA",
    "FORETABLE_MASTER",
    "FORETABLE_MAVEN_MIRROR",
    "FORETABLE_MAX_BAD",
    "FORETABLE_METASTORE",
    "FORETABLE_METASTORE_USER",
    "FORETABLE_REGISTRY_URI",
    "PGUSER",
    "PGPASSFILE",
)
_SECRETS = ("FORETABLE_METASTORE_PASSWORD", "PGPASSWORD")


def scheduled_run(app: App, name: str | None) -> ScheduledCommand:
    """``foretable run FILE`` with every path absolute and the settings of this call, its log in the home.

    Args:
        app: Names the pipeline file; without one, ``foretable.yml`` of the current folder.
        name: Of the units and of the log; None makes one of the file's name, or of its folder's for foretable.yml.

    Raises:
        UsageError: there is no pipeline file, it names no sources, the name is none for a unit, or
            there is no Java.
    """
    file = Path(app.config_file or DEFAULT_FILE).resolve()
    if not file.is_file():
        raise UsageError(f"there is no {file}: name the pipeline file")
    if not app.config.sources:
        raise UsageError(f"{file} names no sources, so there is nothing to run")
    if name and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name) is None:
        raise UsageError(f"{name!r} cannot name a unit: take letters, digits, dots, - and _")
    stem = file.parent.name if file.name == DEFAULT_FILE else file.stem
    name = name or f"foretable-{re.sub(r'[^A-Za-z0-9_]+', '-', stem).strip('-') or 'pipeline'}"
    return ScheduledCommand(
        name,
        [*_program(), *_flags(app), "run", str(file)],
        _variables(),
        app.config.home / "logs" / f"{name}.log",
    )


def secrets_left_out() -> list[str]:
    """Variables of this shell with a password, which no line or unit should show."""
    return [name for name in _SECRETS if name in os.environ]


def _program() -> list[str]:
    mine = Path(sys.executable).with_name("foretable")
    return [str(mine)] if mine.is_file() else [sys.executable, "-m", "jobs.cli"]


def _flags(app: App) -> list[str]:
    flags = ["--home", str(app.config.home)]
    for name in ("schema", "master"):
        if app.flags.get(name):
            flags += [f"--{name}", app.flags[name]]
    for key, value in (app.flags.get("spark") or {}).items():
        flags += ["--conf", f"{key}={value}"]
    return flags


def _variables() -> dict[str, str]:
    """Variables of this shell that the run depends on; a scheduler passes none on."""
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    java_home = find_java_home()
    on_path = shutil.which("java", path=_SCHEDULER_PATH)
    is_found_anyway = on_path and Path(on_path).resolve().parents[1] == java_home
    return variables if is_found_anyway else {**variables, "JAVA_HOME": str(java_home)}
