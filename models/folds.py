"""Several cuts of the same time into rows to fit on and later, or other, rows to measure on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

FoldScheme = Literal["walk_forward", "purged_k_fold"]
Instants = NDArray[np.integer]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Row indices to fit on and to measure on, each in the order of the input."""

    train: Places
    test: Places


def walk_forward(available_at: Instants, label_end: Instants, n_folds: int, embargo: int = 0) -> list[Fold]:
    """Measure on stretches of time one after the other, each time fitted on all that is known before.

    Time is cut into ``n_folds`` + 1 stretches of equally many instants; the first is only fitted on. A row is fitted on
    where its label is known before the stretch begins; the first rows of a stretch, up to ``embargo`` after its
    beginning, are left out.

    Args:
        available_at: (n_rows,) instant at which a row's features are known; any unit, the same for all arguments.
        label_end: (n_rows,) instant at which the row's label is known, not before ``available_at``.
        n_folds: At least 2.
        embargo: How long after each border rows are left out.

    Raises:
        UsageError: A fold has no row, or fewer than 2 to fit on.
    """
    borders = _borders(available_at, n_folds, n_folds + 1)

    def fold(first: int, end: int) -> Fold:
        is_tested = (available_at >= first + embargo) & (available_at < end)
        return _fold(label_end < first, is_tested)

    return _checked([fold(*span) for span in borders[1:]], n_folds)


def purged_k_fold(available_at: Instants, label_end: Instants, n_folds: int, embargo: int = 0) -> list[Fold]:
    """Measure on each stretch of time once, fitted on all others (López de Prado 2018, chapter 7).

    Time is cut into ``n_folds`` stretches of equally many instants. Rows whose time from features to label overlaps
    with that of a measured row are purged; so are those that begin up to ``embargo`` after the last measured label.
    Unlike in :func:`walk_forward` a model may be fitted on later rows than it is measured on.

    Args and errors as in :func:`walk_forward`.
    """
    borders = _borders(available_at, n_folds, n_folds)

    def fold(first: int, end: int) -> Fold:
        is_tested = (available_at >= first) & (available_at < end)
        last_label = int(label_end[is_tested].max(initial=first))
        return _fold((label_end < first) | (available_at > last_label + embargo), is_tested)

    return _checked([fold(*span) for span in borders], n_folds)


FOLD_SCHEMES: Mapping[FoldScheme, Callable[[Instants, Instants, int, int], list[Fold]]] = {
    "walk_forward": walk_forward,
    "purged_k_fold": purged_k_fold,
}


def folds_before(
    until: int, scheme: FoldScheme, available_at: Instants, label_end: Instants, n_folds: int, embargo: int
) -> tuple[Fold, ...]:
    """Folds of the rows whose label is known before ``until``; the indices are those of all rows."""
    rows = np.flatnonzero(label_end < until).astype(np.int64)
    folds = FOLD_SCHEMES[scheme](available_at[rows], label_end[rows], n_folds, embargo)
    return tuple(Fold(rows[fold.train], rows[fold.test]) for fold in folds)


def _borders(available_at: Instants, n_folds: int, n_spans: int) -> list[tuple[int, int]]:
    """First instant and end of stretches with equally many instants."""
    if n_folds < 2:
        raise UsageError(f"Folds are at least 2, got {n_folds}.")
    instants = np.unique(available_at)
    if len(instants) < n_spans:
        raise UsageError(f"{n_folds} folds need rows at {n_spans} instants or more, got {len(instants)}; take fewer.")
    starts = [int(part[0]) for part in np.array_split(instants, n_spans)]
    return list(zip(starts, [*starts[1:], int(instants[-1]) + 1], strict=True))


def _fold(is_fitted: NDArray[np.bool_], is_tested: NDArray[np.bool_]) -> Fold:
    return Fold(np.flatnonzero(is_fitted).astype(np.int64), np.flatnonzero(is_tested).astype(np.int64))


def _checked(folds: list[Fold], n_folds: int) -> list[Fold]:
    for number, fold in enumerate(folds, start=1):
        if len(fold.train) < 2 or len(fold.test) == 0:
            raise UsageError(
                f"Fold {number} of {n_folds} has {len(fold.train)} rows to fit on and {len(fold.test)} to measure on "
                "after purge and embargo; take fewer folds, more time or a shorter horizon."
            )
    return folds
