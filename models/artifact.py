"""A fitted model as a folder: what is written, its digest, and how it is read back to score rows.

The folder holds ``manifest.json`` and the files of one format. Its digest is checked before any file is parsed, and the
bytes that are parsed are the very bytes that were checked. The libraries of a format are imported when it is used.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.manifest import Manifest
from models.protocol import Labels, Model, Rows, check_input, refuse_probability

if TYPE_CHECKING:
    from models.keras_models import RecurrentModel
    from models.sklearn_models import SklearnModel

MANIFEST = "manifest.json"


class Engine(Protocol):
    """What a format gives back when its file is read."""

    def predict(self, X: Rows) -> Labels:
        """One prediction a row."""

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes)."""


@dataclass(frozen=True)
class Scorer:
    """A stored model, ready to score. It holds no training code and never imports TensorFlow."""

    manifest: Manifest
    digest: str
    engine: Engine

    @property
    def largest_input(self) -> float:
        """Largest absolute value a feature may have: forests and networks compute in float32."""
        in_float64 = self.manifest.family in ("ridge", "logistic", "gradient_boosting")
        return float(np.finfo(np.float64 if in_float64 else np.float32).max)

    @property
    def classes(self) -> Labels | None:
        """The labels of a classifier in the order of its probabilities; None for a regressor."""
        return self.manifest.class_array()

    def predict(self, X: Rows) -> Labels:
        """One prediction a row, in the type of the label; ``X`` as in ``models.protocol.Model``, without NaN.

        Raises:
            ModelContractError: ``X`` has another shape than the model's input.
        """
        rows = check_input(X, self.manifest.feature_names, self.manifest.sequence_length)
        if len(rows) == 0:
            # scikit-learn refuses no rows, and ONNX Runtime 1.31 ends the process when a recurrent layer gets none.
            classes = self.manifest.class_array()
            return np.empty(0) if classes is None else classes[:0]
        return self.engine.predict(rows)

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``manifest.classes``.

        Raises:
            ModelContractError: The model is a regressor, or ``X`` has another shape than its input.
        """
        if self.manifest.task == "regression":
            raise refuse_probability(self.manifest.label)
        rows = check_input(X, self.manifest.feature_names, self.manifest.sequence_length)
        if len(rows) == 0:
            return np.empty((0, len(self.manifest.classes)))
        return self.engine.predict_probability(rows)


def save_artifact(model: Model, folder: Path) -> str:
    """Write a fitted model into ``folder``, which is created and must be empty, and return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelContractError(f"{folder} is not empty; save the model into a new folder.")
    if model.artifact_format == "keras":
        from models.format_keras import write_keras

        write_keras(cast("RecurrentModel", model), folder)
    else:
        from models.format_skops import write_skops

        write_skops(cast("SklearnModel", model), folder)
    (folder / MANIFEST).write_text(Manifest.of(model).to_json(), encoding="utf-8")
    return digest_of(_read_files(folder))


def load_scorer(folder: Path, digest: str) -> Scorer:
    """Return the scorer of a stored model after its digest was found right.

    Raises:
        ModelContractError: The folder is missing, was changed, or holds something that Foretable does not load.
    """
    files = _read_files(folder)
    found = digest_of(files)
    if found != digest:
        raise ModelContractError(
            f"The model in {folder} was changed after it was registered (its digest is {found[:12]}, registered was "
            f"{digest[:12]}); restore the folder from a copy or train the model again."
        )
    manifest = Manifest.from_json(files[MANIFEST])
    return Scorer(manifest, found, _read_engine(manifest, files))


def _read_engine(manifest: Manifest, files: dict[str, bytes]) -> Engine:
    if manifest.format == "keras":
        from models.format_keras import ONNX_FILE_NAME, OnnxEngine

        return OnnxEngine(files[ONNX_FILE_NAME], manifest.class_array())
    from models.format_skops import SKOPS_FILE_NAME, read_skops

    return read_skops(files[SKOPS_FILE_NAME])


def digest_of(files: dict[str, bytes]) -> str:
    """Return the SHA-256, as hexadecimal text, over the sorted file names, each with its length and content."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()


def _read_files(folder: Path) -> dict[str, bytes]:
    if not (folder / MANIFEST).is_file():
        raise ModelContractError(
            f"There is no model in {folder}; restore the folder from a copy or train the model again."
        )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
