"""The folder of one training: what was asked, where it runs, how far it is, and what it needs to go on after a kill.

It holds ``configuration.json``, ``environment.json``, ``log.txt`` and, of a network, ``tensorboard/`` and the last
checkpoint. Registering keeps it beside the model, without the checkpoint.
"""

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.installed_version import installed_version

CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
_LIBRARIES = ("foretable", "keras", "numpy", "scikit-learn", "skops", "tensorflow", "tensorflow_cpu")


class TrainingRecord:
    """What one training writes while it goes on; a training that is made again with the same key finds it."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        """Name the folder and who is told of the progress; nothing is written yet."""
        self.folder = folder
        self._say = say

    @property
    def checkpoints(self) -> Path:
        """Where a network keeps what it needs to go on."""
        return self.folder / CHECKPOINTS

    @property
    def tensorboard(self) -> Path:
        """Where TensorBoard finds the losses of a network."""
        return self.folder / TENSORBOARD

    def begin(self, configuration: Mapping[str, Any]) -> None:
        """Write down what is asked for and where it runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, facts in (("configuration", configuration), ("environment", _environment())):
            text = json.dumps(facts, indent=2, sort_keys=True, default=str)
            (self.folder / f"{name}.json").write_text(text, encoding="utf-8")

    def say(self, line: str) -> None:
        """Tell the user, and the log with the time in UTC."""
        self.note(line)
        self._say(line)

    def note(self, line: str) -> None:
        """Tell the log alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")

    def kept(self) -> list[Path]:
        """What stays with a registered model: all but the checkpoints."""
        return sorted(path for path in self.folder.glob("*") if path.name != CHECKPOINTS)

    def remove(self) -> None:
        """Forget it: the training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _environment() -> dict[str, Any]:
    found = {library: number for library in _LIBRARIES if (number := installed_version(library)) is not None}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor_cores": os.cpu_count(),
        "libraries": found,
    }
