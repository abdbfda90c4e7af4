"""Jars of Maven Central: fetched once, checked by digest, shared by every process of a home."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.file_lock import locked
from models.errors import StorageError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
BLOCK = 1 << 16


@dataclass(frozen=True)
class Jar:
    """One artifact of Maven Central, pinned."""

    artifact: str
    version: str
    sha256: str
    group: str = "io.delta"

    @property
    def file_name(self) -> str:
        """Name in the cache and at the end of the address."""
        return f"{self.artifact}-{self.version}.jar"

    def address(self, mirror: str) -> str:
        """Where the mirror (laid out as Maven Central) keeps it."""
        group = self.group.replace(".", "/")
        return f"{mirror.rstrip('/')}/{group}/{self.artifact}/{self.version}/{self.file_name}"


DELTA_JARS = (
    Jar("delta-spark_4.2_2.13", "4.4.0", "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"),
    Jar("delta-storage", "4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
)
POSTGRESQL_JAR = Jar(
    "postgresql",
    "42.7.14",
    "73914527305a40cce504b0d3d90b23caf565136912d607ae8ae7c5895512332c",
    group="org.postgresql",
)


def fetched_jars(
    cache: Path,
    mirror: str = MAVEN_CENTRAL,
    jars: tuple[Jar, ...] = DELTA_JARS,
    say: Callable[[str], None] | None = None,
) -> list[Path]:
    """Paths of the jars in ``cache``; what is missing is fetched from ``mirror``.

    A broken download goes on where it stopped. Two processes at once: one fetches, the other waits.

    Args:
        cache: Folder of the jars; may already hold them (offline use).
        mirror: Base address laid out as Maven Central; ``file:`` works too.
        jars: What is wanted.
        say: Told once before a download.

    Raises:
        StorageError: not to be had, or its digest is not the pinned one.
    """
    with locked(cache / ".lock", "jar cache"):
        return [_have(jar, cache, mirror, say) for jar in jars]


def _have(jar: Jar, cache: Path, mirror: str, say: Callable[[str], None] | None) -> Path:
    target = cache / jar.file_name
    if target.exists():
        if _sha256(target) == jar.sha256:
            return target
        raise StorageError(f"{target} is not the pinned file (its SHA-256 differs): delete it and run again")
    if say:
        say(f"fetching {jar.file_name} from {mirror}")
    part = target.with_suffix(".part")
    try:
        _download(jar.address(mirror), part)
    except (OSError, ValueError, http.client.HTTPException) as e:  # ValueError: the mirror is no address
        reason = getattr(e, "reason", None) or e
        raise StorageError(
            f"{jar.file_name} could not be fetched from {mirror} ({reason}): copy it to {cache}, "
            "or name a mirror in FORETABLE_MAVEN_MIRROR, and run again"
        ) from e
    if _sha256(part) != jar.sha256:
        part.unlink()
        raise StorageError(
            f"{mirror} sent a {jar.file_name} that is not the pinned one: try another FORETABLE_MAVEN_MIRROR"
        )
    os.replace(part, target)
    return target


def _download(address: str, part: Path) -> None:
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as e:
        e.close()
        if e.code == 416:  # nothing is missing: the file was whole, only its renaming was cut off
            return
        raise
    goes_on = getattr(answer, "status", None) == 206  # else the server sends it all again
    start = start if goes_on else 0
    with answer, part.open("ab" if goes_on else "wb") as out:
        expected = answer.headers.get("Content-Length")
        written = 0
        while block := answer.read(BLOCK):
            out.write(block)
            written += len(block)
        if expected is not None and written < int(expected):
            raise OSError(f"the connection broke after {start + written} bytes; the next run goes on from there")


def _sha256(file: Path) -> str:
    with file.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
