"""Fitted trees as one ONNX operator that computes in double, as scikit-learn does.

Every other way to write trees in ONNX keeps thresholds as floats: a row near a threshold then falls to the other side.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from models.onnx_graph import Graph

_IS_AT_MOST = 0  # go on with the true branch where the feature is at most the split
_SUM = 1

Nodes = dict[str, NDArray[Any]]


def add_trees(graph: Graph, rows: str, nodes: Nodes, output_of_tree: NDArray[np.int64] | None) -> str:
    """Add up the values of the leaves that a row falls into.

    Args:
        graph: Gets the operator.
        rows: Name of the rows in it.
        nodes: As from ``models.grouped_tree_nodes``.
        output_of_tree: Which output each tree adds to; None: each adds a value to every output.

    Returns:
        Name of the sums, (n_rows, n_outputs).
    """
    if output_of_tree is None:
        n_outputs, n_trees = nodes["value"].shape[1], len(nodes["root"])
        # A leaf of the operator has one number: trees whose leaves have several stand in it once for each.
        copies = [_branches(nodes, np.full(n_trees, output), output) for output in range(n_outputs)]
    else:
        n_outputs, copies = int(output_of_tree.max()) + 1, [_branches(nodes, output_of_tree, 0)]
    attributes = _joined(copies)
    return graph.add(
        "TreeEnsemble", rows, domain="ai.onnx.ml", n_targets=n_outputs, aggregate_function=_SUM, **attributes
    )


def _branches(nodes: Nodes, output_of_tree: NDArray[np.int64], column: int) -> Nodes:
    """Splits and leaves of all trees in the order of the operator; a leaf gives its value of ``column``."""
    is_leaf, root = nodes["feature"] < 0, nodes["root"]
    split_number = np.cumsum(~is_leaf) - 1
    number = np.where(is_leaf, nodes["left"], split_number)  # of the leaf, or of the split
    inner = np.flatnonzero(~is_leaf)
    below = nodes["left"][inner]
    tree_of_leaf = np.empty(is_leaf.sum(), dtype=np.int64)
    leaves = np.flatnonzero(is_leaf)
    tree_of_leaf[nodes["left"][leaves]] = np.searchsorted(root, leaves, side="right") - 1
    lone = root[is_leaf[root]]  # a tree that is one leaf begins with a split of which both sides are that leaf
    roots = number[root].copy()
    roots[is_leaf[root]] = len(inner) + np.arange(len(lone))
    return {
        "tree_roots": roots,
        "nodes_featureids": np.append(nodes["feature"][inner], np.zeros_like(lone)),
        "nodes_splits": np.append(nodes["threshold"][inner], np.zeros(len(lone))),
        "nodes_truenodeids": np.append(number[below], number[lone]),
        "nodes_trueleafs": np.append(is_leaf[below], np.ones_like(lone)),
        "nodes_falsenodeids": np.append(number[below + 1], number[lone]),
        "nodes_falseleafs": np.append(is_leaf[below + 1], np.ones_like(lone)),
        "leaf_targetids": output_of_tree[tree_of_leaf],
        "leaf_weights": nodes["value"][:, column],
    }


def _joined(copies: list[Nodes]) -> dict[str, Any]:
    """Attributes of the operator: copies of the trees after each other, numbers shifted to their new places."""
    shifted = []
    for place, copy in enumerate(copies):
        splits, leaves = place * len(copy["nodes_splits"]), place * len(copy["leaf_weights"])
        moved = dict(copy, tree_roots=copy["tree_roots"] + splits)
        for side in ("true", "false"):
            is_leaf = copy[f"nodes_{side}leafs"].astype(bool)
            moved[f"nodes_{side}nodeids"] = copy[f"nodes_{side}nodeids"] + np.where(is_leaf, leaves, splits)
        shifted.append(moved)
    whole = {name: np.concatenate([copy[name] for copy in shifted]) for name in shifted[0]}
    tensors = {name: whole.pop(name).astype(np.float64) for name in ("nodes_splits", "leaf_weights")}
    tensors["nodes_modes"] = np.full(len(tensors["nodes_splits"]), _IS_AT_MOST, dtype=np.uint8)
    return {
        **{name: numbers.astype(np.int64).tolist() for name, numbers in whole.items()},
        **{name: numpy_helper.from_array(numbers, name) for name, numbers in tensors.items()},
    }
