"""A model for each group of rows, and one of all rows for groups with too few or none: fitted as one."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError
from models.group_key import Keys, features_of, has_group, keys_of
from models.grouped_engine import CHILDREN, GroupedEngine
from models.protocol import Labels, ModelSpec, Rows, Validation, check_input, refuse_probability
from models.sklearn_models import SklearnChoice, SklearnModel
from models.training_record import TrainingRecord

OWN = "own"
GROUPED_FAMILIES = tuple(CHILDREN)


def check_group(spec: ModelSpec) -> None:
    """Refuse a spec that cannot be fitted by group.

    Raises:
        UsageError: The family keeps no models by group, or ``group_min_rows`` is below 2.
    """
    if spec.group is None:
        return
    if spec.family not in GROUPED_FAMILIES:
        raise UsageError(
            f"{spec.family} cannot be trained by group; choose one of {', '.join(GROUPED_FAMILIES)}, "
            "or leave group out."
        )
    if spec.group_min_rows < 2:
        raise UsageError(f"group_min_rows is a whole number from 2 on, got {spec.group_min_rows}.")


class GroupedModel:
    """A parent fitted on all rows and a child of the same family and options for each group that has enough of them.

    A child is what the family fits on the rows of its group alone, early stopping included. A group has none where it
    has fewer than ``spec.group_min_rows`` training rows, where its rows lack a class (it would be given no chance
    there), or where scikit-learn refuses to fit them; then the parent answers, as for a group that training has not
    seen and for a row without one.

    Attributes:
        status: For the hash of each training group ``own``, or why the parent answers.
    """

    artifact_format = "skops"

    def __init__(self, spec: ModelSpec, feature_names: tuple[str, ...], choice: SklearnChoice) -> None:
        """Make an unfitted model; ``spec`` is checked by ``models.families``."""
        assert spec.group is not None
        self.spec = spec
        self.group = spec.group
        self.feature_names = feature_names
        self.label = spec.label
        self.task = spec.task
        self.sequence_length = 1
        self.status: Mapping[int, str] = {}
        self._choice = choice
        self.parent = SklearnModel(dataclasses.replace(spec, group=None), feature_names, choice)
        self.estimator = self.parent.estimator

    @property
    def classes(self) -> Labels | None:
        """The labels seen in training, sorted; None for a regressor."""
        return self.parent.classes

    @property
    def loss_history(self) -> dict[str, list[float]]:
        """That of the parent."""
        return self.parent.loss_history

    def fit(
        self, X: Rows, y: Labels, validation: Validation | None = None, record: TrainingRecord | None = None
    ) -> "GroupedModel":
        """Fit the parent, then the children; ``X`` has the columns of ``models.group_key`` after the features.

        Nothing is noted in ``record``.

        Raises:
            UsageError: As ``SklearnModel.fit``.
            ModelContractError: ``X`` has another shape, or the family's trees cannot be kept by group.
        """
        rows, labels = self._checked(X), np.asarray(y)
        features = features_of(rows, self.group)
        later = (
            None if validation is None else _Part(self._checked(validation[0]), np.asarray(validation[1]), self.group)
        )
        self.parent.fit(features, labels, None if later is None else (later.features, later.labels))
        part = _Part(rows, labels, self.group)
        status, children = {}, {}
        for key in part.keys:
            own = part.rows_of(key)
            reason = self._too_little(labels[own])
            if reason is None:
                try:
                    children[key] = self._fit_child(
                        features[own], labels[own], None if later is None else later.of(key)
                    )
                except ValueError as refused:  # a degenerate group must not cost the others their models
                    reason = f"its fit failed: {' '.join(str(refused).split())[:200]}"
            status[int(key)] = reason or OWN
        self.status = status
        keys = np.array(sorted(children), dtype=np.uint64)
        estimators = [children[key].estimator for key in keys]
        self.engine = GroupedEngine.of(self.spec.family, self.group, self.estimator, keys, estimators)
        return self

    def predict(self, X: Rows) -> Labels:
        """One prediction a row, of its group's model."""
        return self.engine.predict(self._checked(X))

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``classes``."""
        if self.task == "regression":
            raise refuse_probability(self.label)
        return self.engine.predict_probability(self._checked(X))

    def _checked(self, X: Rows) -> Rows:
        return check_input(X, self.feature_names, self.sequence_length, self.group)

    def _too_little(self, labels: Labels) -> str | None:
        """Why the rows of a group are not enough for a model of its own."""
        if len(labels) < self.spec.group_min_rows:
            return f"{len(labels)} training rows, fewer than {self.spec.group_min_rows}"
        if self.classes is not None:
            known = set(labels.astype(self.classes.dtype).tolist())
            lacking = [label for label in self.classes.tolist() if label not in known]
            if lacking:
                return f"its training rows lack the class {lacking[0]}"
        return None

    def _fit_child(self, features: Rows, labels: Labels, validation: Validation | None) -> SklearnModel:
        child = SklearnModel(self.parent.spec, self.feature_names, self._choice, n_fit_threads=1)
        return child.fit(features, labels, validation)


class _Part:
    """Rows with their labels, found by group."""

    def __init__(self, rows: Rows, labels: Labels, group: str) -> None:
        self.features = features_of(rows, group)
        self.labels = labels
        self._named = np.flatnonzero(has_group(rows))
        self._of_named = keys_of(rows)[self._named]

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return self._named[np.argsort(self._of_named, kind="stable")]

    @cached_property
    def _bounds(self) -> tuple[Keys, NDArray[np.int64]]:
        keys, n_rows = np.unique(self._of_named, return_counts=True)
        return keys, np.concatenate([[0], np.cumsum(n_rows)])

    @property
    def keys(self) -> Keys:
        return self._bounds[0]

    def rows_of(self, key: np.uint64) -> NDArray[np.int64]:
        """Rows of a group in their own order; none where the group does not occur."""
        keys, bounds = self._bounds
        place = int(np.searchsorted(keys, key))
        if place == len(keys) or keys[place] != key:
            return self._order[:0]
        return self._order[bounds[place] : bounds[place + 1]]

    def of(self, key: np.uint64) -> Validation | None:
        """Features and labels of a group; None where there are none."""
        rows = self.rows_of(key)
        return (self.features[rows], self.labels[rows]) if len(rows) else None
