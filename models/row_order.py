"""An order of rows by their content, the same for every order in which they arrive."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def order_by(keys: Iterable[NDArray[Any]], n_rows: int) -> NDArray[np.int64]:
    """Indices that sort rows by their first key, where that is equal by the second, and so on; NaN is last.

    As ``np.lexsort`` of the keys in reverse, but a key is only looked at where those before it leave rows equal: with
    times as the first key hardly any.

    Args:
        keys: Arrays of (n_rows,); those after the last one that is needed are not asked for.
        n_rows: Number of rows.
    """
    order = np.arange(n_rows)
    places, run = order.copy(), np.zeros(n_rows, dtype=np.int64)  # of rows not told apart so far
    for key in keys:
        rows = order[places]
        is_one_run = len(run) == 0 or run[0] == run[-1]  # then a plain sort, which is quick where rows come in order
        by_key = np.argsort(key[rows], kind="stable") if is_one_run else np.lexsort((key[rows], run))
        order[places] = rows[by_key]
        values = key[order[places]]
        is_new = np.ones(len(places), dtype=bool)
        is_new[1:] = (run[1:] != run[:-1]) | ~_are_equal(values[1:], values[:-1])
        run = np.cumsum(is_new)
        is_alone = is_new & np.append(is_new[1:], True)
        places, run = places[~is_alone], run[~is_alone]
        if len(places) == 0:
            break
    return order


def _are_equal(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((values == others) | ((values != values) & (others != others)))  # NaN differs from itself
