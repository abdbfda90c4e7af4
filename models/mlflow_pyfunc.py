"""A stored model as MLflow's python_function: what ``mlflow models serve`` and ``mlflow.pyfunc.load_model`` use.

``MLmodel`` beside the manifest names this module; MLflow calls :func:`_load_pyfunc` with the folder.
"""

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.errors import DataContractError, ModelContractError
from models.group_key import key_columns
from models.manifest import Manifest
from models.protocol import Labels, Rows
from models.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

FILE_NAME = "MLmodel"


def write_mlmodel(manifest: Manifest, folder: Path) -> None:
    """Describe the model in ``folder`` to MLflow: how it is loaded, and its signature."""
    from mlflow.models import Model

    described = Model(signature=_signature(manifest))
    # As mlflow.pyfunc.add_to_model does, of which the import warns of type hints and takes seconds.
    described.add_flavor("python_function", loader_module=__name__, python_version=platform.python_version())
    described.save(str(folder / FILE_NAME))


def _signature(manifest: Manifest) -> "ModelSignature":
    """Columns by name, or for a sequence model a tensor (n, steps, features) in the order of the manifest."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    answers = {"DOUBLE": "double", "BIGINT": "long", "BOOLEAN": "boolean", "STRING": "string"}
    names = manifest.feature_names
    group = [] if manifest.group is None else [ColSpec("string", manifest.group)]
    inputs = (
        Schema([*(ColSpec("double", name) for name in names), *group])
        if manifest.sequence_length == 1
        else Schema([TensorSpec(np.dtype(np.float64), (-1, manifest.sequence_length, len(names)))])
    )
    return ModelSignature(inputs, Schema([ColSpec(answers[manifest.label_type])]))


def _load_pyfunc(path: str) -> "ServedModel":
    """Load the model in a folder; its golden rows are asked, as at every load."""
    from models.artifact import load_copied_scorer

    return ServedModel(load_copied_scorer(Path(path)))


class ServedModel:
    """What MLflow asks for predictions: as ``predict`` in SQL, a row that cannot be answered gets None."""

    def __init__(self, scorer: Scorer) -> None:
        """Serve a loaded model."""
        self._scorer = scorer

    def predict(self, data: "pd.DataFrame | Rows", params: dict[str, Any] | None = None) -> Labels:
        """One answer a row, in the type of the label.

        Args:
            data: A DataFrame with the features as columns in any order, or an array in the order of the manifest, for
                a sequence model (n, steps, n_features). Where the model has a TRANSFORM, its results. Where it has a
                model for each group, a DataFrame with the group's column, as text.
            params: MLflow's; there are none.

        Raises:
            DataContractError: A row has no answer, and the model was trained with ``null_policy = 'fail'``.
            ModelContractError: The array has another shape than the model's input, or an array was given to a model
                of groups.
        """
        manifest, scorer = self._scorer.manifest, self._scorer
        inputs = self._inputs(data)
        if manifest.null_policy == "impute":
            inputs = scorer.impute(inputs)
        can_score = (np.abs(inputs) <= scorer.largest_input).all(axis=tuple(range(1, inputs.ndim)))
        if manifest.null_policy == "fail" and not can_score.all():
            raise DataContractError(
                f"row {int(np.argmin(can_score))} lacks a feature, and the model allows none to lack"
            )
        answers = scorer.predict(inputs[can_score])
        if can_score.all():
            return answers
        spread: Labels = np.full(len(inputs), None, dtype=object)
        spread[can_score] = answers
        return spread

    def _inputs(self, data: "pd.DataFrame | Rows") -> Rows:
        manifest = self._scorer.manifest
        if isinstance(data, np.ndarray):
            if manifest.group is not None:
                raise ModelContractError(
                    f"an array has no column {manifest.group}, by which the model answers: give a DataFrame"
                )
            return np.asarray(data, np.float64)
        features = data[list(manifest.feature_names)].to_numpy(np.float64)
        if manifest.group is None:
            return features
        groups = data[manifest.group].astype(object)
        return np.hstack([features, key_columns(groups.where(groups.notna(), None))])
