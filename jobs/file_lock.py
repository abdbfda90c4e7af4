"""One process at a time: a lock that the system gives up when the process ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import StorageError, TryAgainError


@contextmanager
def locked(file: Path, what: str, busy: str | None = None) -> Iterator[None]:
    """Hold the lock of a file to the end of the block.

    Args:
        file: Made where it is not there.
        what: Names its folder in a message.
        busy: What to say where another process holds the lock; without it the lock is waited for.

    Raises:
        StorageError: the folder cannot be written.
        TryAgainError: another process holds the lock, and ``busy`` says so.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as e:
        remedy = "set FORETABLE_HOME to a folder of yours" if busy is None else "choose another one"
        raise StorageError(f"the {what} {file.parent} cannot be written ({e.strerror}): {remedy}") from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise TryAgainError(busy) from e
        yield
