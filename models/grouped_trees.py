"""Trees of many groups in one set of arrays: a row walks those of its group, and no others."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
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
        lay_out = _boosted if hasattr(parent, "_predictors") else _forest
        parts = [lay_out(estimator) for estimator in estimators]
        n_nodes, n_leaves, n_trees = (
            np.cumsum([0, *(len(part[name]) for part in parts)]) for name in ("feature", "value", "root")
        )
        for part, first_node, first_leaf in zip(parts, n_nodes, n_leaves, strict=False):
            part["root"] += first_node
            part["left"] += np.where(part["feature"] < 0, first_leaf, first_node)
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for name in ("feature", "left"):
            arrays[name] = arrays[name].astype(np.int32)
        return cls({**arrays, "first_tree": n_trees.astype(np.int64)}, parent)

    def check(self, n_features: int, n_groups: int) -> bool:
        """Whether every walk stays within the arrays and ends: what was read from a file may be anything."""
        arrays = self.arrays
        first, root, feature, left = (arrays[name] for name in ("first_tree", "root", "feature", "left"))
        is_leaf, place = feature < 0, np.arange(len(feature))
        n_outputs = _n_outputs(self._parent)
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
            and arrays["baseline"].shape == (n_groups, n_outputs)
            and arrays["value"].shape[1:] == (1 if self.is_boosting else n_outputs,)
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


def _n_outputs(estimator: Any) -> int:
    """How many numbers the trees of an estimator add up for a row."""
    if hasattr(estimator, "_predictors"):
        return int(estimator.n_trees_per_iteration_)
    return len(estimator.classes_) if hasattr(estimator, "classes_") else 1


def _forest(estimator: Any) -> dict[str, NDArray[Any]]:
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    fields = [
        {
            "left": tree.children_left,
            "right": tree.children_right,
            "feature": tree.feature,
            "threshold": tree.threshold,
            "cover": np.asarray(tree.weighted_n_node_samples, dtype=np.float64),
            "value": tree.value[:, 0, :],
            "is_leaf": tree.children_left < 0,
        }
        for tree in trees
    ]
    return {**_laid_out(fields), "baseline": np.zeros((1, _n_outputs(estimator)))}


def _boosted(estimator: Any) -> dict[str, NDArray[Any]]:
    fields = []
    for iteration in estimator._predictors:
        for predictor in iteration:
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ModelContractError(
                    "Trees that split by categories cannot be kept by group; train without the option "
                    "categorical_features."
                )
            fields.append(
                {
                    "left": nodes["left"].astype(np.int64),
                    "right": nodes["right"].astype(np.int64),
                    "feature": nodes["feature_idx"],
                    "threshold": nodes["num_threshold"],
                    "cover": nodes["count"].astype(np.float64),
                    "value": nodes["value"][:, None],
                    "is_leaf": nodes["is_leaf"].astype(bool),
                }
            )
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)
    return {**_laid_out(fields), "baseline": baseline}


def _laid_out(trees: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Nodes of trees in new places: the two below a node stand side by side, after it.

    scikit-learn numbers nodes below their parents, so the pair of the first split comes first, that of the second next.
    """
    sizes = np.array([len(tree["feature"]) for tree in trees], dtype=np.int64)
    root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    node = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    first = np.repeat(root, sizes)  # node of each node's tree
    is_leaf = node["is_leaf"]
    inner = np.flatnonzero(~is_leaf)
    n_before = np.cumsum(~is_leaf) - ~is_leaf  # inner nodes before, over all trees
    rank = n_before - n_before[first]
    pair = first + 1 + 2 * rank
    place = first.copy()
    place[first[inner] + node["left"][inner]] = pair[inner]
    place[first[inner] + node["right"][inner]] = pair[inner] + 1
    leaf_row = np.cumsum(is_leaf) - is_leaf
    moved = {
        "feature": np.where(is_leaf, -1, node["feature"]).astype(np.int64),
        "threshold": np.where(is_leaf, 0.0, node["threshold"]),
        "left": np.where(is_leaf, leaf_row, pair),
        "cover": node["cover"],
    }
    arrays = {name: np.empty_like(values) for name, values in moved.items()}
    for name, values in moved.items():
        arrays[name][place] = values
    return {**arrays, "root": root, "value": np.ascontiguousarray(node["value"][is_leaf], dtype=np.float64)}
