"""Turn an error of Spark into one sentence with the remedy and the exit code that fits."""

from __future__ import annotations

import re

from models import errors
from models.errors import (
    DataContractError,
    ForetableError,
    ModelContractError,
    SafetyError,
    StorageError,
    TryAgainError,
    UsageError,
)

_OURS: dict[str, type[ForetableError]] = {
    error.condition: error
    for error in (UsageError, DataContractError, ModelContractError, StorageError, TryAgainError, SafetyError)
}
_CONFLICTS = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")
_CONDITION = re.compile(  # at the beginning of a line, or after the Java class that Py4J tells first
    r"^\s*(?:: [\w.$]+: )?\[([A-Z][A-Z0-9_.]+)\]\s*(.*)$", re.MULTILINE
)
_WORKER = re.compile(r"^models\.errors\.(\w+): (.+)$", re.MULTILINE)
_CRASH = re.compile(r"Python worker exited unexpectedly \(crashed\): (.*ended its worker.*)")
_DISK = {
    "No space left on device": "the disk is full: free space and run again, nothing was published",
    "Disk quota exceeded": "the quota of the disk is used up: free space and run again, nothing was published",
    "Read-only file system": "the disk is mounted read-only: mount it for writing and run again, nothing was published",
}
_MEMORY = re.compile(
    r"^MemoryError\b|\bArrowMemoryError\b|java\.lang\.OutOfMemoryError|Cannot allocate memory|"
    r"failed to map segment from shared object|"  # an import above the limit of memory
    r"Python worker exited unexpectedly",
    re.MULTILINE,
)
_NAMES = re.compile(r"`[^`]+`(?:\.`[^`]+`)*")


def translate(error: Exception) -> ForetableError | None:
    """The error a user should see for ``error`` of PySpark; None where it is not one of Spark's named conditions."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    return from_text(str(error)) if isinstance(error, PySparkException | Py4JJavaError) else None


def from_text(text: str) -> ForetableError | None:
    """The error a user should see for what Spark printed; None where no line of it starts with a ``[CONDITION]``."""
    found = _CONDITION.search(text)
    for sign, sentence in _DISK.items():
        if sign in text:
            return StorageError(sentence)
    if raised := _WORKER.search(text):
        return getattr(errors, raised.group(1), DataContractError)(raised.group(2))
    if crashed := _CRASH.search(text):
        return ModelContractError(crashed.group(1))
    if _MEMORY.search(text):
        return TryAgainError(
            "a worker of Spark died, as when memory runs out: run again, with fewer tasks at once (--master local[1]) "
            "or a higher limit (spark.executor.pyspark.memory for Python, spark.driver.memory for Java)"
        )
    if found is None:
        return None
    condition, message = found.group(1), _without_code(found.group(2))
    names = [name.replace("`", "") for name in _NAMES.findall(message)]
    if condition in _OURS:
        return _OURS[condition](message)
    if condition.startswith("TABLE_OR_VIEW_NOT_FOUND") and names:
        return DataContractError(f"there is no table or view {names[0]}: SHOW TABLES lists what is there")
    if condition.startswith("UNRESOLVED_COLUMN") and names:
        return DataContractError(
            f"there is no column {names[0]}" + (f": did you mean {', '.join(names[1:])}?" if names[1:] else "")
        )
    if condition.startswith("PARSE"):
        return UsageError(f"SQL: {message}")
    if condition.startswith(_CONFLICTS):
        return TryAgainError(f"another run changed the table meanwhile: run again ({condition})")
    return DataContractError(f"{message} ({condition})")


def _without_code(message: str) -> str:
    without_state = re.sub(r"\s*SQLSTATE: \w+;?", "", message)
    return re.sub(r";? line \d+ pos \d+;?\s*$", "", without_state).strip()[:400]
