"""What every model family offers, so that training, scoring and the registry treat them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.training_record import TrainingRecord

Task = Literal["regression", "classification"]
NullPolicy = Literal["null", "impute", "fail"]
Transform = tuple[tuple[str, str], ...]
Rows = NDArray[np.float64]
Labels = NDArray[Any]
Validation = tuple[Rows, Labels]
Watch = Callable[[int, float], None]  # takes an epoch and its validation loss; may raise to end the training
N_KEY_COLUMNS = 2  # of a group, after the features
GROUP_MIN_ROWS = 50  # training rows that a group needs for a model of its own, where nothing else is asked for


@dataclass(frozen=True)
class ModelSpec:
    """What the configuration asks for: one model to fit.

    Attributes:
        name: Name in the registry.
        family: One of ``models.families.FAMILY_NAMES``.
        label: Name of the value to predict.
        task: Whether the label is a number or a class.
        options: The family's own parameters; those left out take the family's defaults.
        sequence_length: Steps in one input, oldest first; 1 for families that take one row.
        seed: Makes the fit repeatable.
        horizon_seconds: How far the label looks ahead; None where it does not look ahead.
        null_policy: What a feature that is NULL or NaN does at scoring: the prediction is NULL, the training median
            stands in, or the query fails.
        transform: Feature name and the SQL expression over the input columns that made it; the model was trained on
            their values. Stored with the model, never evaluated here.
        group: The column that names the group of a row; each group with enough rows gets a model of its own. None for
            one model of all rows.
        group_min_rows: Training rows that a group needs for a model of its own.
        network: Text of the file that describes a network of the user's own, see ``models.network_source``.
    """

    name: str
    family: str
    label: str
    task: Task = "regression"
    options: Mapping[str, Any] = field(default_factory=dict)
    sequence_length: int = 1
    seed: int = 0
    horizon_seconds: int | None = None
    null_policy: NullPolicy = "null"
    transform: Transform = ()
    # Not part of the text of a spec, of which trainings are recognised: those without a group keep theirs.
    group: str | None = field(default=None, repr=False)
    group_min_rows: int = field(default=GROUP_MIN_ROWS, repr=False)
    network: str | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """All that shapes the fit, for the key of a training."""
        by_group = "" if self.group is None else f" by {self.group} from {self.group_min_rows} rows"
        return f"{self}{by_group}{'' if self.network is None else f' with {self.network}'}"


class Model(Protocol):
    """A model that can be fitted, asked and saved.

    ``X`` is float64 in C order: (n_rows, n_features) where ``sequence_length`` is 1, else
    (n_rows, sequence_length, n_features) with the oldest step first. Columns are in the order of ``feature_names``;
    where ``spec.group`` is set, the two of ``models.group_key`` come after them.
    """

    spec: ModelSpec
    feature_names: tuple[str, ...]
    label: str
    task: Task
    sequence_length: int
    artifact_format: str

    @property
    def classes(self) -> Labels | None:
        """The labels seen in training, sorted, in their own type; None for a regressor."""

    @property
    def loss_history(self) -> dict[str, list[float]]:
        """Loss per iteration for ``train`` and ``validation``; empty where the family has no iterations."""

    def fit(
        self, X: Rows, y: Labels, validation: Validation | None = None, record: TrainingRecord | None = None
    ) -> "Model":
        """Fit on ``X`` and ``y``; families that stop early watch ``validation``, which must be later in time.

        Families that are trained for long note in ``record`` how far they are, and go on from there after a kill.
        """

    def predict(self, X: Rows) -> Labels:
        """One prediction a row: float64 in the unit of the label, or the class in the type of the label."""

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``classes``; a regressor raises ModelContractError."""


def option_of(options: Mapping[str, Any], name: str) -> Any:
    """Return an option of the family, or of a step of its pipeline; None where it is not given."""
    return next((value for key, value in options.items() if key.rpartition("__")[2] == name), None)


def check_input(X: Rows, feature_names: tuple[str, ...], sequence_length: int, group: str | None = None) -> Rows:
    """Return ``X`` as float64 in C order; with a group it has the two columns of ``models.group_key`` at its end.

    Raises:
        ModelContractError: The shape is not that of the model's input.
    """
    rows = np.ascontiguousarray(X, dtype=np.float64)
    width = len(feature_names) + (0 if group is None else N_KEY_COLUMNS)
    row_shape = (width,) if sequence_length == 1 else (sequence_length, width)
    if rows.ndim != len(row_shape) + 1 or rows.shape[1:] != row_shape:
        raise ModelContractError(
            f"The model takes inputs of shape (rows, {', '.join(map(str, row_shape))}), got {rows.shape}; "
            f"pass the features {', '.join(feature_names)} in this order"
            + ("." if group is None else f", and the two columns of {group} (models.group_key) after them.")
        )
    return rows


def refuse_probability(label: str) -> ModelContractError:
    """Return the error of asking a regressor for a probability."""
    return ModelContractError(
        f"The model of {label} predicts a number, which has no probability; use predict, or train a classifier."
    )
