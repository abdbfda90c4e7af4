"""Training, validation and test parts of time, with no label that reaches from one into the next."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

Instants = NDArray[np.integer]


@dataclass(frozen=True)
class TimeSplit:
    """Row indices of the three parts, each in the order of the input."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_by_time(
    available_at: Instants,
    label_end: Instants,
    validation_start: int,
    test_start: int,
    embargo: int = 0,
) -> TimeSplit:
    """Split rows at two instants; purge and embargo both borders (López de Prado 2018, chapter 7).

    A row belongs to the part in which it becomes available. It is purged where its label is known only at or after the
    start of the next part: its outcome would tell about that part. The embargo then leaves out the first rows of the
    next part, of which features may still overlap with rows before the border.

    Args:
        available_at: (n_rows,) instant at which a row's features are known; any unit, the same for all arguments.
        label_end: (n_rows,) instant at which the row's label is known, not before ``available_at``.
        validation_start: First instant of the validation part.
        test_start: First instant of the test part.
        embargo: How long after each border rows are left out.

    Raises:
        UsageError: The borders are not in order, the embargo is negative, or a label ends before its features.
    """
    if not validation_start <= test_start:
        raise UsageError(
            f"The validation part starts at {validation_start}, after the test part at {test_start}; put it before."
        )
    if embargo < 0:
        raise UsageError(f"The embargo must not be negative, got {embargo}; set it to 0 or the label's horizon.")
    if np.any(label_end < available_at):
        row = int(np.flatnonzero(label_end < available_at)[0])
        raise UsageError(f"The label of row {row} ends before its features are known; check label_end.")
    train = label_end < validation_start
    validation = (available_at >= validation_start + embargo) & (label_end < test_start)
    test = available_at >= test_start + embargo
    return TimeSplit(*(np.flatnonzero(part).astype(np.int64) for part in (train, validation, test)))


def split_by_share(
    available_at: Instants,
    label_end: Instants,
    validation_share: float = 0.2,
    test_share: float = 0.2,
    embargo: int = 0,
) -> TimeSplit:
    """Split at the instants that cut the whole time span by share, then as :func:`split_by_time`.

    Args:
        available_at: As in :func:`split_by_time`.
        label_end: As in :func:`split_by_time`.
        validation_share: Part of the time span, above 0.
        test_share: Part of the time span at its end, above 0.
        embargo: As in :func:`split_by_time`.

    Raises:
        UsageError: There are no rows, a share is not above 0, no time is left for training, or a part has no rows.
    """
    if len(available_at) == 0:
        raise UsageError("There are no rows to split; widen the time range.")
    if validation_share <= 0 or test_share <= 0 or validation_share + test_share >= 1:
        raise UsageError(
            f"Shares must be above 0 and leave time for training, got validation {validation_share} and "
            f"test {test_share}; try 0.2 and 0.2."
        )
    first, last = int(available_at.min()), int(available_at.max())
    span = last - first + 1
    test_start = first + round(span * (1 - test_share))
    validation_start = first + round(span * (1 - test_share - validation_share))
    split = split_by_time(available_at, label_end, validation_start, test_start, embargo)
    for part in ("train", "validation", "test"):
        if len(getattr(split, part)) == 0:
            raise UsageError(
                f"The {part} part has no rows after purge and embargo; "
                "take more time, a shorter horizon or other shares."
            )
    return split
