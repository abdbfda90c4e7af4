"""A fitted model as a folder: what is written, its digest, and how it is read back to score rows.

The folder holds ``manifest.json`` and the files of one format. Its digest is checked before any file is parsed, and what
is parsed are the very bytes that were checked.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.format_keras import ONNX_FILE_NAME, OnnxEngine, write_keras
from models.format_skops import FILE_NAME as SKOPS_FILE_NAME
from models.format_skops import read_skops, write_skops
from models.protocol import Labels, Model, Rows, Task, check_input, refuse_probability

MANIFEST = "manifest.json"
LabelType = Literal["DOUBLE", "BIGINT", "BOOLEAN", "STRING"]
_LABEL_TYPES: dict[str, LabelType] = {"f": "DOUBLE", "i": "BIGINT", "u": "BIGINT", "b": "BOOLEAN", "U": "STRING"}
_NUMPY_TYPES: dict[str, type] = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_, "STRING": np.str_}
_WRITERS: dict[str, Any] = {"skops": write_skops, "keras": write_keras}
_LIBRARIES = {"skops": ("numpy", "scikit-learn", "skops"), "keras": ("keras", "numpy", "onnxruntime", "tf2onnx")}


class Engine(Protocol):
    """What a format gives back when its file is read."""

    def predict(self, X: Rows) -> Labels:
        """One prediction a row."""

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes)."""


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says about a model.

    Attributes:
        format: skops or keras.
        family: Model family.
        task: regression or classification.
        feature_names: Order of the features in an input.
        label: What is predicted.
        classes: The labels of a classifier in the order of its probabilities; empty for a regressor.
        label_type: SQL type of a prediction.
        sequence_length: Steps in an input; 1 for one row.
        horizon_seconds: How far ahead the label looks; None where it does not.
        options: Options of the family as configured.
        seed: Seed of the fit.
        libraries: Versions of the libraries that wrote the files.
    """

    format: str
    family: str
    task: Task
    feature_names: tuple[str, ...]
    label: str
    classes: tuple[Any, ...]
    label_type: LabelType
    sequence_length: int
    horizon_seconds: int | None
    options: dict[str, Any]
    seed: int
    libraries: dict[str, str]

    @staticmethod
    def of(model: Model) -> "Manifest":
        """Return the manifest of a fitted model."""
        classes = model.classes
        return Manifest(
            format=model.artifact_format,
            family=model.spec.family,
            task=model.task,
            feature_names=model.feature_names,
            label=model.label,
            classes=() if classes is None else tuple(classes.tolist()),
            label_type="DOUBLE" if classes is None else _LABEL_TYPES[classes.dtype.kind],
            sequence_length=model.sequence_length,
            horizon_seconds=model.spec.horizon_seconds,
            options=dict(model.spec.options),
            seed=model.spec.seed,
            libraries={library: version(library) for library in _LIBRARIES[model.artifact_format]},
        )

    @staticmethod
    def from_json(text: str | bytes) -> "Manifest":
        """Return the manifest that :meth:`to_json` wrote."""
        fields = json.loads(text)
        fields["feature_names"] = tuple(fields["feature_names"])
        fields["classes"] = tuple(fields["classes"])
        return Manifest(**fields)

    def to_json(self) -> str:
        """Return the manifest as JSON text."""
        return json.dumps(self.__dict__, indent=2, sort_keys=True)

    def class_array(self) -> Labels | None:
        """Return the classes in the type of the label; None for a regressor."""
        return np.array(self.classes, dtype=_NUMPY_TYPES[self.label_type]) if self.task == "classification" else None


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

    def predict(self, X: Rows) -> Labels:
        """One prediction a row, in the type of the label; ``X`` as in ``models.protocol.Model``, without NaN.

        Raises:
            ModelContractError: ``X`` has another shape than the model's input.
        """
        return self.engine.predict(check_input(X, self.manifest.feature_names, self.manifest.sequence_length))

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``manifest.classes``.

        Raises:
            ModelContractError: The model is a regressor, or ``X`` has another shape than its input.
        """
        if self.manifest.task == "regression":
            raise refuse_probability(self.manifest.label)
        return self.engine.predict_probability(
            check_input(X, self.manifest.feature_names, self.manifest.sequence_length)
        )


def save_artifact(model: Model, folder: Path) -> str:
    """Write a fitted model into ``folder``, which is created and must be empty, and return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelContractError(f"{folder} is not empty; save the model into a new folder.")
    _WRITERS[model.artifact_format](model, folder)
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
    engine: Engine
    if manifest.format == "keras":
        engine = OnnxEngine(files[ONNX_FILE_NAME], manifest.class_array())
    else:
        engine = read_skops(files[SKOPS_FILE_NAME])
    return Scorer(manifest, found, engine)


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
