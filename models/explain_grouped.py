"""Shapley values of a row by the model that answers it: that of its group, or of all rows."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from models.explanation import Explainer, Explanation
from models.group_key import features_of
from models.grouped_engine import GroupedEngine
from models.grouped_linear import LinearChildren
from models.grouped_trees import TreeChildren
from models.protocol import Rows

_MOST_KEPT = 256


class GroupedExplainer:
    """Explains rows with a group; the models of the groups met last are kept ready."""

    def __init__(self, engine: GroupedEngine, explainer_of: Callable[[object], Explainer]) -> None:
        """Take the engine, and what makes an explainer of a fitted estimator of its family."""
        self._engine = engine
        self._explainer_of = explainer_of
        self._at = lru_cache(maxsize=_MOST_KEPT)(self._make)

    def explain(self, rows: Rows) -> Explanation:
        """Explain rows of shape (n_rows, n_features + 2)."""
        features, position = features_of(rows, self._engine.group), self._engine.positions(rows)
        attributions = np.empty_like(features)
        baseline, explained = np.empty(len(rows)), np.empty(len(rows))
        for one in np.unique(position):
            of_one = np.flatnonzero(position == one)
            found = self._at(int(one)).explain(features[of_one])
            attributions[of_one], baseline[of_one], explained[of_one] = (
                found.attributions,
                found.baseline,
                found.explained,
            )
        return Explanation(attributions, baseline, explained)

    def _make(self, position: int) -> Explainer:
        children = self._engine.children
        if position < 0:
            return self._explainer_of(self._engine.parent.estimator)
        if isinstance(children, LinearChildren):
            return self._explainer_of(children.child(position))
        assert isinstance(children, TreeChildren)
        return _OfTrees(children, position)


class _OfTrees:
    """Explains the rows of one group by its trees."""

    def __init__(self, children: TreeChildren, position: int) -> None:
        from models.tree_leaves import leaves_of_group

        self._children = children
        self._position = position
        self._leaves = leaves_of_group(children, position)

    def explain(self, rows: Rows) -> Explanation:
        from models.tree_shap import leaf_attributions

        is_boosting = self._children.is_boosting
        values = self._children.totals(rows, np.full(len(rows), self._position, dtype=np.int64))
        if len(self._leaves.expectation) == 2 and values.shape[1] == 1:  # boosting of two classes
            values = np.column_stack([-values, values])
        predicted = values.argmax(axis=1)
        compared = rows if is_boosting else rows.astype(np.float32).astype(np.float64)
        return Explanation(
            leaf_attributions(compared, predicted, self._leaves),
            self._leaves.expectation[predicted],
            np.take_along_axis(values, predicted[:, None], axis=1)[:, 0],
        )
