"""Inputs of a training as Arrow brings them: made to rows of an array a part at a time, and where they are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.protocol import Rows
from udfs.inputs import Inputs, read_inputs


@dataclass(frozen=True)
class InputParts:
    """Inputs of a training, by row in the order in which Arrow brings them.

    Attributes:
        parts: One DOUBLE column a feature, or one ARRAY<DOUBLE> column a feature for a sequence model; and after them,
            where rows have a group, its two columns.
        sequence_length: Steps in one input.
    """

    parts: list[pa.RecordBatch]
    sequence_length: int

    def inputs(self) -> Iterator[Inputs]:
        """Each part as a model takes it."""
        return (read_inputs(part.columns, self.sequence_length) for part in self.parts)

    def are_usable(self, is_imputing: bool) -> NDArray[np.bool_]:
        """Rows with all features; a missing one is no hindrance where it will be imputed."""
        found = [np.empty(0, dtype=bool)]
        for inputs in self.inputs():
            is_known = np.isfinite(inputs.values)
            if is_imputing:
                is_known |= np.isnan(inputs.values)
            found.append(inputs.is_whole & is_known.all(axis=tuple(range(1, inputs.values.ndim))))
        return np.concatenate(found)

    def values_by_place(self) -> Iterator[NDArray[np.float64]]:
        """The values of all rows at the first place of an input, at the second, and so on."""
        flat = [inputs.values.reshape(len(inputs.values), prod(inputs.values.shape[1:])) for inputs in self.inputs()]
        for i in range(flat[0].shape[1]):
            yield np.concatenate([values[:, i] for values in flat])

    def gathered(self, rows: NDArray[np.int64]) -> Rows:
        """The inputs of these rows, at least one, in their order."""
        place = np.full(sum(map(len, self.parts)), -1)
        place[rows] = np.arange(len(rows))
        values, end = None, 0
        for inputs in self.inputs():
            if values is None:
                values = np.empty((len(rows), *inputs.values.shape[1:]))
            start, end = end, end + len(inputs.values)
            here = place[start:end]
            values[here[here >= 0]] = inputs.values[here >= 0]
        assert values is not None
        return values
