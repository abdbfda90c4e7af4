"""One process at a time: a lock that the system gives up when the process ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import StorageError


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Wait for the lock of a file and hold it to the end of the block; ``what`` names its folder in a message.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as e:
        raise StorageError(
            f"the {what} {file.parent} cannot be written ({e.strerror}): set FORETABLE_HOME to a folder of yours"
        ) from e
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
