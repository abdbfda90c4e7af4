"""Where a history is cut to prove that nothing in it looks ahead: instants that a leak would show at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import DataContractError

Place = Literal["random", "null", "gap", "border", "start", "train_end"]
Instants = NDArray[np.int64]
_MOST_NULLS, _MOST_GAPS, _MOST_BORDERS = 4, 2, 2


@dataclass(frozen=True)
class Cut:
    """An instant: what is known at it stays, what becomes known later is the future.

    ``instant`` is in microseconds since 1970, or in the unit of a time column of integers.
    """

    instant: int
    place: Place


def choose_cuts(
    instants: Instants,
    groups: NDArray[Any],
    null_instants: Sequence[Instants] = (),
    bucket: int | None = None,
    n_random: int = 10,
    seed: int = 0,
) -> tuple[Cut, ...]:
    """Random cuts, and those where leaks hide: at a missing value, at both ends of a hole, around a bucket's border.

    Args:
        instants: (n,) when each row becomes known, any order.
        groups: (n,) which rows form one series, for example a number a symbol: holes are looked for within each.
        null_instants: For each column with missing values, the instants of those rows (a backfill shows only there).
        bucket: Width of the buckets whose borders are tried, in the unit of ``instants``; None: none.
        n_random: How many instants of rows are drawn; the first tenth of the history is left out, also for borders.
        seed: Same seed, same cuts.

    Returns:
        Cuts in order of time, each instant once. After each of them at least one row is left.

    Raises:
        DataContractError: fewer than two different instants: then there is no future to take away.
    """
    distinct = np.unique(instants)
    if len(distinct) < 2:
        raise DataContractError(
            f"rows at two instants at least are needed to cut a history, got {len(distinct)}: give a longer one"
        )
    random = np.random.default_rng(seed)
    inner = distinct[:-1]
    drawn = inner[len(inner) // 10 :]
    chosen: dict[int, Place] = {}
    for instant in random.choice(drawn, min(n_random, len(drawn)), replace=False):
        chosen[int(instant)] = "random"
    for place, found in (
        ("null", _at_nulls(random, null_instants)),
        ("gap", _at_gaps(instants, groups)),
        ("border", _at_borders(random, drawn, bucket)),
    ):
        for instant in found:
            if distinct[0] <= instant < distinct[-1]:
                chosen.setdefault(instant, place)  # type: ignore[arg-type]
    return tuple(Cut(instant, chosen[instant]) for instant in sorted(chosen))


def choose_starts(instants: Instants, n_starts: int = 3, seed: int = 0) -> tuple[int, ...]:
    """Instants of the first half from which a shortened history starts."""
    distinct = np.unique(instants)
    early = distinct[1 : max(2, len(distinct) // 2)]
    return tuple(sorted(int(i) for i in np.random.default_rng(seed).choice(early, min(n_starts, len(early)), False)))


def _at_nulls(random: np.random.Generator, null_instants: Sequence[Instants]) -> Iterator[int]:
    there = [instants for instants in null_instants if len(instants)]
    for i in random.permutation(len(there))[:_MOST_NULLS]:
        yield int(random.choice(there[i]))


def _at_gaps(instants: Instants, groups: NDArray[Any]) -> Iterator[int]:
    """The last instant before each of the widest holes of a group, and the one just before the first row after it."""
    holes = []
    for group in np.unique(groups):
        own = np.unique(instants[groups == group])
        widths = np.diff(own)
        if len(widths) > 1 and widths.max() > 1.5 * np.median(widths):
            i = int(widths.argmax())
            holes.append((int(widths[i]), int(own[i]), int(own[i + 1])))
    for _, before, after in sorted(holes, reverse=True)[:_MOST_GAPS]:
        yield before
        yield after - 1


def _at_borders(random: np.random.Generator, drawn: Instants, bucket: int | None) -> Iterator[int]:
    """Borders of buckets, which belong to the right one, and the instants just before them."""
    if bucket is None:
        return
    borders = np.unique((drawn // bucket + 1) * bucket)
    for border in random.choice(borders, min(_MOST_BORDERS, len(borders)), replace=False):
        yield int(border)
        yield int(border) - 1
