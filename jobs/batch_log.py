"""The log of one batch job, ``home/logs/<name>.log``, and the name that a job without one gets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from models.errors import ForetableError, StorageError


class JobLog:
    """Lines with a UTC instant, written at once; what is said is also told to the person."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        """Append to a file that exists."""
        self.file = file
        self._say = say

    def note(self, text: str) -> None:
        """Write a line."""
        with self.file.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {' '.join(text.split())}\n")

    def say(self, text: str) -> None:
        """Write a line and tell the person."""
        self.note(text)
        self._say(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Write when a step begins and how many seconds it took."""
        self.note(f"{name} …")
        begun = time.monotonic()
        try:
            yield
        finally:
            self.note(f"{name}: {time.monotonic() - begun:.1f} s")

    def note_error(self, error: BaseException) -> None:
        """Write how the job ended: one sentence, and where the error is none of ours all that is known of it."""
        import traceback

        self.note(f"ended by {type(error).__name__}: {error}")
        if isinstance(error, Exception) and not isinstance(error, ForetableError):
            with self.file.open("a", encoding="utf-8") as log:
                log.writelines(traceback.format_exception(error))


def open_log(home: Path, name: str, say: Callable[[str], None]) -> JobLog:
    """The log of a named run, gone on with where it is there.

    Raises:
        StorageError: the home cannot be written.
    """
    file = _log_file(home, name)
    try:
        file.touch()
    except OSError as e:
        raise _not_writable(home, e) from e
    return JobLog(file, say)


def new_name(home: Path, now: datetime) -> str:
    """``model_batch_predict_YYYYMMDD_HHMMSS`` in UTC, or the next second that nobody has taken; its log is made.

    Raises:
        StorageError: the home cannot be written.
    """
    while True:
        name = f"model_batch_predict_{now:%Y%m%d_%H%M%S}"
        try:
            _log_file(home, name).touch(exist_ok=False)
            return name
        except FileExistsError:
            now += timedelta(seconds=1)
        except OSError as e:
            raise _not_writable(home, e) from e


def settings_text(settings: dict[str, Any]) -> str:
    """Settings that are set, on one line."""
    return ", ".join(f"{name} = {value!r}" for name, value in settings.items() if value not in (None, False))


def _log_file(home: Path, name: str) -> Path:
    folder = home / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise _not_writable(home, e) from e
    return folder / f"{name}.log"


def _not_writable(home: Path, e: OSError) -> StorageError:
    return StorageError(f"the home {home} cannot be written ({e.strerror}): set FORETABLE_HOME to a folder of yours")
