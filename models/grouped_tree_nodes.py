"""The nodes of fitted scikit-learn trees in flat arrays, as ``models.grouped_trees`` keeps them for groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError


def n_outputs(estimator: Any) -> int:
    """How many numbers the trees of an estimator add up for a row."""
    if hasattr(estimator, "_predictors"):
        return int(estimator.n_trees_per_iteration_)
    return len(estimator.classes_) if hasattr(estimator, "classes_") else 1


def forest_nodes(estimator: Any) -> dict[str, NDArray[Any]]:
    """Return the nodes of a decision tree or random forest; a leaf holds its value, or the share of each class."""
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
    return {**_laid_out(fields), "baseline": np.zeros((1, n_outputs(estimator)))}


def boosting_nodes(estimator: Any) -> dict[str, NDArray[Any]]:
    """Return the nodes of histogram gradient boosting; its trees take turns over the outputs.

    Raises:
        ModelContractError: A tree splits by categories.
    """
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
