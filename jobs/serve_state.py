"""Where the server of a home runs: ``home/serve.json``, true only while its process holds ``home/serve.lock``."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from models.errors import StorageError, TryAgainError


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts sessions."""

    pid: int
    jdbc: str  # URL for JDBC clients, with the schema
    connect: str  # URL for SparkSession.builder.remote
    started_at: str  # UTC, ISO 8601


def running_server(home: Path) -> RunningServer | None:
    """The server of this home; None where none runs, also where a killed one left its file."""
    try:
        server = RunningServer(**json.loads(_file(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if _is_locked(home) else None


def await_server(home: Path, grace_seconds: float = 2.0, start_seconds: float = 120.0) -> RunningServer | None:
    """The server of this home, waited for while one starts; None where none has begun within the grace.

    So ``foretable serve &`` and a client may stand on two lines that are pasted together.
    """
    begun = time.monotonic()
    while (server := running_server(home)) is None:
        waited = time.monotonic() - begun
        if waited > (start_seconds if _is_locked(home) else grace_seconds):
            return None
        time.sleep(0.1)
    return server


@contextmanager
def only_server(home: Path) -> Iterator[None]:
    """Hold the home's place for a server; the system gives it up when the process ends, however it ends.

    Raises:
        TryAgainError: another process holds it; says where that one answers.
        StorageError: the home cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise StorageError(
            f"the home {home} cannot be written ({e.strerror}): set FORETABLE_HOME to a folder of yours"
        ) from e
    try:
        if not _take(lock):
            raise TryAgainError(_where_it_runs(home))
        _file(home).unlink(missing_ok=True)  # of a server that was killed
        yield
    finally:
        os.close(lock)


@contextmanager
def published(home: Path, server: RunningServer) -> Iterator[None]:
    """Let clients find the server, until the end of the block."""
    aside = home / f"serve.json.{os.getpid()}"
    aside.write_text(json.dumps(asdict(server)) + "\n")
    aside.replace(_file(home))
    try:
        yield
    finally:
        _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return home / "serve.json"


def _take(lock: int) -> bool:
    """Take the place; a client that is just looking holds it for a moment, so try for a second."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.1)
    return False


def _is_locked(home: Path) -> bool:
    """Whether a process holds the lock; a shared lock of a moment finds out without taking the place."""
    try:
        lock = os.open(home / "serve.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _where_it_runs(home: Path) -> str:
    server = running_server(home)
    if server is None:
        return f"another server is starting or stopping on {home}: try again in a moment"
    return f"a server already runs on {home}, at {server.jdbc} and {server.connect}: stop it with kill {server.pid}"
