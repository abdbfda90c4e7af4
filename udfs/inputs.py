"""Arrow columns as the arrays that a model takes, and what is wrong with a row that it cannot take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

OK, NULL_FEATURE, OUT_OF_RANGE, SHAPE = "OK", "NULL_FEATURE", "OUT_OF_RANGE", "SHAPE"
NAN_OUTPUT, MODEL_ERROR = "NAN_OUTPUT", "MODEL_ERROR"
_BLOCK_ROWS = 4096  # the lines of memory that a block's columns share stay in the cache of a core until all are filled


@dataclass(frozen=True)
class Inputs:
    """A batch as a model takes it.

    Attributes:
        values: (n_rows, n_features), or (n_rows, n_steps, n_features) oldest first; NaN where a value is missing. The
            columns of a group come after the features, and always have a value.
        is_whole: (n_rows,) False where a sequence is NULL or too short.
    """

    values: NDArray[np.float64]
    is_whole: NDArray[np.bool_]

    def can_score(self, largest: float) -> NDArray[np.bool_]:
        """Rows of which every value is a number that the model can hold."""
        return np.asarray((np.abs(self.values) <= largest).all(axis=tuple(range(1, self.values.ndim))))

    def complaints(
        self, rows: NDArray[np.int64], feature_names: Sequence[str], largest: float
    ) -> tuple[list[str], list[str]]:
        """Status and sentence for each of the rows, which cannot be scored; the first feature at fault is named."""
        n_steps = 1 if self.values.ndim == 2 else self.values.shape[1]
        steps = self.values[rows].reshape(len(rows), n_steps, self.values.shape[-1])[:, :, : len(feature_names)]
        is_missing = np.asarray(np.isnan(steps).any(axis=1))
        is_wrong = is_missing | np.asarray((np.abs(steps) > largest).any(axis=1))
        statuses, sentences = [], []
        for row, missing, wrong in zip(rows, is_missing, is_wrong, strict=True):
            if not self.is_whole[row]:
                statuses.append(SHAPE)
                sentences.append(f"the sequence has fewer than {n_steps} rows")
            elif missing.any():
                statuses.append(NULL_FEATURE)
                sentences.append(f"feature {feature_names[int(missing.argmax())]} is NULL or NaN")
            else:
                statuses.append(OUT_OF_RANGE)
                sentences.append(f"feature {feature_names[int(wrong.argmax())]} is infinite or too large for the model")
        return statuses, sentences


def read_inputs(columns: Sequence[pa.Array], sequence_length: int) -> Inputs:
    """One DOUBLE column a feature, or one ARRAY<DOUBLE> column a feature for a sequence model, as a batch."""
    if sequence_length == 1:
        values = _rows(columns)
        return Inputs(values, np.ones(len(values), dtype=bool))
    return _windows(columns, sequence_length)


def _rows(columns: Sequence[pa.Array]) -> NDArray[np.float64]:
    arrays = [column.to_numpy(zero_copy_only=False) for column in columns]
    matrix = np.empty((len(columns[0]), len(columns)))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        for i, array in enumerate(arrays):
            matrix[block, i] = array[block]
    return matrix


def _windows(columns: Sequence[pa.Array], n_steps: int) -> Inputs:
    """The last ``n_steps`` elements of each sequence."""
    lengths = columns[0].value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    is_whole = lengths >= n_steps
    steps = np.cumsum(lengths)[is_whole][:, None] + np.arange(-n_steps, 0)[None, :]
    tensor = np.full((len(lengths), n_steps, len(columns)), np.nan)
    for i, column in enumerate(columns):
        tensor[is_whole, :, i] = column.flatten().to_numpy(zero_copy_only=False)[steps]
    return Inputs(tensor, is_whole)
