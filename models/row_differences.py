"""Which values of a table changed when it was computed again: rows paired by key, NULL = NULL and NaN = NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ROW = "(the row itself)"  # stands for a column where a row is in one of the tables only


@dataclass(frozen=True)
class Change:
    """How one column changed.

    Attributes:
        column: Its name, a field of a struct as ``struct.field``; ``ROW`` where rows came or went.
        n_rows: Rows that changed.
        key: The key of the first of them, in the order of the first table.
        before, after: Its value in the first and in the second table.
    """

    column: str
    n_rows: int
    key: dict[str, Any]
    before: Any
    after: Any


@dataclass(frozen=True)
class Differences:
    """What came of a comparison: rows in both tables, columns beside the key, the changed ones in their order."""

    n_rows: int
    n_columns: int
    changes: tuple[Change, ...]


def find_differences(
    first: pa.Table, second: pa.Table, key: Sequence[str], tolerance: float = 0.0, may_lack: bool = False
) -> Differences:
    """Compare two tables row by row.

    Args:
        first: Rows in any order; structs are compared field by field.
        second: Rows with the same columns; one that is missing on either side (a PIVOT) counts as NULL there.
        key: Columns that name a row; NULL is a key as any other. Rows that share a key are paired in order of their
            values, so equal sets of rows are equal.
        tolerance: Floating-point numbers count as equal up to this share of the larger one; 0 wants equal ones.
        may_lack: Whether the second table may lack rows of the first.
    """
    first, second = _flat(first), _flat(second)
    first, second = _with_columns_of(first, second), _with_columns_of(second, first)
    values = [name for name in first.column_names if name not in key]
    left, right = _positions(first, second, key, values)
    in_both = (left >= 0) & (right >= 0)
    of_left, of_right = left[in_both], right[in_both]
    order = np.argsort(of_left)
    of_left, of_right = of_left[order], of_right[order]
    changes = []
    gone, new = np.sort(left[right < 0]), np.sort(right[left < 0])
    if len(gone) and not may_lack:
        changes.append(Change(ROW, len(gone), _key_of(first, key, gone[0]), "there", "not there"))
    if len(new):
        changes.append(Change(ROW, len(new), _key_of(second, key, new[0]), "not there", "there"))
    for name in values:
        a, b = first[name].take(pa.array(of_left)), second[name].take(pa.array(of_right))
        changed = np.flatnonzero(~_is_same(a, b, tolerance))
        if len(changed):
            i = int(changed[0])
            place = _key_of(first, key, of_left[i])
            changes.append(Change(name, len(changed), place, a[i].as_py(), b[i].as_py()))
    return Differences(int(in_both.sum()), len(values), tuple(changes))


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table.combine_chunks()


def _with_columns_of(table: pa.Table, other: pa.Table) -> pa.Table:
    for field in other.schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def _positions(
    first: pa.Table, second: pa.Table, key: Sequence[str], values: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each key of either table, the row of each table that has it, -1 where none has."""
    n_first, n_rows = first.num_rows, first.num_rows + second.num_rows
    ids = np.zeros(n_rows, dtype=np.int64)
    for name in key:
        ids = _compact(ids, _codes(first[name], second[name]))
    owned = ids * 2 + (np.arange(n_rows) >= n_first)
    if len(np.unique(owned)) < n_rows:  # a key occurs twice in a table
        codes = [_codes(first[name], second[name]) for name in reversed(values)]
        ids = _compact(ids, _occurrences(owned, codes))
    n_ids = int(ids.max()) + 1 if n_rows else 0
    left, right = np.full(n_ids, -1), np.full(n_ids, -1)
    left[ids[:n_first]] = np.arange(n_first)
    right[ids[n_first:]] = np.arange(n_rows - n_first)
    return left, right


def _occurrences(owned: NDArray[np.int64], codes: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Number of each row among those of the same key and table, in order of their values."""
    order = np.lexsort((*codes, owned))
    is_first = np.r_[True, np.diff(owned[order]) != 0]
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    occurrences = np.empty(len(order), dtype=np.int64)
    occurrences[order] = np.arange(len(order)) - starts
    return occurrences


def _compact(ids: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    pairs = ids * (int(codes.max(initial=0)) + 1) + codes
    return np.unique(pairs, return_inverse=True)[1].astype(np.int64)


def _codes(first: pa.ChunkedArray, second: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number for each value, in their order, equal for equal ones of both columns."""
    both = pa.chunked_array([*first.chunks, *second.chunks], type=first.type)
    if pa.types.is_nested(both.type):
        both = pa.chunked_array([pa.array([repr(value) for value in both.to_pylist()], pa.string())])
    return np.asarray(pc.rank(both, tiebreaker="dense"), dtype=np.int64)


def _is_same(a: pa.ChunkedArray, b: pa.ChunkedArray, tolerance: float) -> NDArray[np.bool_]:
    if pa.types.is_nested(a.type):
        return np.array([repr(x) == repr(y) for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)], dtype=bool)
    no_a, no_b = np.asarray(a.is_null()), np.asarray(b.is_null())
    if not pa.types.is_floating(a.type):
        return np.where(no_a | no_b, no_a & no_b, np.asarray(pc.fill_null(pc.equal(a, b), False)))
    x, y = (np.asarray(pc.fill_null(column, 0.0), dtype=np.float64) for column in (a, b))
    with np.errstate(invalid="ignore", over="ignore"):
        is_near = np.abs(x - y) <= tolerance * np.maximum(np.abs(x), np.abs(y))
    is_near &= np.isfinite(x) & np.isfinite(y)
    same = (x == y) | is_near | (np.isnan(x) & np.isnan(y))
    return np.where(no_a | no_b, no_a & no_b, same)


def _key_of(table: pa.Table, key: Sequence[str], row: Any) -> dict[str, Any]:
    return {name: table[name][int(row)].as_py() for name in key}
