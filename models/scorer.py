"""A stored model, ready to score: predictions, intervals, unlikeness, explanations."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.group_key import features_of, has_group, keys_of
from models.manifest import Manifest
from models.protocol import N_KEY_COLUMNS, Labels, Rows, check_input, refuse_probability
from models.training_profile import TrainingProfile

if TYPE_CHECKING:
    from models.explanation import Explainer, Explanation

Values = NDArray[np.float64]
IN_FLOAT64 = frozenset({"ridge", "linear", "lasso", "logistic", "gradient_boosting", "mlp"})


class Engine(Protocol):
    """What a format gives back when its file is read."""

    def predict(self, X: Rows) -> Labels:
        """One prediction a row."""

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes)."""


@dataclass(frozen=True)
class Scorer:
    """A stored model, ready to score. It holds no training code and never imports TensorFlow.

    Attributes:
        manifest: What the model is and needs.
        digest: SHA-256 of the artifact.
        engine: Computes the predictions.
        profile: What the model remembers of its training data; None where it was stored without.
    """

    manifest: Manifest
    digest: str
    engine: Engine
    profile: TrainingProfile | None = None

    @property
    def largest_input(self) -> float:
        """Largest absolute value a feature may have: forests and networks compute in float32."""
        in_float64 = self.manifest.family in IN_FLOAT64
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
        rows = self._checked(X)
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
        rows = self._checked(X)
        if len(rows) == 0:
            return np.empty((0, len(self.manifest.classes)))
        return self.engine.predict_probability(rows)

    def interval(self, predictions: Labels, X: Rows) -> tuple[Values, Values]:
        """Return the lower and upper end of the interval of each prediction, in the unit of the label.

        A group with enough calibration rows has a width of its own, the others have that of all rows.

        They cover the outcome with the probability ``profile.coverage`` as far as new rows are like the calibration
        rows; NaN for a classifier and for a model that was stored without enough calibration rows.
        """
        if self.profile is None or self.manifest.task == "classification":
            return np.full(len(predictions), np.nan), np.full(len(predictions), np.nan)
        half_width = self.profile.half_width if self.manifest.group is None else self._half_widths(X)
        return predictions - half_width, predictions + half_width

    def _half_widths(self, X: Rows) -> Values:
        assert self.profile is not None
        own, pooled = self.profile.group_half_widths, self.profile.half_width
        keys, place = np.unique(keys_of(X), return_inverse=True)
        widths = np.array([own.get(int(key), pooled) for key in keys], dtype=np.float64)[place]
        return np.where(has_group(X), widths, pooled)

    def unlikeness(self, X: Rows) -> Values:
        """Return how unlike the training rows each row is: 1 is as far out as the last 1 % of them.

        The measure is in ``models.unlikeness``. NaN for a model that was stored without a profile.

        Raises:
            ModelContractError: ``X`` has another shape than the model's input.
        """
        rows = features_of(self._checked(X), self.manifest.group)
        return np.full(len(rows), np.nan) if self.profile is None else self.profile.distance.unlikeness(rows)

    def impute(self, X: Rows) -> Rows:
        """Return ``X`` with each NaN replaced by the training median of its feature.

        Raises:
            ModelContractError: ``X`` has another shape than the model's input, or the medians were not stored.
        """
        rows = self._checked(X)
        if self.profile is None:
            raise ModelContractError(
                f"The model of {self.manifest.label} was stored without the medians of its features, so nothing can "
                "stand in for a NULL; train the model again."
            )
        medians = self.profile.median
        if self.manifest.group is not None:
            medians = np.append(medians, np.full(N_KEY_COLUMNS, np.nan))  # nothing stands in for a group
        return np.where(np.isnan(rows), medians, rows)

    def explain(self, X: Rows) -> "Explanation":
        """Return how much each feature moved each prediction away from the baseline, see ``models.explanation``.

        Raises:
            ModelContractError: ``X`` has another shape than the model's input, or the model cannot be explained.
        """
        rows = self._checked(X)
        if len(rows) == 0:
            from models.explanation import no_explanation

            return no_explanation(len(self.manifest.feature_names))
        return self._explainer.explain(rows)

    def _checked(self, X: Rows) -> Rows:
        manifest = self.manifest
        return check_input(X, manifest.feature_names, manifest.sequence_length, manifest.group)

    @cached_property
    def _explainer(self) -> "Explainer":
        from models.explanation import explainer_of

        return explainer_of(self)
