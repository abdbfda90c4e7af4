"""Sliding windows of consecutive rows, the input of sequence models."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError


def sliding_windows(
    X: NDArray[np.float64],
    groups: NDArray[Any],
    steps: NDArray[np.int64],
    n_steps: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the windows of ``n_steps`` rows that follow each other without a hole, and the last row of each.

    A window looks back from its last row and never ahead. It lies within one group, its steps increase by exactly one
    from row to row, and all its values are finite. Rows with fewer usable rows before them get no window.

    Args:
        X: (n_rows, n_features), ordered by group and step.
        groups: (n_rows,) which rows belong together, for example a number a symbol; equal values are adjacent.
        steps: (n_rows,) whole number of the time step, for example ``bar_start // bar_seconds``.
        n_steps: Rows in a window, at least 1.

    Returns:
        Windows of shape (n_windows, n_steps, n_features), oldest row first, in the order of their last rows; and
        (n_windows,) the index in ``X`` of each window's last row.

    Raises:
        UsageError: ``n_steps`` is below 1 or the rows are not ordered by step within a group.
    """
    if n_steps < 1:
        raise UsageError(f"A window needs at least 1 step, got {n_steps}; set sequence_length to 1 or more.")
    n_rows, n_features = X.shape
    if n_rows == 0:
        return np.empty((0, n_steps, n_features)), np.empty(0, dtype=np.int64)
    same_group = np.asarray(groups[1:] == groups[:-1])
    advance = np.diff(steps)
    if np.any(advance[same_group] <= 0):
        row = int(np.flatnonzero(same_group & (advance <= 0))[0]) + 1
        raise UsageError(
            f"Row {row} is not after the row before it in the same group; order rows by group and time, each time once."
        )
    is_finite = np.logical_and.reduce(np.isfinite(X), axis=1)
    continues = np.concatenate([[False], same_group & (advance == 1) & is_finite[1:] & is_finite[:-1]])
    rows = np.arange(n_rows)
    run_start = np.maximum.accumulate(np.where(continues, 0, rows))
    last_rows = np.flatnonzero(is_finite & (rows - run_start + 1 >= n_steps))
    views = np.lib.stride_tricks.sliding_window_view(X, n_steps, axis=0) if n_rows >= n_steps else X[:0, :, None]
    windows = (
        views[last_rows - (n_steps - 1)].transpose(0, 2, 1) if len(last_rows) else np.empty((0, n_steps, n_features))
    )
    return np.ascontiguousarray(windows, dtype=np.float64), last_rows.astype(np.int64)
