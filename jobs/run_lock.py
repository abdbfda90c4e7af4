"""One run of a job at a time: two ingests of the same files at once would each find the other's rows missing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from models.errors import StorageError, TryAgainError

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
        place = (folder / f"{job}.lock").open("a+")
    except OSError as e:
        raise StorageError(f"{folder} cannot be written ({e.strerror}): free space, or check its owner") from e
    with place:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            place.seek(0)
            holder = place.read().strip() or "it has just begun"
            raise TryAgainError(f"another {job} is running ({holder}): run again when it has ended") from None
        was_killed = place.tell() > 0  # opened at its end: the last holder left its name
        place.truncate(0)
        place.write(f"{run_id}, process {os.getpid()}\n")
        place.flush()
        try:
            yield was_killed
        finally:
            place.truncate(0)


def schema_folder(spark: SparkSession) -> Path | None:
    """Folder of the current schema; None where the warehouse is no local folder."""
    warehouse = urlparse(str(spark.conf.get("spark.sql.warehouse.dir")))
    if warehouse.scheme not in ("", "file"):
        return None
    return Path(warehouse.path) / f"{spark.catalog.currentDatabase()}.db"
