"""Where a benchmark runs: an empty home of its own, and a line about the machine."""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path


@contextmanager
def fresh_home() -> Iterator[Path]:
    """An empty home that ends with the benchmark; it shares the jars of the user's own, else they are fetched again."""
    jars = Path.home() / ".foretable" / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "jars").symlink_to(jars)
        yield Path(folder)


def machine(*packages: str) -> str:
    """What a figure depends on: versions, cores, and how busy the machine is now."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    return ", ".join([*versions, f"{os.cpu_count()} cores", load()])


def load() -> str:
    """How busy the machine is now."""
    return f"load {os.getloadavg()[0]:.1f}"
