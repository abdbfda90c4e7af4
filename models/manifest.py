"""What the folder of a stored model says about the model."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np

from models.protocol import Labels, Model, NullPolicy, Task, Transform

LabelType = Literal["DOUBLE", "BIGINT", "BOOLEAN", "STRING"]
_LABEL_TYPES: dict[str, LabelType] = {"f": "DOUBLE", "i": "BIGINT", "u": "BIGINT", "b": "BOOLEAN", "U": "STRING"}
_NUMPY_TYPES: dict[str, type] = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_, "STRING": np.str_}
_LIBRARIES = {"skops": ("numpy", "scikit-learn", "skops"), "keras": ("keras", "numpy", "onnxruntime", "tf2onnx")}


def class_type(classes: Labels) -> LabelType:
    """SQL type of the labels of a classifier."""
    return _LABEL_TYPES[classes.dtype.kind]


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
        null_policy: What a feature that is NULL or NaN does at scoring.
        transform: Feature name and SQL expression of each feature that was computed from other columns.
        group: The column that names the group of a row; None for one model of all rows.
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
    null_policy: NullPolicy = "null"
    transform: Transform = ()
    group: str | None = None

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
            label_type="DOUBLE" if classes is None else class_type(classes),
            sequence_length=model.sequence_length,
            horizon_seconds=model.spec.horizon_seconds,
            options=dict(model.spec.options),
            seed=model.spec.seed,
            libraries={library: version(library) for library in _LIBRARIES[model.artifact_format]},
            null_policy=model.spec.null_policy,
            transform=tuple((feature, expression) for feature, expression in model.spec.transform),
            group=model.spec.group,
        )

    @staticmethod
    def from_json(text: str | bytes) -> "Manifest":
        """Return the manifest that :meth:`to_json` wrote, in this or an earlier version of Foretable."""
        fields = json.loads(text)
        fields["feature_names"] = tuple(fields["feature_names"])
        fields["classes"] = tuple(fields["classes"])
        fields["transform"] = tuple((feature, expression) for feature, expression in fields.get("transform", ()))
        return Manifest(**fields)

    def to_json(self) -> str:
        """Return the manifest as JSON text."""
        return json.dumps(self.__dict__, indent=2, sort_keys=True)

    def class_array(self) -> Labels | None:
        """Return the classes in the type of the label; None for a regressor."""
        return np.array(self.classes, dtype=_NUMPY_TYPES[self.label_type]) if self.task == "classification" else None
