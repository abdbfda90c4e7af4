"""The rows of a training query as arrays: features by name, label, time, and the Delta versions that were read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.statements.input_parts import InputParts
from jobs.statements.query_features import query_features
from jobs.statements.scanned_tables import scanned_versions
from models.errors import DataContractError
from models.group_key import can_name_groups, group_names, key_expressions, keys_of
from models.names import near_first
from models.protocol import Labels, Rows
from models.row_order import order_by
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

LABEL_TYPES = {  # Spark's type: what a model predicts
    "tinyint": "bigint", "smallint": "bigint", "int": "bigint", "bigint": "bigint", "float": "double",
    "double": "double", "decimal": "double", "string": "string", "boolean": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class TrainingRows:
    """What a training query gave, rows without a label or with a missing feature left out.

    Attributes:
        feature_names: Columns of ``inputs``.
        inputs: (n, n_features), or (n, sequence_length, n_features); where rows have a group, its two columns of
            ``models.group_key`` come after the features.
        labels: (n,) as double, bigint, text or truth values.
        times: (n,) epoch microseconds; None where the statement names no time.
        data_versions: Delta version of each table that was read.
        groups: Name of each group by its hash; empty where the statement names no group.
    """

    feature_names: tuple[str, ...]
    inputs: Rows
    labels: Labels
    times: NDArray[np.int64] | None
    data_versions: dict[str, int]
    groups: Mapping[int, str]

    def digest(self) -> str:
        """SHA-256 of everything a fit depends on."""
        total = hashlib.sha256(repr(self.feature_names).encode())
        for part in (self.inputs, self.labels, *([] if self.times is None else [self.times])):
            total.update(np.ascontiguousarray(part).data.cast("B"))
        return total.hexdigest()


def read_training_rows(
    query: DataFrame,
    label: str,
    time: str | None,
    group: str | None,
    transform: Sequence[tuple[str, str]],
    sequence_length: int,
    is_imputing: bool,
) -> TrainingRows:
    """Run a query once and take its rows to this process.

    Without a time column the rows are brought into an order of their own, so that the result does not depend on the
    order in which Spark happens to deliver them.

    Raises:
        DataContractError: a column is missing, of a wrong type, or nothing is left; or two groups have one hash.
    """
    from pyspark.sql import functions as F

    label = column_of(query, label, "label")
    time = None if time is None else column_of(query, time, "time")
    not_features = [name for name in (label, time, group) if name is not None]
    if group in not_features[:-1]:
        raise DataContractError(f"group = '{group}' is also the label or the time: name another column")
    of_group = [] if group is None else group_columns(query.schema[group].dataType, group)
    frame, features = query_features(query, not_features, transform, sequence_length)
    given = [*(feature.column for feature in features), *of_group]
    columns = [column.alias(f"f{i}") for i, column in enumerate(given)]
    columns.append(F.col(identifier(label)).cast(label_type(query.schema[label].dataType, label)).alias("label"))
    if time is not None:
        columns.append(_micros(query, time).alias("time"))
    if group is not None:
        columns.append(F.col(identifier(group)).cast("string").alias("group"))
    selected = frame.select(*columns)
    versions = scanned_versions(selected)
    table = selected.toArrow()
    parts = InputParts(table.select(range(len(given))).to_batches(), sequence_length)
    is_labeled, labels = table.column("label").is_valid().to_numpy(), _labels(table.column("label").combine_chunks())
    times = None if time is None else table.column("time").to_numpy()  # float64 with NaN where a time is missing
    rows = np.flatnonzero(parts.are_usable(is_imputing) & is_labeled & _are_known(labels) & _are_known(times))
    if len(rows) == 0:
        raise DataContractError(
            f"none of the {table.num_rows:,} rows of the query has a label and all features: check for NULLs, or set "
            "null_policy = 'impute'"
        )
    rows = _in_order(rows, parts, labels, times)
    values = parts.gathered(rows)
    groups: Mapping[int, str] = {}
    if group is not None:
        keys = keys_of(values).tolist()
        named = table.column("group").take(pa.array(rows)).to_pylist()
        groups = group_names((key, name) for key, name in zip(keys, named, strict=True) if name is not None)
    names = tuple(feature.name for feature in features)
    times = None if times is None else times[rows].astype(np.int64)
    return TrainingRows(names, values, labels[rows], times, versions, groups)


def _are_known(values: NDArray[Any] | None) -> NDArray[np.bool_] | bool:
    """Where labels or times are there and finite; True where all are, for only doubles can be otherwise."""
    return values is None or values.dtype.kind != "f" or np.isfinite(values)


def _in_order(
    rows: NDArray[np.int64], parts: InputParts, labels: Labels, times: NDArray[Any] | None
) -> NDArray[np.int64]:
    """These rows by time, then by content: the same for every order in which they arrive."""
    keys = chain([] if times is None else [times], parts.values_by_place(), [labels])
    return rows[order_by((key[rows] for key in keys), len(rows))]


def column_of(query: DataFrame, name: str, option: str) -> str:
    """The name of a column as the query spells it.

    Raises:
        DataContractError: the query has no such column.
    """
    for column in query.columns:
        if column.lower() == name.lower():
            return column
    near = ", ".join(near_first(name, query.columns)[:10])
    raise DataContractError(f"{option} = '{name}' is no column of the query: it has {near}")


def label_type(type_: DataType, label: str) -> str:
    """The type in which a label of this type is learned.

    Raises:
        DataContractError: the type is none that can be predicted.
    """
    known = LABEL_TYPES.get(type_.typeName().split("(")[0], LABEL_TYPES.get(type_.simpleString()))
    if known is None:
        raise DataContractError(
            f"label {label} is {type_.simpleString().upper()}: predict a number, a text or a truth value"
        )
    return known


def group_columns(type_: DataType, group: str) -> list[Column]:
    """The columns of ``models.group_key``, as ``udfs.planner`` asks for them when the model is called.

    Raises:
        DataContractError: the values of the column are not always written as the same text.
    """
    from pyspark.sql import functions as F

    if not can_name_groups(type_.jsonValue()):
        raise DataContractError(
            f"group = '{group}' is {type_.simpleString().upper()}: a text or a whole number is needed, for example "
            f"CAST({group} AS STRING)"
        )
    return [F.expr(expression) for expression in key_expressions(group)]


def _micros(query: DataFrame, time: str) -> Column:
    """Epoch microseconds of a column of time."""
    from pyspark.sql import functions as F

    type_ = query.schema[time].dataType.typeName()
    column = F.col(identifier(time))
    if type_ in ("timestamp", "date", "timestamp_ntz"):
        return F.unix_micros(column.cast("timestamp"))
    if type_ in ("integer", "long", "short"):
        return column.cast("bigint") * 1_000_000
    raise DataContractError(
        f"time = '{time}' is {type_.upper()}: a TIMESTAMP, a DATE or a whole number of seconds is needed"
    )


def _labels(column: pa.Array) -> Labels:
    """Labels in their own type; any value where one is NULL."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.asarray(column.fill_null("").to_numpy(zero_copy_only=False)).astype(str)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
    if pa.types.is_integer(column.type):
        return np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
