"""A bounded number of many rows, the same ones each time."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)
_SEED = 0


def sample_rows(rows: NDArray[_Scalar], most_rows: int) -> NDArray[_Scalar]:
    """Return all rows, or a fixed random sample of ``most_rows`` of them, in their order."""
    if len(rows) <= most_rows:
        return rows
    return rows[np.sort(np.random.default_rng(_SEED).choice(len(rows), most_rows, replace=False))]
