"""The output of a batch job as a folder of files, which appears whole, by one rename, or not at all."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.batch_tfrecords import write_tfrecords
from jobs.readers.byte_stream import sha256_of
from jobs.synced_path import sync_path
from models.errors import SafetyError, StorageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MANIFEST = "_SUCCESS"  # where Hadoop's readers look for a sign that a folder is whole; here it also says what is in it
_ENDINGS = {"jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet", "tfrecord": ".tfrecord"}
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class OutputFolder:
    """The folder to be, and the one beside it that is being filled."""

    def __init__(self, target: Path, name: str) -> None:
        """Name the folder and the run that fills it."""
        self.target = target
        self.aside = target.with_name(f".{target.name}.{name}.partial")

    def require_free(self, mode: str) -> None:
        """Refuse to write where something is and nobody said that it may go.

        Raises:
            SafetyError: the folder is not empty and the mode is error, or it holds what no job of Foretable wrote.
        """
        if not self.target.exists():
            return
        if not self.target.is_dir():
            raise SafetyError(f"{self.target} is a file: name a folder for the output")
        is_empty = next(self.target.iterdir(), None) is None
        if not is_empty and mode == "error":
            raise SafetyError(f"the folder {self.target} is not empty: take --mode overwrite, or another folder")
        if not is_empty and read_manifest(self.target) is None:
            raise SafetyError(
                f"the folder {self.target} holds other files than those of a batch job: choose another folder"
            )

    def clear_leftovers(self, is_running: Callable[[str], bool]) -> list[Path]:
        """Delete what killed runs have left beside the target, and return it."""
        prefix, suffix = f".{self.target.name}.", ".partial"
        left = []
        for folder in self.target.parent.glob("." + glob_escape(self.target.name) + ".*.partial"):
            name = folder.name[len(prefix) : -len(suffix)]
            if folder == self.aside or not is_running(name):
                shutil.rmtree(folder)
                left.append(folder)
        return left

    def write(self, rows: DataFrame, format_: str, is_gzip: bool) -> None:
        """Fill the folder aside."""
        try:
            self.aside.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StorageError(f"{self.aside.parent} cannot be made ({e.strerror}): choose another folder") from e
        if format_ == "tfrecord":
            write_tfrecords(rows, self.aside, is_gzip)
        else:
            _write_with_spark(rows, self.aside, format_, is_gzip)
        ending = _ENDINGS[format_] + (".gz" if is_gzip else "")
        for file in list(self.aside.iterdir()):
            if not file.name.startswith("part-"):
                file.unlink()  # checksums and signs of Hadoop's
        for number, file in enumerate(sorted(self.aside.iterdir())):
            file.rename(self.aside / f"part-{number:05d}{ending}")

    def publish(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest, make everything durable, and put the folder in its place; returns the manifest."""
        files = [
            {"file": file.name, "bytes": file.stat().st_size, "sha256": sha256_of(file, file.stat().st_size)}
            for file in sorted(self.aside.iterdir())
        ]
        manifest = {**facts, "files": files}
        (self.aside / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for place in (*self.aside.iterdir(), self.aside):
            sync_path(place)
        self._put_in_place()
        sync_path(self.target.parent)
        return manifest

    def _put_in_place(self) -> None:
        if not self.target.exists():
            self.aside.rename(self.target)
        elif _exchange(self.aside, self.target):
            shutil.rmtree(self.aside)  # now the old content
        else:
            old = self.target.with_name(self.aside.name + ".partial")
            self.target.rename(old)
            self.aside.rename(self.target)
            shutil.rmtree(old)

    def discard(self) -> None:
        """Delete what is aside."""
        shutil.rmtree(self.aside, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What a job has said of its output; None where the folder is not one."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and "run" in manifest else None


def glob_escape(name: str) -> str:
    """A name that stands for itself in a pattern."""
    import glob

    return glob.escape(name)


def _write_with_spark(rows: DataFrame, folder: Path, format_: str, is_gzip: bool) -> None:
    path, codec = str(folder), "gzip" if is_gzip else "none"
    if format_ == "parquet":
        rows.write.parquet(path)
    elif format_ == "jsonl":
        rows.write.json(path, compression=codec, ignoreNullFields=False)
    else:
        _flat(rows).write.csv(
            path,
            header=True,
            compression=codec,
            escape='"',
            ignoreLeadingWhiteSpace=False,
            ignoreTrailingWhiteSpace=False,
        )


def _flat(rows: DataFrame) -> DataFrame:
    """Nested columns as JSON, bytes as base64: CSV holds neither."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, BinaryType, MapType, StructType

    from models.sql_text import identifier

    columns = []
    for field in rows.schema.fields:
        column = F.col(identifier(field.name))
        if isinstance(field.dataType, StructType | ArrayType | MapType):
            column = F.to_json(column)
        elif isinstance(field.dataType, BinaryType):
            column = F.base64(column)
        columns.append(column.alias(field.name))
    return rows.select(*columns)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step, so that a reader finds either; False where that cannot be done."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
