"""What a model remembers of its training data: medians to impute, distances, baselines and the width of intervals."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.conformal import conformal_half_width
from models.group_key import features_of, has_group, keys_of
from models.protocol import Labels, Model, Rows, Validation, check_input
from models.row_sample import sample_rows
from models.unlikeness import TrainingDistance, fit_training_distance

NOMINAL_COVERAGE = 0.9
_MOST_ROWS = 100_000
_LEAST_GROUP_ROWS = 30  # fewer would leave the coverage of a group's own interval to chance
Values = NDArray[np.float64]


@dataclass(frozen=True)
class TrainingProfile:
    """What ``profile.json`` in the folder of a model says about its training data.

    Attributes:
        mean: (n_features,) mean of each feature over the training rows, over all steps of sequences.
        median: (n_features,) median of each feature; stands in for a missing value where the model imputes.
        distance: Tells how unlike the training rows a row is.
        n_rows: Number of training rows.
        label_mean: Mean of the label, the simplest prediction of a regressor; None for a classifier.
        class_shares: Share of each class in training, in the order of the classes; empty for a regressor.
        coverage: Nominal coverage of the interval.
        half_width: Half width of the interval in the unit of the label; NaN for a classifier and where there are too
            few calibration rows.
        n_calibration: Number of calibration rows; 0 for a classifier.
        group_half_widths: Half width by hash of the groups with enough calibration rows, see ``models.group_key``.
    """

    mean: Values
    median: Values
    distance: TrainingDistance
    n_rows: int
    label_mean: float | None
    class_shares: tuple[float, ...]
    coverage: float
    half_width: float
    n_calibration: int
    group_half_widths: dict[int, float] = field(default_factory=dict)

    @staticmethod
    def from_json(text: str | bytes) -> "TrainingProfile":
        """Return the profile that :meth:`to_json` wrote."""
        fields = json.loads(text)
        distance = fields["distance"]
        arrays = {name: np.array(distance[name], dtype=np.float64) for name in ("center", "scale", "whitening")}
        return TrainingProfile(
            **{
                **fields,
                "mean": np.array(fields["mean"], dtype=np.float64),
                "median": np.array(fields["median"], dtype=np.float64),
                "distance": TrainingDistance(**arrays, far=distance["far"]),
                "class_shares": tuple(fields["class_shares"]),
                "half_width": math.nan if fields["half_width"] is None else fields["half_width"],
                "group_half_widths": {int(key): width for key, width in fields.get("group_half_widths", {}).items()},
            }
        )

    def to_json(self) -> str:
        """Return the profile as JSON text; numbers come back bit for bit."""
        half_width = None if math.isnan(self.half_width) else self.half_width
        fields = {**self.__dict__, "distance": self.distance.__dict__, "half_width": half_width}
        return json.dumps(fields, default=_as_list, allow_nan=False, sort_keys=True)


def profile_training(model: Model, inputs: Rows, labels: Labels, calibration: Validation | None) -> TrainingProfile:
    """Return what a fitted model is to remember of its training rows.

    Of more than 100,000 rows (steps, for sequences) a fixed random sample is taken for all but the labels, so that the
    cost is bounded.

    Args:
        model: The fitted model.
        inputs: The training rows as ``models.protocol.Model`` takes them, without NaN, at least one.
        labels: (n_rows,) label of each training row.
        calibration: Rows and labels that the model was not fitted on, for the interval of a regressor; None for none.

    Raises:
        ModelContractError: The inputs have another shape than the model's.
    """
    group = model.spec.group
    rows = features_of(check_input(inputs, model.feature_names, model.sequence_length, group), group)
    rows = sample_rows(rows, max(1, _MOST_ROWS // model.sequence_length))
    steps = rows.reshape(-1, len(model.feature_names))
    residuals = _residuals(model, calibration)
    return TrainingProfile(
        mean=steps.mean(axis=0),
        median=np.median(steps, axis=0),
        distance=fit_training_distance(rows),
        n_rows=len(inputs),
        label_mean=float(np.mean(labels)) if model.classes is None else None,
        class_shares=() if model.classes is None else _class_shares(labels, model.classes),
        coverage=NOMINAL_COVERAGE,
        half_width=conformal_half_width(residuals, NOMINAL_COVERAGE),
        n_calibration=len(residuals),
        group_half_widths=_group_half_widths(residuals, calibration) if group is not None else {},
    )


def _residuals(model: Model, calibration: Validation | None) -> Values:
    if calibration is None or model.classes is not None or len(calibration[1]) == 0:
        return np.empty(0)
    inputs, labels = calibration
    return np.asarray(labels, dtype=np.float64) - model.predict(inputs)


def _group_half_widths(residuals: Values, calibration: Validation | None) -> dict[int, float]:
    """Half width of each group with enough calibration rows for one of its own; the others have the pooled one."""
    if calibration is None or len(residuals) == 0:
        return {}
    inputs = calibration[0]
    is_named = has_group(inputs)
    order = np.argsort(keys_of(inputs)[is_named], kind="stable")
    keys, first, n_rows = np.unique(keys_of(inputs)[is_named][order], return_index=True, return_counts=True)
    of_named = residuals[is_named][order]
    return {
        int(key): conformal_half_width(of_named[start : start + n], NOMINAL_COVERAGE)
        for key, start, n in zip(keys, first, n_rows, strict=True)
        if n >= _LEAST_GROUP_ROWS
    }


def _class_shares(labels: Labels, classes: Labels) -> tuple[float, ...]:
    known = np.asarray(labels).astype(classes.dtype)
    return tuple(float(np.mean(known == label)) for label in classes)


def _as_list(value: Values) -> list[Any]:
    return value.tolist()
