"""A home that a benchmark makes and leaves nothing of; jars come from the user's cache."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_home() -> Iterator[Path]:
    """An empty home, gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        jars = Path.home() / ".foretable" / "jars"
        jars.mkdir(parents=True, exist_ok=True)
        (Path(folder) / "jars").symlink_to(jars)
        yield Path(folder)
