"""The part of predict that runs in Spark's Python workers: Arrow columns in, one Arrow column out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.artifact import Scorer, load_scorer

ARROW_TYPES = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "STRING": pa.string(), "BOOLEAN": pa.bool_()}


class ScoreRows:
    """Score batches with one stored model version; pickled to the workers as this reference, never as a live model."""

    def __init__(self, folder: str, digest: str, label_type: str, sequence_length: int) -> None:
        self.folder = folder
        self.digest = digest
        self.label_type = label_type
        self.sequence_length = sequence_length

    def __call__(self, *columns: pa.Array) -> pa.Array:
        """One DOUBLE column a feature (ARRAY<DOUBLE> for a sequence model), in the model's own order.

        Returns the label's type; NULL where a feature is NULL, NaN, infinite or larger than the model can hold, or
        where a sequence is too short.
        """
        scorer = _load_once(self.folder, self.digest)
        inputs = rows(columns) if self.sequence_length == 1 else windows(columns, self.sequence_length)
        return score(scorer, inputs, ARROW_TYPES[self.label_type])


@lru_cache(maxsize=8)
def _load_once(folder: str, digest: str) -> Scorer:
    # Module level, so that all tasks of a worker share one copy; a promoted version has another digest.
    return load_scorer(Path(folder), digest)


def rows(columns: Sequence[pa.Array]) -> NDArray[np.float64]:
    """Matrix (n_rows, n_features) in C order; NaN where a feature is NULL."""
    matrix = np.empty((len(columns[0]), len(columns)))
    for i, column in enumerate(columns):
        matrix[:, i] = column.to_numpy(zero_copy_only=False)
    return matrix


def windows(columns: Sequence[pa.Array], n_steps: int) -> NDArray[np.float64]:
    """Tensor (n_rows, n_steps, n_features) of the last ``n_steps`` elements; NaN where there are fewer, or a NULL."""
    lengths = columns[0].value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    is_long_enough = lengths >= n_steps
    steps = np.cumsum(lengths)[is_long_enough][:, None] + np.arange(-n_steps, 0)[None, :]
    tensor = np.full((len(lengths), n_steps, len(columns)), np.nan)
    for i, column in enumerate(columns):
        tensor[is_long_enough, :, i] = column.flatten().to_numpy(zero_copy_only=False)[steps]
    return tensor


def score(scorer: Scorer, inputs: NDArray[np.float64], arrow_type: pa.DataType) -> pa.Array:
    """Predictions of the rows that hold only numbers the model can take, NULL elsewhere and where it answers NaN."""
    can_score = (np.abs(inputs) <= scorer.largest_input).all(axis=tuple(range(1, inputs.ndim)))
    if not can_score.any():
        return pa.nulls(len(inputs), arrow_type)
    answers = scorer.predict(inputs[can_score])
    is_missing = np.isnan(answers) if answers.dtype.kind == "f" else None
    places = np.cumsum(can_score) - 1
    return pa.array(answers, arrow_type, mask=is_missing).take(pa.array(places, mask=~can_score))
