"""A network in the middle of its training, kept so that a training that was killed goes on instead of beginning anew.

A checkpoint is a folder ``epoch_12``: the network with its optimizer and its random state as Keras stores them, the
best weights so far, and the course of the losses. It gets its name when it is complete; the one before goes afterwards.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.keras_runtime import quiet_arrays

_NETWORK, _BEST, _COURSE = "network.keras", "best_weights.npz", "course.json"
Weights = list[NDArray[Any]]


@dataclass
class Course:
    """How a training has gone so far.

    Attributes:
        losses: Part (train, validation) to its loss after each epoch.
        best_loss: Smallest validation loss; infinite before the first.
        n_waited: Epochs since then.
        best_weights: The network's weights at the smallest validation loss; None without a validation part.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    best_loss: float = float("inf")
    n_waited: int = 0
    best_weights: Weights | None = None

    @property
    def n_epochs(self) -> int:
        """Epochs that are done."""
        return len(self.losses.get("train", ()))

    def add(self, losses: dict[str, float], network: Any) -> None:
        """Take in an epoch."""
        for part, loss in losses.items():
            self.losses.setdefault(part, []).append(loss)
        if "validation" not in losses:
            return
        if losses["validation"] < self.best_loss:
            self.best_loss, self.n_waited, self.best_weights = losses["validation"], 0, network.get_weights()
        else:
            self.n_waited += 1


def save_checkpoint(folder: Path, network: Any, course: Course) -> None:
    """Keep the network and its course as the newest checkpoint of ``folder``, and remove the earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "unfinished"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    with quiet_arrays():
        network.save(aside / _NETWORK)
    np.savez(aside / _BEST, *(course.best_weights or ()))
    facts = {"losses": course.losses, "best_loss": course.best_loss, "n_waited": course.n_waited}
    (aside / _COURSE).write_text(json.dumps(facts), encoding="utf-8")
    earlier = _checkpoints(folder)
    aside.rename(folder / f"epoch_{course.n_epochs}")
    for old in earlier:
        shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, keras: ModuleType) -> tuple[Any, Course] | None:
    """The network and its course at the newest checkpoint; None where there is none that can be read."""
    for found in reversed(_checkpoints(folder)):
        try:
            with quiet_arrays():
                network = keras.saving.load_model(found / _NETWORK, safe_mode=True)
            with np.load(found / _BEST, allow_pickle=False) as arrays:
                best = [arrays[name] for name in arrays.files]
            facts = json.loads((found / _COURSE).read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError):
            continue
        return network, Course(**facts, best_weights=best or None)
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, the earliest first."""
    return sorted(folder.glob("epoch_*"), key=lambda path: int(path.name.removeprefix("epoch_")))
