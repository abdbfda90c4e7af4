"""How much each feature moved a prediction: Shapley values, computed as the family allows.

==========================================  =====================  ===================================================
family                                      method                 explained value
==========================================  =====================  ===================================================
ridge, linear, lasso                        exact                  prediction
logistic                                    exact                  log odds of the predicted class; of more than two
                                                                   classes its score before the softmax
decision_tree, random_forest                exact, path dependent  prediction, or probability of the predicted class
gradient_boosting                           exact, path dependent  prediction, or raw score of the predicted class
mlp, lstm, gru, tcn, transformer,           sampled                prediction, or probability of the predicted class
scikit-learn's own by class path
==========================================  =====================  ===================================================

Where each group has a model of its own, that one explains its rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from models.names import is_class_path
from models.protocol import Rows

if TYPE_CHECKING:
    from models.format_skops import SkopsEngine
    from models.grouped_engine import GroupedEngine
    from models.scorer import Scorer

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """What each feature added to the explained value of each row: ``baseline + attributions.sum(axis=1)`` gives it.

    Attributes:
        attributions: (n_rows, n_features) in the unit of the explained value, features in the order of the manifest.
        baseline: (n_rows,) the value that is expected without knowing the row; for a regressor the same for all rows.
        explained: (n_rows,) the value that is explained, see the table at the top of this module.
    """

    attributions: Values
    baseline: Values
    explained: Values


class Explainer(Protocol):
    """Explains the rows of one model; made once for a scorer."""

    def explain(self, rows: Rows) -> Explanation:
        """Explain finite rows in the shape of the model's input, at least one."""


def explainer_of(scorer: "Scorer") -> Explainer:
    """Return the explainer that fits the family of a model.

    Raises:
        ModelContractError: The model was stored without what its explanation needs.
    """
    family = scorer.manifest.family
    if scorer.manifest.format == "keras" or family == "mlp" or is_class_path(family):
        from models.explain_sampled import SampledExplainer

        return SampledExplainer(scorer)
    if scorer.manifest.group is not None:
        from models.explain_grouped import GroupedExplainer

        return GroupedExplainer(cast("GroupedEngine", scorer.engine), lambda one: _explainer_of_estimator(family, one))
    return _explainer_of_estimator(family, cast("SkopsEngine", scorer.engine).estimator)


def _explainer_of_estimator(family: str, estimator: Any) -> Explainer:
    if family in ("ridge", "linear", "lasso", "logistic"):
        from models.explain_linear import LinearExplainer

        return LinearExplainer(estimator)
    from models.explain_trees import TreeExplainer

    return TreeExplainer(estimator)


def no_explanation(n_features: int) -> Explanation:
    """Return the explanation of no rows."""
    return Explanation(np.empty((0, n_features)), np.empty(0), np.empty(0))
