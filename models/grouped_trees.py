"""Trees of many groups in one set of arrays: a row walks those of its group, and no others."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.grouped_tree_nodes import boosting_nodes, forest_nodes, n_outputs
from models.protocol import Labels, Rows

Values = NDArray[np.float64]
Positions = NDArray[np.int64]


class TreeChildren:
    """Decision trees, random forests or histogram gradient boosting, one a group.

    Values are added tree after tree as scikit-learn adds them, so the answers are the same to the last bit.

    Attributes:
        arrays: ``first_tree`` (n_groups + 1,) of each group; ``root`` (n_trees,) of each tree. By node: ``feature``,
            -1 for a leaf; ``threshold``; ``left``, the next node where the feature is at most the threshold, else it is
            the one after, and of a leaf its row of ``value``; ``cover``, the weight of the training rows that came
            there. ``value`` (n_leaves, n_outputs), or one column where the trees of boosting take turns over the
            outputs; ``baseline`` (n_groups, n_outputs), to which the values are added.
        is_boosting: Whether the trees are those of gradient boosting.
        has_classes: Whether a prediction is a class.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]], parent: Any) -> None:
        """Take the arrays, and the fitted estimator of all rows, whose classes are those of the groups."""
        self.arrays = arrays
        self.is_boosting = hasattr(parent, "_predictors")
        self.has_classes = hasattr(parent, "classes_")
        self._parent = parent

    @classmethod
    def of(cls, estimators: Sequence[Any], parent: Any) -> Self:
        """Return the arrays of fitted estimators; their place in the sequence is the position of their group.

        Raises:
            ModelContractError: A tree splits by categories.
        """
        lay_out = boosting_nodes if hasattr(parent, "_predictors") else forest_nodes
        parts = [lay_out(estimator) for estimator in estimators]
        n_nodes, n_leaves, n_trees = (
            np.cumsum([0, *(len(part[name]) for part in parts)]) for name in ("feature", "value", "root")
        )
        for part, first_node, first_leaf in zip(parts, n_nodes, n_leaves, strict=False):
            part["root"] += first_node
            part["left"] += np.where(part["feature"] < 0, first_leaf, first_node)
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        arrays["feature"] = arrays["feature"].astype(np.int32)
        arrays["left"] = arrays["left"].astype(np.int32 if n_nodes[-1] < 2**31 else np.int64)
        return cls({**arrays, "first_tree": n_trees.astype(np.int64)}, parent)

    def check(self, n_features: int, n_groups: int) -> bool:
        """Whether every walk stays within the arrays and ends: what was read from a file may be anything."""
        arrays = self.arrays
        first, root, feature, left = (arrays[name] for name in ("first_tree", "root", "feature", "left"))
        is_leaf, place = feature < 0, np.arange(len(feature))
        width = n_outputs(self._parent)
        return bool(
            first.shape == (n_groups + 1,)
            and first[0] == 0
            and first[-1] == len(root)
            and (np.diff(first) >= 0).all()
            and ((root >= 0) & (root < len(feature))).all()
            and len(left) == len(feature) == len(arrays["threshold"]) == len(arrays["cover"])
            and (feature < n_features).all()
            and (is_leaf | ((left > place) & (left < len(feature) - 1))).all()
            and (~is_leaf | ((left >= 0) & (left < len(arrays["value"])))).all()
            and arrays["baseline"].shape == (n_groups, width)
            and arrays["value"].shape[1:] == (1 if self.is_boosting else width,)
        )

    def predict(self, features: Rows, position: Positions) -> Labels:
        """One prediction a row, by the model at its position."""
        totals = self.totals(features, position)
        if not self.has_classes:
            return totals[:, 0]
        if totals.shape[1] == 1:  # boosting of two classes: the log odds of the second
            return self._parent.classes_[(totals[:, 0] > 0).astype(np.int64)]
        return self._parent.classes_.take(totals.argmax(axis=1))

    def predict_probability(self, features: Rows, position: Positions) -> Values:
        """(n_rows, n_classes), by the model at each row's position."""
        totals = self.totals(features, position)
        return self._parent._loss.predict_proba(totals) if self.is_boosting else totals

    def totals(self, features: Rows, position: Positions) -> Values:
        """(n_rows, n_outputs) values or probabilities of a forest; raw scores of boosting."""
        from models.grouped_trees_kernel import add_leaves

        arrays = self.arrays
        # A forest compares float32 values. Rows of a group one after the other find its trees in the cache.
        compared = features if self.is_boosting else features.astype(np.float32)
        totals = arrays["baseline"][position]
        names = ("first_tree", "root", "feature", "threshold", "left", "value")
        add_leaves(compared, np.argsort(position, kind="stable"), position, *(arrays[name] for name in names), totals)
        if self.is_boosting:
            return np.asfortranarray(totals)  # as scikit-learn's own
        if hasattr(self._parent, "estimators_"):
            totals /= len(self._parent.estimators_)
        return totals
