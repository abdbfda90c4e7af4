"""Which files a batch job reads, and in which format."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from models.errors import DataContractError, StorageError, UsageError

FORMATS = ("jsonl", "csv", "parquet", "tfrecord")
_ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}


def find_files(pattern: str) -> list[Path]:
    """Files that a path, a folder or a glob names, sorted; of a folder those directly in it.

    Names that start with a dot or an underscore are passed over, as Spark does: what jobs write beside their data.

    Raises:
        DataContractError: there is none.
        StorageError: one cannot be read.
    """
    path = Path(pattern).expanduser()
    if path.is_file():
        files = [path]
    else:
        found = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(path), recursive=True))
        files = [file for file in found if file.is_file() and not file.name.startswith((".", "_"))]
    if not files:
        raise DataContractError(f"no file matches {pattern}: check the path, relative ones start at {Path.cwd()}")
    for file in files:
        if not os.access(file, os.R_OK):
            raise StorageError(f"{file} cannot be read: give this user the permission")
    return sorted(file.absolute() for file in files)


def format_of(files: list[Path], given: str | None) -> str:
    """The one format of the files: as given, else by their endings, of which ``.gz`` does not count.

    Raises:
        UsageError: an ending says nothing, or two say different things.
    """
    if given is not None:
        return given
    formats = {
        file: _ENDINGS.get(file.with_suffix("").suffix if file.suffix == ".gz" else file.suffix) for file in files
    }
    for file, format_ in formats.items():
        if format_ is None:
            raise UsageError(f"the ending of {file.name} tells no format: say --format {', '.join(FORMATS)}")
    if len(set(formats.values())) > 1:
        raise UsageError(
            f"the files are of several formats ({', '.join(sorted(map(str, set(formats.values()))))}): run one each"
        )
    return str(formats[files[0]])
