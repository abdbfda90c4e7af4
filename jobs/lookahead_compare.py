"""What came of one version: its rows against those that the whole history gave. Arrow tables in, no Spark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from jobs.lookahead_instants import instants
from jobs.lookahead_versions import Version
from models.row_differences import Change, find_differences

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """How the rows of a result are read.

    Attributes:
        key: Columns that name a row.
        known_at: Column with the instant at which a row is known; None: all rows are compared.
        tolerance: Up to which share numbers count as equal.
        is_settled: Rows of a late start that must equal those of the whole history; None: this is not compared.
        is_waiting: Rows of the whole history (first) that a shorter one (second) cannot have yet.
    """

    key: tuple[str, ...]
    known_at: str | None
    tolerance: float = 0.0
    is_settled: Callable[[pa.Table], Mask] | None = None
    is_waiting: Callable[[pa.Table, pa.Table], Mask] | None = None


@dataclass(frozen=True)
class Outcome:
    """A version, how many rows and columns of it were compared, and what changed in them."""

    version: Version
    n_rows: int
    n_columns: int
    changes: tuple[Change, ...]
    n_waiting: int = 0


def compare(reference: pa.Table, recomputed: pa.Table, version: Version, layout: Layout) -> Outcome:
    """Compare the rows that were known at the cut (of a late start: the settled ones)."""
    if version.test == "start":
        settled = recomputed.filter(pa.array(layout.is_settled(recomputed))) if layout.is_settled else recomputed[:0]
        found = find_differences(reference, settled, layout.key, layout.tolerance, may_lack=True)
        return Outcome(version, found.n_rows, found.n_columns, found.changes)
    n_waiting = 0
    if layout.known_at is not None:
        reference, recomputed = (_known(table, layout.known_at, version) for table in (reference, recomputed))
    if layout.is_waiting is not None:
        waits = layout.is_waiting(reference, recomputed)
        n_waiting = int(waits.sum())
        reference = reference.filter(pa.array(~waits))
    ordered = reference if layout.known_at is None else reference.sort_by(layout.known_at)
    found = find_differences(ordered, recomputed, layout.key, layout.tolerance)
    return Outcome(version, found.n_rows, found.n_columns, found.changes, n_waiting)


def rows_before(table: pa.Table, group: Sequence[str], known_at: str) -> NDArray[np.int64]:
    """How many rows of its group are known before each row; rows of one instant are counted one after the other."""
    frame = table.select(list(group)).to_pandas(types_mapper=pd.ArrowDtype)
    frame["_at"] = instants(table, known_at)
    ordered = frame.sort_values("_at", kind="stable")
    counted = ordered.groupby(list(group), dropna=False).cumcount() if group else pd.Series(range(len(ordered)))
    return pd.Series(counted.to_numpy(), index=ordered.index).sort_index().to_numpy(np.int64)


def _known(table: pa.Table, known_at: str, version: Version) -> pa.Table:
    return table.filter(pa.array(instants(table, known_at) <= version.cut.instant))
