"""The models of many groups as one: each row is answered by the model of its group, or by that of all rows."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.format_skops import SkopsEngine
from models.group_index import KeyIndex
from models.group_key import Keys, features_of
from models.grouped_linear import LinearChildren
from models.grouped_trees import TreeChildren
from models.protocol import N_KEY_COLUMNS, Labels, Rows

FILE_NAME = "groups.npz"
CHILDREN: dict[str, type[LinearChildren] | type[TreeChildren]] = {
    **dict.fromkeys(("ridge", "linear", "lasso", "logistic"), LinearChildren),
    **dict.fromkeys(("decision_tree", "random_forest", "gradient_boosting"), TreeChildren),
}
Values = NDArray[np.float64]
Positions = NDArray[np.int64]


class Children(Protocol):
    """Fitted models of groups in arrays; ``position`` says for each row which of them is asked."""

    arrays: dict[str, NDArray[Any]]

    def check(self, n_features: int, n_groups: int) -> bool:
        """Whether the arrays fit together."""

    def predict(self, features: Rows, position: Positions) -> Labels:
        """One prediction a row."""

    def predict_probability(self, features: Rows, position: Positions) -> Values:
        """(n_rows, n_classes)."""


class GroupedEngine:
    """Answers rows with a group, see ``models.group_key``, in one pass."""

    def __init__(self, group: str, parent: SkopsEngine, keys: Keys, children: Children | None) -> None:
        """Take the column, the model of all rows, and the sorted keys of the groups with a model of their own."""
        self.group = group
        self.parent = parent
        self.keys = keys
        self.children = children
        self._index = KeyIndex(keys)

    @staticmethod
    def of(family: str, group: str, parent: Any, keys: Keys, estimators: Sequence[Any]) -> "GroupedEngine":
        """Return the engine of fitted scikit-learn estimators, one for each of the sorted keys."""
        children = CHILDREN[family].of(estimators, parent) if len(estimators) else None
        return GroupedEngine(group, SkopsEngine(parent), keys, children)

    @staticmethod
    def from_bytes(content: bytes, family: str, group: str, parent: SkopsEngine, n_features: int) -> "GroupedEngine":
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ModelContractError: The content is something else.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            keys = arrays.pop("keys")
            is_sorted = keys.dtype == np.uint64 and keys.ndim == 1 and bool((keys[1:] > keys[:-1]).all())
            children = CHILDREN[family](arrays, parent.estimator) if arrays else None
            fits = (
                children is None if len(keys) == 0 else children is not None and children.check(n_features, len(keys))
            )
        except (ValueError, KeyError, IndexError, TypeError, OSError, zipfile.BadZipFile) as unreadable:
            raise ModelContractError(f"{FILE_NAME} cannot be read; train the model again.") from unreadable
        if not (is_sorted and fits):
            raise ModelContractError(f"{FILE_NAME} does not fit the model beside it; train the model again.")
        return GroupedEngine(group, parent, keys, children)

    def to_bytes(self) -> bytes:
        """The models of the groups as a NumPy archive; numbers come back bit for bit."""
        content = io.BytesIO()
        arrays: dict[str, Any] = {} if self.children is None else self.children.arrays
        np.savez_compressed(content, keys=self.keys, **arrays)
        return content.getvalue()

    def predict(self, X: Rows) -> Labels:
        """One prediction a row."""
        return self._asked(X, "predict")

    def predict_probability(self, X: Rows) -> Values:
        """(n_rows, n_classes)."""
        return self._asked(X, "predict_probability")

    def _asked(self, X: Rows, question: Literal["predict", "predict_probability"]) -> Labels:
        position = self._index.positions(X)
        is_own = position >= 0
        of_parent = getattr(self.parent, question)
        if self.children is None or not is_own.any():
            return of_parent(features_of(X, self.group))
        of_children = getattr(self.children, question)
        with np.errstate(over="ignore", invalid="ignore"):
            if is_own.all():
                return of_children(X[:, :-N_KEY_COLUMNS], position)
            answers = of_children(features_of(X[is_own], self.group), position[is_own])
        return _merged(is_own, answers, of_parent(features_of(X[~is_own], self.group)))

    def positions(self, X: Rows) -> Positions:
        """Return which of the groups' models answers each row; -1 for that of all rows."""
        return self._index.positions(X)


def _merged(is_own: NDArray[np.bool_], own: Labels, other: Labels) -> Labels:
    """Answers of two kinds of rows in the order of the rows."""
    merged = np.empty((len(is_own), *own.shape[1:]), dtype=np.result_type(own, other))
    merged[is_own], merged[~is_own] = own, other
    return merged
