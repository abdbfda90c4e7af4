"""What is wrong with a home, as findings with a remedy; nothing is changed. One function a check."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.serve_address import is_loopback
from models.artifact import read_verified
from models.errors import ModelContractError

if TYPE_CHECKING:
    from models.model_version import ModelVersion

Severity = Literal["error", "warning", "info"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}
_DAY_SECONDS = 86_400
_LEAST_FREE_BYTES = 1 << 30
_LISTENERS = (
    "spark.hadoop.hive.server2.thrift.bind.host",
    "hive.server2.thrift.bind.host",
    "spark.connect.grpc.binding.address",
    "spark.driver.bindAddress",
)
_SETTINGS: dict[str, tuple[Callable[[str], bool], str]] = {
    "spark.delta.logStore.file.impl": (
        lambda value: value == "foretable.AtomicLocalLogStore",
        "two processes that write one table on a local disk can lose commits",
    ),
    "spark.databricks.delta.retentionDurationCheck.enabled": (
        lambda value: value.lower() == "true",
        "VACUUM can delete files that a reader still needs",
    ),
    "spark.sql.session.timeZone": (lambda value: value == "UTC", "instants in results and files are shifted"),
    "spark.sql.ansi.enabled": (lambda value: value.lower() == "true", "an overflow or a bad cast gives a wrong number"),
    "spark.sql.files.ignoreCorruptFiles": (lambda value: value.lower() == "false", "rows are lost in silence"),
    "spark.sql.files.ignoreMissingFiles": (lambda value: value.lower() == "false", "rows are lost in silence"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed: an error breaks or endangers work, a warning may, an info is harmless."""

    check: str
    severity: Severity
    subject: str
    finding: str
    remedy: str


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, then infos; otherwise in the order of the checks."""
    return sorted(findings, key=lambda found: _ORDER[found.severity])


def check_artifacts(versions: Iterable[ModelVersion]) -> Iterator[Finding]:
    """Registered versions whose folder is missing or was changed since."""
    for version in versions:
        try:
            read_verified(version.folder, version.digest)
        except (ModelContractError, OSError) as e:
            remedy = "restore the folder from a copy, or train again and foretable models delete this version"
            what = str(e).partition(";")[0]
            yield Finding("artifact", "error", f"{version.name}/{version.version}", what, remedy)


def check_orphans(artifact_root: Path, versions: Iterable[ModelVersion]) -> Iterator[Finding]:
    """Folders of artifacts that no version names: of a deleted version, or of a registration that broke off."""
    named = {folder for version in versions for folder in version.folder.resolve().parents}
    for folder in sorted(artifact_root.resolve().glob("*/")):
        if folder not in named:
            what, remedy = "no registered version names it", "delete the folder if no training is running"
            yield Finding("orphan", "info", str(folder), what, remedy)


def check_locks(schema_folder: Path) -> Iterator[Finding]:
    """Lock files that name a process that is gone; the system gave up its lock, the text alone stayed."""
    for file in sorted((schema_folder / "_locks").glob("*.lock")):
        text = file.read_text(errors="replace").strip()
        process = re.search(r"process (\d+)$", text)
        if process and not _is_alive(int(process[1])):
            what = f"its last run ({text}) has ended"
            yield Finding("lock", "info", str(file), what, "nothing: the next run takes it, foretable runs tells more")


def check_leftovers(home: Path, now: float | None = None) -> Iterator[Finding]:
    """Temporary files and broken downloads that nothing has changed for a day.

    Args:
        home: The home.
        now: Seconds since 1970; the clock where None.
    """
    limit = (time.time() if now is None else now) - _DAY_SECONDS
    asides = (home / "warehouse").glob("*.db/*/_delta_log/.*.tmp")  # of a commit that was killed before its link
    for path in (*sorted((home / "tmp").glob("*")), *sorted((home / "jars").glob("*.part")), *sorted(asides)):
        if _newest_change(path) < limit:
            what, remedy = "nothing has changed it for a day", "delete it while no command or server of this home runs"
            yield Finding("leftover", "info", str(path), what, remedy)


def check_listeners(settings: Mapping[str, str]) -> Iterator[Finding]:
    """Spark settings of the configuration that open a port to other machines; without them all are loopback."""
    for name in _LISTENERS:
        address = settings.get(name)
        if address is not None and not is_loopback(address):
            what = f"{address} can be reached from other machines, and Spark asks for no password"
            severity: Severity = "warning" if name == "spark.driver.bindAddress" else "error"  # clusters need that one
            yield Finding("setting", severity, name, what, "set it to 127.0.0.1, or remove it from the configuration")


def check_settings(settings: Mapping[str, str]) -> Iterator[Finding]:
    """Spark settings of the configuration that take away what keeps tables whole or numbers right."""
    for name, (is_right, why) in _SETTINGS.items():
        value = settings.get(name)
        if value is not None and not is_right(value):
            yield Finding("setting", "error", name, f"{value}: {why}", "remove it from the configuration")


def check_permissions(home: Path) -> Iterator[Finding]:
    """Folders that other users can write: who can change a jar or the registry runs code as their owner."""
    folders = [folder for folder in (home, *sorted(home.glob("*/"))) if folder.is_dir()]
    is_closed = not home.stat().st_mode & stat.S_IXOTH  # then nobody gets to the folders below
    for folder in folders[:1] if is_closed else folders:
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH:
            what = f"every user of this machine can write it (mode {stat.S_IMODE(mode):o})"
            yield Finding("permission", "error", str(folder), what, f"chmod o-w {folder}")
        elif mode & stat.S_IWGRP:
            what = f"its group can write it (mode {stat.S_IMODE(mode):o})"
            yield Finding("permission", "info", str(folder), what, f"chmod g-w {folder} where the group is not yours")


def check_free_space(home: Path) -> Iterator[Finding]:
    """A disk that is nearly full."""
    free_bytes = shutil.disk_usage(home).free
    if free_bytes < _LEAST_FREE_BYTES:
        what = f"{free_bytes / (1 << 20):,.0f} MiB are free, fewer than 1,024"
        yield Finding("disk", "warning", str(home), what, "free space, or foretable maintain to delete expired files")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _newest_change(path: Path) -> float:
    """Seconds since 1970 of the last change in a file or a whole folder; now where it goes away meanwhile."""
    try:
        return max(entry.lstat().st_mtime for entry in (path, *path.rglob("*")))
    except OSError:
        return time.time()
