"""Rows with the answers that a model gave when it was fitted: a library or file that changes them is refused.

A digest tells that the bytes of a model are those of its registration. It does not tell that today's scikit-learn or
ONNX Runtime makes the same numbers of them; these rows do, each time the model is loaded.
"""

import io
import zipfile
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.installed_version import installed_version
from models.manifest import Manifest
from models.protocol import Labels, Rows

FILE_NAME = "golden_rows.npz"
MOST_ROWS = 32
# Of the largest answer. Networks compute in float32, and another processor adds up in another order.
_TOLERANCE = {"skops": 1e-9, "keras": 1e-4}
Values = NDArray[np.float64]


class Answering(Protocol):
    """A fitted model or the scorer of a stored one."""

    @property
    def classes(self) -> Labels | None:
        """The labels of a classifier; None for a regressor."""

    def predict(self, X: Rows) -> Labels:
        """One prediction a row."""

    def predict_probability(self, X: Rows) -> Values:
        """(n_rows, n_classes)."""


@dataclass(frozen=True)
class GoldenRows:
    """At most 32 inputs and their answers.

    Attributes:
        inputs: As ``models.protocol.Model`` takes them, without NaN.
        answers: (n,) predictions of a regressor, or (n, n_classes) probabilities.
    """

    inputs: Rows
    answers: Values

    @staticmethod
    def of(model: Answering, inputs: Rows) -> "GoldenRows":
        """Rows spread evenly over ``inputs``, from the first to the last, and what the model answers."""
        places = np.unique(np.linspace(0, len(inputs) - 1, min(len(inputs), MOST_ROWS)).round().astype(np.int64))
        rows = np.ascontiguousarray(inputs[places], dtype=np.float64)
        return GoldenRows(rows, _answers(model, rows))

    @staticmethod
    def from_bytes(content: bytes) -> "GoldenRows":
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ModelContractError: The content is something else.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return GoldenRows(arrays["inputs"], arrays["answers"])
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as unreadable:
            raise ModelContractError(f"{FILE_NAME} cannot be read; train the model again.") from unreadable

    def to_bytes(self) -> bytes:
        """The rows as a NumPy archive; numbers come back bit for bit."""
        content = io.BytesIO()
        np.savez(content, inputs=self.inputs, answers=self.answers)
        return content.getvalue()

    def check(self, scorer: Answering, manifest: Manifest) -> None:
        """Ask the scorer again.

        Raises:
            ModelContractError: An answer is another one; the message names the libraries that have changed.
        """
        found = _answers(scorer, self.inputs)
        scale = np.max(np.abs(self.answers), initial=np.finfo(np.float64).tiny)
        is_same = np.isclose(found, self.answers, rtol=0.0, atol=_TOLERANCE[manifest.format] * scale, equal_nan=True)
        if not is_same.all():
            place = tuple(np.argwhere(~is_same)[0])
            raise ModelContractError(
                f"The model of {manifest.label} answers {found[place]:.9g} to golden row {place[0] + 1} of "
                f"{len(self.inputs)}, where it answered {self.answers[place]:.9g} when it was trained: "
                f"{_changes(manifest.libraries)}, or train the model again."
            )


def _answers(model: Answering, rows: Rows) -> Values:
    answers = model.predict(rows) if model.classes is None else model.predict_probability(rows)
    return np.asarray(answers, dtype=np.float64)


def _changes(then: dict[str, str]) -> str:
    changed = {
        name: (old, new) for name, old in then.items() if (new := installed_version(name) or "not installed") != old
    }
    if not changed:
        return "the libraries have the versions of that day, so install them anew"
    told = ", ".join(f"{name} was {old} and is {new}" for name, (old, new) in changed.items())
    return f"{told}; install those versions"
