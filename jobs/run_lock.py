"""One run of a job at a time: two ingests of the same files at once would each find the other's rows missing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from models.errors import NothingToDo, StorageError, TryAgainError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def only_run(spark: SparkSession, job: str, run_id: str) -> Iterator[bool]:
    """Hold the job's place in the current schema to the end of the block; the system gives it up if the process dies.

    Yields whether the process that held it last was killed in its run. A warehouse that is no local folder has no such
    lock: there a scheduler has to keep runs apart.

    Raises:
        TryAgainError: another run of the job holds it; says which.
        StorageError: the warehouse cannot be written.
    """
    schema = schema_folder(spark)
    if schema is None:
        yield False
        return
    folder = schema / "_locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = os.fdopen(os.open(folder / f"{job}.lock", os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except OSError as e:
        raise _cannot_write(folder, e) from e
    with place:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = place.read().decode().strip() or "it has just begun"
            raise TryAgainError(f"another {job} is running ({holder}): run again when it has ended") from None
        was_killed = os.fstat(place.fileno()).st_size > 0  # the last holder left its name
        name = f"{run_id}, process {os.getpid()}\n".encode()
        try:
            place.write(name)  # over the old one: a full disk still takes that, and it must not be forgotten
            place.truncate(len(name))
        except OSError as e:
            raise _cannot_write(folder, e) from e
        try:
            yield was_killed
        except NothingToDo:
            place.truncate(0)
            raise
        place.truncate(0)  # after an error the name stays: a full disk may have kept the end from being recorded


def _cannot_write(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{folder} cannot be written ({error.strerror}): free space, or check its owner, and run again; "
        "nothing was written"
    )


def schema_folder(spark: SparkSession) -> Path | None:
    """Folder of the current schema; None where the warehouse is no local folder."""
    warehouse = urlparse(str(spark.conf.get("spark.sql.warehouse.dir")))
    if warehouse.scheme not in ("", "file"):
        return None
    return Path(warehouse.path) / f"{spark.catalog.currentDatabase()}.db"
