"""Foretable's own packages and jars, sent to the executors of a cluster: nothing of it has to be installed there."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PACKAGES = ("jobs", "models", "sql", "udfs")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # what a zip can say; one date for all, so that equal files make equal archives


def ship(spark: SparkSession, archive: Path, jars: Iterable[Path]) -> None:
    """Let every executor fetch the archive and the jars from the driver before its first task. Safe to call again.

    The driver keeps what it has: its packages are those of its own installation, its jars stand on its class path.
    They are no ``spark.jars``, which would hide Delta's classes from JDBC sessions.
    """
    context = spark.sparkContext
    if archive.name in {Path(address).name for address in context.listFiles}:
        return
    before = list(sys.path)
    context.addPyFile(str(archive))
    sys.path[:] = before  # it also put a copy before the installation
    for jar in jars:
        context._jsc.addJar(str(jar))


def packages_archive(cache: Path) -> Path:
    """Path of a zip in ``cache`` with the files of the packages as they are imported now, named by its content.

    It is made from the installed files, be it from a wheel or from a checkout.
    """
    files = {
        f"{package}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for package in PACKAGES
        for folder in [_folder(package)]
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    target = cache / f"foretable-packages-{digest}.zip"
    if not target.exists():
        _write(files, target)
    return target


def _folder(package: str) -> Path:
    file = importlib.import_module(package).__file__
    assert file is not None
    return Path(file).parent


def _write(files: dict[str, bytes], target: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{target.stem}-", suffix=".part", dir=target.parent)
    with os.fdopen(handle, "wb") as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, _EARLIEST), content, zipfile.ZIP_DEFLATED)
    os.replace(name, target)  # another process may be making the same
