"""Parts of held-out time by which an evaluation is broken down: by when, by what, and by how much had just happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

By = Literal["regime", "symbol", "hour", "day", "month"]
GROUPINGS: tuple[By, ...] = get_args(By)
_REGIMES = ("calm", "usual", "stormy")
Values = NDArray[np.float64]


def group_names(by: By, rows: pd.DataFrame, passed: Values, passed_in_training: Values) -> NDArray[np.object_]:
    """Return the name of the part to which each row belongs.

    * regime: calm, usual or stormy by the size of the label that has just come true; the borders are the thirds of
      training time, so that a part may hold few rows of held-out time. ``unknown`` where there is no such label.
    * symbol: exchange and symbol.
    * hour, day, month: UTC, of the beginning of the bar.

    Args:
        by: Which of these.
        rows: (n,) rows with exchange, symbol and bar_start.
        passed: (n,) the label known at each row, see ``jobs.naive_predictions.label_before``.
        passed_in_training: (n_training,) the same in training time.
    """
    if by == "regime":
        return _regimes(passed, passed_in_training)
    if by == "symbol":
        return (rows.exchange + " " + rows.symbol).to_numpy(dtype=object)
    form = {"hour": "%H", "day": "%Y-%m-%d", "month": "%Y-%m"}[by]
    return rows.bar_start.dt.strftime(form).to_numpy(dtype=object)


def _regimes(passed: Values, passed_in_training: Values) -> NDArray[np.object_]:
    known = np.abs(passed_in_training[np.isfinite(passed_in_training)])
    names = np.full(len(passed), "unknown", dtype=object)
    is_known = np.isfinite(passed)
    if len(known):
        borders = np.quantile(known, [1 / 3, 2 / 3])
        names[is_known] = np.array(_REGIMES, dtype=object)[np.searchsorted(borders, np.abs(passed[is_known]))]
    return names


def parts_by_name(names: NDArray[np.object_]) -> list[tuple[str, NDArray[np.int64]]]:
    """Each name with its rows: regimes from calm to stormy, others in the order of the alphabet."""
    order = {name: place for place, name in enumerate(_REGIMES)}
    found = sorted(set(names.tolist()), key=lambda name: (order.get(name, len(order)), name))
    return [(name, np.flatnonzero(names == name).astype(np.int64)) for name in found]
