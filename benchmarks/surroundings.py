"""Where a benchmark runs: an empty home of its own, and a line about the machine."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any


@contextmanager
def fresh_home() -> Iterator[Path]:
    """An empty home that ends with the benchmark; it shares the jars of the user's own, else they are fetched again."""
    jars = Path.home() / ".foretable" / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jars").symlink_to(jars)
        yield Path(folder)


def in_a_process(benchmark: str, size: float) -> dict[str, Any]:
    """What a benchmark tells of one size, as JSON on its last line, from a fresh process and home."""
    with fresh_home() as home:
        command = [sys.executable, "-m", benchmark, "--one", str(home), str(size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def machine(*packages: str) -> str:
    """What a figure depends on: versions, cores, and how busy the machine is now."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    return ", ".join([*versions, f"{os.cpu_count()} cores", load()])


def load() -> str:
    """How busy the machine is now."""
    return f"load {os.getloadavg()[0]:.1f}"
