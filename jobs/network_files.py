"""Networks of the user's own: Python files in the folder ``networks`` of the home, see ``models.network_source``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import UsageError
from models.names import near_first
from models.network_source import FAMILY, NETWORK_OPTION

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def network_source(family: str, options: Mapping[str, Any], folder: Path) -> str | None:
    """The text of the network that options name; None for a family that needs none.

    What stands in the folder is run, so only files that nobody else can write are taken: a statement that comes over
    the network can name one of them, and no other.

    Raises:
        UsageError: the option is missing, is no plain name, names no file, or others may write that.
    """
    if family != FAMILY:
        return None
    name = options.get(NETWORK_OPTION)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{FAMILY} takes network as the name of a file in {folder}, such as 'towers' for towers.py, got {name!r}"
        )
    file = folder / f"{name}.py"
    if not file.is_file():
        known = near_first(name, [other.stem for other in folder.glob("*.py")])
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        raise UsageError(f"{file} is not there ({there}): it holds def layers(keras, inputs, options)")
    for path in (folder, file):
        facts = path.stat()
        if facts.st_mode & _OTHERS_MAY_WRITE or facts.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"{path} can be written by others, and would be run: chmod go-w {path}")
    return file.read_text(encoding="utf-8")
