"""The walk of rows through the trees of their groups; numba, so it is imported where trees of groups are asked."""

from models.compiled import kernel


@kernel
def add_leaves(rows, order, position, first_tree, root, feature, threshold, left, value, total):  # type: ignore[no-untyped-def]
    """Add to ``total`` what the leaves of each row hold, tree after tree.

    ``value`` has a column for each output of a forest, which a leaf gives at once, or a single one where the trees of
    several outputs take turns. See ``models.grouped_trees.TreeChildren`` for the arrays.
    """
    n_outputs = total.shape[1]
    for i in range(len(order)):
        row = order[i]
        group = position[row]
        first = first_tree[group]
        for tree in range(first, first_tree[group + 1]):
            node = root[tree]
            column = feature[node]
            while column >= 0:
                node = left[node] + (1 if rows[row, column] > threshold[node] else 0)
                column = feature[node]
            leaf = left[node]
            if value.shape[1] == 1:
                total[row, (tree - first) % n_outputs] += value[leaf, 0]
            else:
                for output in range(n_outputs):
                    total[row, output] += value[leaf, output]
