"""The group of a row as a model takes it: the two halves of a 64-bit hash, in two columns after the features.

Inputs are DOUBLE from SQL to the model, and a group is a text. Each half of Spark's ``xxhash64`` of the text is a whole
number below 2**32, which a DOUBLE holds exactly. NULL is no group: both columns are -1. Spark and Python make the same
columns, by :func:`key_expressions` and :func:`key_columns`; a test holds them together.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataContractError
from models.protocol import N_KEY_COLUMNS, Rows
from models.sql_text import identifier
from models.xxhash64 import xxhash64

Keys = NDArray[np.uint64]
_NO_GROUP = -1.0
_TYPES_OF_GROUPS = re.compile(r"string|(var)?char\(\d+\)|byte|short|integer|long|boolean|date|decimal\(\d+,0\)|void")


def can_name_groups(type_: object) -> bool:
    """Return whether each value of a type, as Spark's JSON of a schema has it, is always written as the same text.

    A TIMESTAMP is written in the session's time zone, and a DECIMAL with as many digits as its type has: under another
    text the rows of a known group would be answered for as those of an unknown one.
    """
    return isinstance(type_, str) and _TYPES_OF_GROUPS.fullmatch(type_) is not None


def key_expressions(column: str) -> tuple[str, str]:
    """Return the two columns of a group as SQL expressions over the column of that name.

    >>> key_expressions("symbol")[1]
    'CASE WHEN `symbol` IS NULL THEN -1.0D ELSE CAST(xxhash64(CAST(`symbol` AS STRING)) & 4294967295L AS DOUBLE) END'
    """
    name = identifier(column)
    hashed = f"xxhash64(CAST({name} AS STRING))"
    halves = (f"shiftrightunsigned({hashed}, 32)", f"{hashed} & 4294967295L")
    high, low = (f"CASE WHEN {name} IS NULL THEN -1.0D ELSE CAST({half} AS DOUBLE) END" for half in halves)
    return high, low


def key_columns(groups: Iterable[Any]) -> Rows:
    """Return the (n_rows, 2) columns of groups outside SQL; each distinct value is hashed once.

    Args:
        groups: Texts, whole numbers or truth values, as ``CAST(… AS STRING)`` writes them; None and NaN are no group.

    Raises:
        DataContractError: A value is of another type.
    """
    known: dict[Any, tuple[float, float]] = {}
    columns = []
    for group in groups:
        place = (type(group), group)
        if place not in known:
            text = _text(group)
            known[place] = (_NO_GROUP, _NO_GROUP) if text is None else halves_of(xxhash64(text.encode()))
        columns.append(known[place])
    return np.array(columns, dtype=np.float64).reshape(-1, N_KEY_COLUMNS)


def halves_of(key: int) -> tuple[float, float]:
    """Return the upper and the lower 32 bits of a hash.

    >>> halves_of(2**32 + 7)
    (1.0, 7.0)
    """
    return float(key >> 32), float(key & 0xFFFFFFFF)


def has_group(X: Rows) -> NDArray[np.bool_]:
    """Return which rows of a grouped input name a group."""
    return np.asarray(X[:, -2] >= 0)


def keys_of(X: Rows) -> Keys:
    """Return the hash of each row of a grouped input; 0 where there is no group, see :func:`has_group`."""
    is_there = has_group(X)
    high, low = (np.where(is_there, X[:, column], 0.0).astype(np.uint64) for column in (-2, -1))
    return (high << np.uint64(32)) | low


def features_of(X: Rows, group: str | None) -> Rows:
    """Return the features of an input, which has the columns of a group after them where the model has one."""
    return X if group is None else np.ascontiguousarray(X[:, :-N_KEY_COLUMNS])


def group_names(pairs: Iterable[tuple[int, str]]) -> Mapping[int, str]:
    """Return the name of each hash.

    Args:
        pairs: Hash and name of groups, in any order.

    Raises:
        DataContractError: Two names have the same hash, so that a model could not tell them apart.
    """
    names: dict[int, str] = {}
    for key, name in pairs:
        if names.setdefault(key, name) != name:
            raise DataContractError(
                f"the groups {names[key]!r} and {name!r} have the same 64-bit hash, so a model cannot tell them apart: "
                "write one of them otherwise in the query"
            )
    return names


def _text(group: Any) -> str | None:
    if group is None or (isinstance(group, float) and np.isnan(group)):
        return None
    if isinstance(group, bool | np.bool_):
        return "true" if group else "false"
    if isinstance(group, str | int | np.integer):
        return str(group)
    raise DataContractError(f"a group is a text or a whole number, got {group!r}: cast it to text as in training")
