"""Rows to learn from: features and label of the bars at one Delta version, cut by time without leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import DataContractError
from models.group_key import group_names, key_columns, keys_of
from models.windows import sliding_windows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

KEY = ["exchange", "symbol", "bar_start"]


@dataclass(frozen=True)
class TrainingSet:
    """Inputs and labels in time order within each symbol.

    Attributes:
        rows: One row per example: exchange, symbol, bar_start, available_at, is_training.
        inputs: (n, n_features), or (n, sequence_length, n_features), float64; where the model has groups, the two
            columns of ``models.group_key`` come after the features.
        labels: (n,), in the unit of the label.
        feature_names: Columns of ``inputs``.
        features_version: Delta version of ``features``.
        groups: Name of each group by its hash; empty for a model without.
    """

    rows: pd.DataFrame
    inputs: NDArray[np.float64]
    labels: NDArray[Any]
    feature_names: tuple[str, ...]
    features_version: int
    groups: Mapping[int, str] = field(default_factory=dict)

    def known_from(self) -> NDArray[np.int64]:
        """Instant at which each row's features are known, in epoch microseconds."""
        return self.rows.available_at.astype("datetime64[us]").astype(np.int64).to_numpy()

    def digest(self) -> str:
        """SHA-256 of everything a fit depends on."""
        total = hashlib.sha256(repr(self.feature_names).encode())
        for part in (self.inputs, self.labels, self.rows.is_training.to_numpy()):
            total.update(np.ascontiguousarray(part).tobytes() if part.dtype != object else repr(part.tolist()).encode())
        total.update(self.rows.bar_start.to_numpy().tobytes())
        return total.hexdigest()


def select_rows(
    spark: SparkSession,
    features_version: int,
    bar_seconds: int,
    label: str,
    feature_names: tuple[str, ...],
    exchanges: tuple[str, ...] = (),
) -> DataFrame:
    """Rows of ``features`` with the struct fields as columns and the label as ``label``, in no order.

    ``exchanges`` keeps the rows of these venues; empty keeps all.

    Raises:
        DataContractError: the table has not this label or feature.
    """
    from pyspark.sql import functions as F

    table = spark.read.option("versionAsOf", features_version).table("features")
    for struct, wanted in (("features", feature_names), ("labels", (label,))):
        have = table.schema[struct].dataType.fieldNames() if struct in table.columns else []  # type: ignore[attr-defined]
        if lacking := [name for name in wanted if name not in have]:
            raise DataContractError(
                f"table features has no {struct}.{lacking[0]}: run foretable normalize with this configuration"
            )
    fields = [F.col("features")[name].alias(name) for name in feature_names]
    known = [F.col(name) for name in (*KEY, "available_at", "is_training", "is_warm")]
    of_width = table.where(F.col("bar_seconds") == bar_seconds)
    chosen = of_width.where(F.col("exchange").isin(*exchanges)) if exchanges else of_width
    return chosen.select(*known, *fields, F.col("labels")[label].alias("label"))


def read_rows(selected: DataFrame, bar_seconds: int) -> pd.DataFrame:
    """Rows of :func:`select_rows`, ordered by symbol and time.

    Raises:
        DataContractError: there are none.
    """
    rows: Any = selected.toPandas()
    if rows.empty:
        raise DataContractError(f"there are no features of {bar_seconds} s bars: run foretable normalize first")
    ordered: pd.DataFrame = rows.sort_values(KEY, ignore_index=True)
    return ordered


def make_training_set(
    rows: pd.DataFrame,
    feature_names: tuple[str, ...],
    sequence_length: int,
    bar_seconds: int,
    features_version: int,
    group: str | None = None,
) -> TrainingSet:
    """Keep the rows that are warm and whose label is known; a sequence model also needs its window without a hole.

    ``group`` is the column by which the model has groups.

    Raises:
        DataContractError: two groups have the same hash.
    """
    groups = rows.groupby(["exchange", "symbol"], sort=False).ngroup().to_numpy()
    matrix = rows[list(feature_names)].to_numpy(np.float64)
    if sequence_length > 1:
        steps = rows.bar_start.astype("datetime64[s]").astype(np.int64).to_numpy() // bar_seconds
        inputs, last = sliding_windows(matrix, groups, steps, sequence_length)
    else:
        last = np.flatnonzero(np.isfinite(matrix).all(axis=1))
        inputs = matrix[last]
    is_usable = (rows.is_warm & rows.label.notna()).to_numpy()[last]
    last, inputs = last[is_usable], inputs[is_usable]
    kept = rows.iloc[last].reset_index(drop=True)
    labels = kept.label.to_numpy()
    named: Mapping[int, str] = {}
    if group is not None:
        keys = key_columns(kept[group])
        inputs = np.hstack([inputs, keys])
        named = group_names(zip(keys_of(keys).tolist(), kept[group].tolist(), strict=True))
    return TrainingSet(
        rows=kept[[*KEY, "available_at", "is_training"]],
        inputs=np.ascontiguousarray(inputs),
        labels=labels.astype(str) if labels.dtype == object else labels,
        feature_names=feature_names,
        features_version=features_version,
        groups=named,
    )
