"""Exact path-dependent Shapley values of trees: those of TreeSHAP (Lundberg, Erion and Lee 2018, algorithm 2).

A feature that is unknown follows both sides of its splits, weighted by the training rows that went there. So a leaf
with conditions i on its way has, for known features S, the expectation ``value * Π_{i in S} o_i * Π_{i not in S} z_i``,
where o_i is 1 if the row meets condition i, else 0, and z_i is the share of training rows that met it. The Shapley
value of feature j in this game is (Owen 1972, multilinear extension)

    value * (o_j - z_j) * ∫_0^1 Π_{i ≠ j} (t * o_i + (1 - t) * z_i) dt.

The integrand is a polynomial of degree d - 1 for d conditions, so Gauss-Legendre quadrature with ⌈d / 2⌉ points is
exact. All factors are positive and nothing is subtracted, unlike in the recursive form of algorithm 2. The integrals
depend on a row only through the o_i, so rows that meet the same conditions of a leaf share one computation.
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel
from models.tree_leaves import TreeLeaves

Values = NDArray[np.float64]
_MOST_SHARED_CONDITIONS = 12


def leaf_attributions(X: Values, output: NDArray[np.int64], leaves: TreeLeaves) -> Values:
    """Return the Shapley value of each feature for one output of a model of trees.

    Args:
        X: (n_rows, n_features), rounded as the trees compare it.
        output: (n_rows,) which output is explained for each row.
        leaves: Of all trees.

    Returns:
        (n_rows, n_features); the sum over features is the output of the row minus ``leaves.expectation`` of the output.
    """
    most_conditions = int(np.diff(leaves.first_condition).max(initial=0))
    points, weights = _quadrature(most_conditions)
    by_feature = _add_leaves(
        np.ascontiguousarray(X.T),
        output,
        leaves.first_condition,
        leaves.feature,
        leaves.lower,
        leaves.upper,
        leaves.share,
        leaves.value,
        points,
        weights,
    )
    return np.ascontiguousarray(by_feature.T)


def _quadrature(most_conditions: int) -> tuple[Values, Values]:
    """Return points in (0, 1) and weights for each number of conditions d from 0: ⌈d / 2⌉ of each, padded with 0."""
    points = np.zeros((most_conditions + 1, most_conditions // 2 + 1))
    weights = np.zeros_like(points)
    for d in range(1, most_conditions + 1):
        n_points = (d + 1) // 2
        on_both_sides, twice = np.polynomial.legendre.leggauss(n_points)
        points[d, :n_points], weights[d, :n_points] = (on_both_sides + 1) / 2, twice / 2
    return points, weights


@kernel
def _add_leaves(columns, output, first_condition, feature, lower, upper, share, value, points, weights):  # type: ignore[no-untyped-def]
    n_features, n_rows = columns.shape
    most_conditions = points.shape[0] - 1
    n_patterns = 1 << min(most_conditions, _MOST_SHARED_CONDITIONS)
    attributions = np.zeros((n_features, n_rows))
    meets = np.zeros(most_conditions, dtype=np.bool_)
    integrals = np.zeros((n_patterns, most_conditions))
    known_for_leaf = np.full(n_patterns, -1, dtype=np.int64)
    for leaf in range(len(first_condition) - 1):
        first = first_condition[leaf]
        n_conditions = first_condition[leaf + 1] - first
        for row in range(n_rows):
            leaf_value = value[leaf, output[row]]
            if leaf_value == 0.0:  # as of all trees for the other classes of boosting
                continue
            pattern = 0
            for i in range(n_conditions):
                x = columns[feature[first + i], row]
                meets[i] = (lower[first + i] < x) & (x <= upper[first + i])
                pattern |= meets[i] << min(i, _MOST_SHARED_CONDITIONS)
            pattern &= n_patterns - 1
            if known_for_leaf[pattern] != leaf or n_conditions > _MOST_SHARED_CONDITIONS:
                known_for_leaf[pattern] = leaf
                for i in range(n_conditions):
                    integrals[pattern, i] = 0.0
                for q in range((n_conditions + 1) // 2):
                    t = points[n_conditions, q]
                    product = weights[n_conditions, q]
                    for i in range(n_conditions):
                        product *= (1.0 - t) * share[first + i] + (t if meets[i] else 0.0)
                    for i in range(n_conditions):
                        factor = (1.0 - t) * share[first + i] + (t if meets[i] else 0.0)
                        integrals[pattern, i] += product / factor
                for i in range(n_conditions):
                    integrals[pattern, i] *= (1.0 if meets[i] else 0.0) - share[first + i]
            for i in range(n_conditions):
                attributions[feature[first + i], row] += leaf_value * integrals[pattern, i]
    return attributions
