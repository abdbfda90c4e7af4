"""Rows of an array without a copy, where they follow each other."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)


def rows_of(values: NDArray[_Scalar], rows: NDArray[np.int64]) -> NDArray[_Scalar]:
    """Return ``values[rows]``; where each row is the next one, as in a part of time, a view that cannot be written to.

    Args:
        values: (n, ...).
        rows: Indices below n, not negative.
    """
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and np.all(np.diff(rows) == 1):
        view = values[rows[0] : rows[-1] + 1]
        view.flags.writeable = False
        return view
    return values[rows]
