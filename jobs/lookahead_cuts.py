"""Cuts of rows that lie in Spark, from their instants, their series and where a value is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from jobs.lookahead_instants import instant_text
from jobs.lookahead_versions import History
from models.cut_points import Cut, choose_cuts, choose_starts


@dataclass(frozen=True)
class Extent:
    """How much of history is checked, and where it is cut."""

    cuts: tuple[Cut, ...]
    starts: tuple[int, ...]
    n_rows: int
    first: int
    last: int


def extent_of(
    histories: Sequence[History], group: Sequence[str], bucket: int | None, n_random: int, seed: int
) -> Extent:
    """Read when the rows of all histories become known and choose the cuts.

    Args:
        histories: Rows that are cut at the same instants.
        group: Columns that tell one series from another.
        bucket: As in ``choose_cuts``.
        n_random: Random cuts.
        seed: Of the choice.

    Raises:
        DataContractError: there are not two different instants.
    """
    frames = []
    for history in histories:
        assert history.known_at is not None
        missing = [F.col(name).isNull().alias(f"_missing_{name}") for name in history.noisy]
        frame = history.rows.select(history.known_at.alias("_at"), *group, *missing).toArrow()
        frames.append(frame.to_pandas(types_mapper=pd.ArrowDtype))
    rows = pd.concat(frames, ignore_index=True)
    at = rows["_at"].to_numpy(np.int64)
    series = rows.groupby(list(group), dropna=False).ngroup().to_numpy() if group else np.zeros(len(rows))
    missing_names = [name for name in rows.columns if name.startswith("_missing_")]
    at_nulls = [at[rows[name].fillna(False).to_numpy(bool)] for name in missing_names]
    cuts = choose_cuts(at, series, at_nulls, bucket, n_random, seed)
    return Extent(cuts, choose_starts(at, seed=seed), len(rows), int(at.min()), int(at.max()))


def extent_text(extent: Extent, seed: int, is_clock: bool = True) -> str:
    """The rows, their span and every cut, for people."""
    places = dict.fromkeys(cut.place for cut in extent.cuts)
    listed = [
        f"{place} {', '.join(instant_text(cut.instant, is_clock) for cut in extent.cuts if cut.place == place)}"
        for place in places
    ]
    span = f"{instant_text(extent.first, is_clock)} to {instant_text(extent.last, is_clock)}"
    return f"{extent.n_rows:,} rows, {span}; cuts (seed {seed}): {'; '.join(listed)}"
