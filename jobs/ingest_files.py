"""The files of a source."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from jobs.sources import Source
from models.errors import DataContractError, StorageError

DIGEST_SUFFIX = ".sha256"
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_RATIO = 6  # order events as text shrink to about a sixth


def find_files(source: Source) -> list[Path]:
    """Files that ``source.path`` names, sorted by path: the order in which the first of two equal rows is kept.

    A folder means the files in it, not those of folders below; names that start with a dot are passed over, and digests
    that ``foretable record`` puts beside its files.

    Raises:
        DataContractError: there is none.
        StorageError: one cannot be read.
    """
    path = Path(source.path).expanduser()
    if path.is_dir():
        files = [file for file in path.iterdir() if file.is_file() and _is_data(file.name)]
    elif path.exists():
        files = [path]
    else:
        files = [Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file()]
    if not files:
        raise DataContractError(f"no file matches {source.path}: check the path, relative ones start at {Path.cwd()}")
    for file in files:
        if not os.access(file, os.R_OK):
            raise StorageError(f"{file} cannot be read: give this user the permission")
    return sorted(files)


def _is_data(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(DIGEST_SUFFIX)


def uncompressed_bytes(file: Path) -> int:
    """About how many bytes of text a file holds: six times its length where it is gzip."""
    with file.open("rb") as start:
        is_gzip = start.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return file.stat().st_size * (_GZIP_RATIO if is_gzip else 1)
