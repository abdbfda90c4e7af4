"""Spark's classes in an archive that Java maps into memory, so that a session starts quicker.

Class data sharing (JEP 350): ``make prepare`` lets a session do what sessions do and asks Java to keep the classes it
has loaded, once for a Java, a Spark and an extension. Java checks that the archive fits what it was made from and
otherwise loads the classes as ever, so that it can make nothing wrong.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from jobs.file_lock import locked

_PREFIX, _SUFFIX = "spark-classes-", ".jsa"
_QUIET = '"-Xlog:cds*=off"'  # one that does not fit is told of in a line at each start
_MOST_SECONDS = 600


def archive_options(cache: Path, java_home: Path, class_path: Sequence[Path]) -> str:
    """Java options that use the archive; empty where there is none."""
    file = archive_file(cache, java_home, class_path)
    return f'"-XX:SharedArchiveFile={file}" {_QUIET}' if file.is_file() else ""


def archive_file(cache: Path, java_home: Path, class_path: Sequence[Path]) -> Path:
    """Where the archive is: named by this Java, Spark's jars and the class path before them."""
    import pyspark

    spark = sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))
    facts = [_text(java_home / "release"), str(java_home)]
    facts += [f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in (*class_path, *spark)]
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return cache.resolve() / f"{_PREFIX}{digest}{_SUFFIX}"


def make_archive(file: Path, mirror: str, say: Callable[[str], None]) -> None:
    """Make the archive where it is not there, and forget those of other versions; a failure is said and no more."""
    with locked(file.parent / "spark-classes.lock", "jar cache"):
        if file.is_file():
            return
        say("keeping Spark's classes for quicker starts (about a minute, once) …")
        with tempfile.TemporaryDirectory(prefix="classes-", dir=file.parent) as folder:
            aside, home = Path(folder) / file.name, Path(folder) / "home"
            home.mkdir()
            (home / "jars").symlink_to(file.parent)
            command = [sys.executable, "-m", "jobs.class_archive_session", str(home), mirror, str(aside)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_SECONDS)
            except subprocess.TimeoutExpired:
                done = None
            if not aside.is_file():
                why = "it took too long" if done is None else (done.stderr.strip().splitlines() or ["no word"])[-1]
                say(f"Spark's classes were not kept ({why[:200]}): sessions start more slowly")
                return
            for old in file.parent.glob(f"{_PREFIX}*{_SUFFIX}"):
                old.unlink()
            os.replace(aside, file)
        say(f"kept {file.stat().st_size / 2**20:.0f} MB in {file}")


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""
