"""Shapley values of models that can only be asked: sampled permutations of the features.

A feature that is unknown is set to its training mean in every step. In the order of a permutation features become known
one after the other, and what each changes is its attribution in this order; the mean over permutations estimates the
Shapley value (Castro et al. 2009; Štrumbelj and Kononenko 2014). Each permutation comes with its reverse, which lowers
the variance. The changes of one order add up to the whole difference, so the sums are exact with any number of orders.
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.explanation import Explanation
from models.protocol import Rows

if TYPE_CHECKING:
    from models.scorer import Scorer

Values = NDArray[np.float64]
_N_PERMUTATIONS = 32
_SEED = 0
_INPUTS_AT_ONCE = 16_384


class SampledExplainer:
    """Explains a network; of sequences each feature over its whole window at once."""

    def __init__(self, scorer: "Scorer") -> None:
        """Take the scorer.

        Raises:
            ModelContractError: The training means were not stored with the model.
        """
        if scorer.profile is None:
            raise ModelContractError(
                f"The model of {scorer.manifest.label} was stored without the means of its features, which its "
                "explanation compares with; train the model again."
            )
        self._scorer = scorer
        self._mean = scorer.profile.mean
        self._permutations = permutations(len(self._mean))
        self._coalitions, self._positions = _coalitions(self._permutations)

    def explain(self, rows: Rows) -> Explanation:
        """Explain rows of shape (n_rows, n_features), or windows of shape (n_rows, n_steps, n_features)."""
        n_rows_at_once = max(1, _INPUTS_AT_ONCE // len(self._coalitions))
        parts = [self._explain(rows[i : i + n_rows_at_once]) for i in range(0, len(rows), n_rows_at_once)]
        return Explanation(
            np.concatenate([part.attributions for part in parts]),
            np.concatenate([part.baseline for part in parts]),
            np.concatenate([part.explained for part in parts]),
        )

    def _explain(self, rows: Rows) -> Explanation:
        known = self._coalitions[(slice(None), *[None] * (rows.ndim - 1))]
        inputs = np.where(known, rows, self._mean).reshape(-1, *rows.shape[1:])
        values = self._values(inputs, len(rows))
        orders, n_features = self._permutations.shape
        attributions = np.zeros((len(rows), n_features))
        for permutation, places in zip(self._permutations, self._positions, strict=True):
            attributions[:, permutation] += np.diff(values[places], axis=0).T
        return Explanation(attributions / orders, values[self._positions[0, 0]], values[self._positions[0, -1]])

    def _values(self, inputs: Rows, n_rows: int) -> Values:
        """Return (n_coalitions, n_rows): prediction, or probability of the class predicted for the whole row."""
        if self._scorer.classes is None:
            return self._scorer.predict(inputs).reshape(-1, n_rows)
        probability = self._scorer.predict_probability(inputs).reshape(-1, n_rows, len(self._scorer.classes))
        predicted = probability[self._positions[0, -1]].argmax(axis=1)
        return np.take_along_axis(probability, predicted[None, :, None], axis=2)[:, :, 0]


def permutations(n_features: int) -> NDArray[np.int64]:
    """Return orders of the features, each with its reverse: all where they are few, else 32 drawn with a fixed seed."""
    if n_features <= 4:
        return np.array(list(itertools.permutations(range(n_features))), dtype=np.int64)
    random = np.random.default_rng(_SEED)
    drawn = np.array([random.permutation(n_features) for _ in range(_N_PERMUTATIONS // 2)], dtype=np.int64)
    return np.concatenate([drawn, drawn[:, ::-1]])


def _coalitions(orders: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the different sets of known features, and for each order which set comes after 0, 1, … features."""
    n_orders, n_features = orders.shape
    rank = np.argsort(orders, axis=1)
    is_known = rank[:, None, :] < np.arange(n_features + 1)[None, :, None]
    sets, places = np.unique(is_known.reshape(-1, n_features), axis=0, return_inverse=True)
    return sets, places.reshape(n_orders, n_features + 1).astype(np.int64)
