"""No run starts to write on a disk that is nearly full: it would fail in the middle of a table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from jobs.run_lock import schema_folder
from models.errors import StorageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_FREE_BYTES = 64 * 1024 * 1024


def require_free_space(spark: SparkSession, needed_bytes: int = 0) -> None:
    """Refuse to go on where the disk of the tables has not room for what is to be written, and a reserve.

    A warehouse that is no local folder is not looked at.

    Raises:
        StorageError: too little is free; says how much.
    """
    folder = schema_folder(spark)
    if folder is None or not folder.exists():
        return
    free, wanted = shutil.disk_usage(folder).free, needed_bytes + LEAST_FREE_BYTES
    if free < wanted:
        raise StorageError(
            f"the disk of {folder} has {free // 2**20:,} MiB free and {wanted // 2**20:,} MiB may be needed: free "
            "space (foretable maintain deletes expired files) and run again; nothing was written"
        )
