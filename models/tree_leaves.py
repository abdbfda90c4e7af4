"""The leaves of fitted scikit-learn trees in flat arrays, as ``models.tree_shap`` reads them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError

if TYPE_CHECKING:
    from models.grouped_trees import TreeChildren

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
_Split = tuple[float, float, float]


@dataclass(frozen=True)
class TreeLeaves:
    """Leaves of all trees of a model. A condition says that a leaf needs ``lower < x[feature] <= upper``.

    Attributes:
        first_condition: (n_leaves + 1,) where the conditions of each leaf begin; one a feature on the way to it.
        feature: (n_conditions,) column of the input.
        lower: (n_conditions,) exclusive.
        upper: (n_conditions,) inclusive.
        share: (n_conditions,) part of the training rows that went on towards the leaf at the splits by this feature:
            the probability that the condition holds when the feature is unknown.
        value: (n_leaves, n_outputs) what the leaf adds to each output.
        expectation: (n_outputs,) value of each output when every feature is unknown.
    """

    first_condition: Indices
    feature: Indices
    lower: Values
    upper: Values
    share: Values
    value: Values
    expectation: Values


@dataclass(frozen=True)
class _Tree:
    """One tree by nodes; ``left`` is 0 or less at a leaf."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: Values
    cover: Values
    value: Values


def leaves_of_forest(estimator: Any) -> TreeLeaves:
    """Return the leaves of a fitted decision tree or random forest; outputs are the value, or class probabilities."""
    members = getattr(estimator, "estimators_", [estimator])
    trees = []
    for member in members:
        tree = member.tree_
        value = tree.value[:, 0, :] / len(members)
        trees.append(_Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, _cover(tree), value))
    return _flatten(trees, np.zeros(trees[0].value.shape[1]))


def leaves_of_boosting(estimator: Any) -> TreeLeaves:
    """Return the leaves of fitted histogram gradient boosting; outputs are raw scores, for two classes minus and plus.

    Raises:
        ModelContractError: A tree splits by categories.
    """
    baseline = np.atleast_1d(np.ravel(estimator._baseline_prediction)).astype(np.float64)
    is_binary = hasattr(estimator, "classes_") and len(baseline) == 1
    trees = []
    for iteration in estimator._predictors:
        for output, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ModelContractError(
                    "Trees that split by categories cannot be explained; train without the option categorical_features."
                )
            value = np.zeros((len(nodes), len(baseline)))
            value[:, output] = nodes["value"]
            value = np.hstack([-value, value]) if is_binary else value
            left = np.where(nodes["is_leaf"], 0, nodes["left"])
            cover = nodes["count"].astype(np.float64)
            trees.append(_Tree(left, nodes["right"], nodes["feature_idx"], nodes["num_threshold"], cover, value))
    return _flatten(trees, np.append(-baseline, baseline) if is_binary else baseline)


def leaves_of_group(children: "TreeChildren", position: int) -> TreeLeaves:
    """Return the leaves of the trees of one group; outputs as of the functions above for an estimator."""
    arrays = children.arrays
    baseline = arrays["baseline"][position]
    first, last = arrays["first_tree"][position : position + 2]
    is_binary = children.is_boosting and children.has_classes and len(baseline) == 1
    ends = np.append(arrays["root"][1:], len(arrays["feature"]))
    trees = []
    for number, tree in enumerate(range(first, last)):
        root = arrays["root"][tree]
        nodes = slice(root, ends[tree])
        is_leaf, left = arrays["feature"][nodes] < 0, arrays["left"][nodes].astype(np.int64)
        value = np.zeros((len(left), len(baseline)))
        of_leaves = arrays["value"][left[is_leaf]]
        if children.is_boosting:
            value[is_leaf, number % len(baseline)] = of_leaves[:, 0]
        else:
            value[is_leaf] = of_leaves / (last - first)
        value = np.hstack([-value, value]) if is_binary else value
        below = np.where(is_leaf, 0, left - root)
        feature, threshold, cover = (arrays[name][nodes] for name in ("feature", "threshold", "cover"))
        trees.append(_Tree(below, below + 1, feature, threshold, cover, value))
    return _flatten(trees, np.append(-baseline, baseline) if is_binary else baseline)


def _cover(tree: Any) -> Values:
    return np.asarray(tree.weighted_n_node_samples, dtype=np.float64)


def _flatten(trees: list[_Tree], baseline: Values) -> TreeLeaves:
    first, columns, splits, values = [0], [], [], []
    expectation = baseline.copy()
    for tree in trees:
        stack: list[tuple[int, dict[int, _Split]]] = [(0, {})]
        while stack:
            node, conditions = stack.pop()
            if tree.left[node] <= 0:
                columns += list(conditions)
                splits += list(conditions.values())
                first.append(len(columns))
                values.append(tree.value[node])
                expectation += tree.value[node] * tree.cover[node] / tree.cover[0]
                continue
            feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
            lower, upper, share = conditions.get(feature, (-np.inf, np.inf, 1.0))
            left, right = int(tree.left[node]), int(tree.right[node])
            below = (lower, min(upper, threshold), share * tree.cover[left] / tree.cover[node])
            above = (max(lower, threshold), upper, share * tree.cover[right] / tree.cover[node])
            stack += [(right, {**conditions, feature: above}), (left, {**conditions, feature: below})]
    bounds = np.array(splits, dtype=np.float64).reshape(-1, 3)
    lowers, uppers, shares = (np.ascontiguousarray(bounds[:, part]) for part in range(3))
    return TreeLeaves(
        np.array(first, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        lowers,
        uppers,
        shares,
        np.array(values),
        expectation,
    )
