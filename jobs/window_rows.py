"""From ``features`` at one version to stored windows, by Arrow, a part at a time: memory does not grow with rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.last_good import good_version
from jobs.training_set import select_rows
from models.errors import DataContractError
from models.window_store import Steps, WindowStore, WindowWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.config import Config

CLASSES = ("down", "flat", "up")  # of a label of kind direction, in the order of their numbers
_ROWS_AT_ONCE = 65_536
_GROUP_BYTES = 8 << 20  # of rows in a group of the sorted files: Arrow reads a group of them at a time
_ORDER = ["exchange", "symbol", "start"]


def store_windows(spark: SparkSession, config: Config, label: str, n_steps: int, folder: Path) -> WindowStore:
    """Store the windows of the configured features whose last row is warm and has the label.

    A step is a bar of ``model_bar_seconds``; a window has no hole and lies within one symbol. ``facts`` name label,
    features, classes, symbols, the bar width and the Delta version of ``features``.

    Args:
        spark: The session.
        config: The configuration.
        label: One of its labels.
        n_steps: Steps in a window.
        folder: Where to, on a disk that the session's workers write too; is made.

    Raises:
        DataContractError: there are no features of this width, or not this label or feature.
    """
    names, bar_seconds = config.features.names(), config.model_bar_seconds
    version = good_version(spark, "features")
    rows = folder / "sorted"
    _write_sorted(spark, config, label, version, rows)
    symbols: list[tuple[str, str]] = []
    with WindowWriter(folder / "windows", n_steps, len(names)) as writer:
        for batch in _batches(rows):
            writer.add(_steps(batch, names, bar_seconds, symbols))
        if not symbols:
            raise DataContractError(f"there are no features of {bar_seconds} s bars: run foretable normalize first")
        facts = {"label": label, "features": names, "bar_seconds": bar_seconds, "features_version": version}
        classes = CLASSES if config.task(label) == "classification" else None
        return writer.finish({**facts, "classes": classes, "symbols": symbols})


def _write_sorted(spark: SparkSession, config: Config, label: str, version: int, folder: Path) -> None:
    from pyspark.sql import functions as F

    exchanges = tuple(sorted({source.exchange for source in config.sources}))
    chosen = select_rows(spark, version, config.model_bar_seconds, label, config.features.names(), exchanges)
    if config.task(label) == "classification":
        number = F.array_position(F.array(*map(F.lit, CLASSES)), F.col("label")) - 1
        chosen = chosen.withColumn("label", number.cast("double"))
    times = [F.unix_micros(name).alias(to) for name, to in (("bar_start", "start"), ("available_at", "known_from"))]
    kept = chosen.select("*", *times).drop("bar_start", "available_at")
    kept.orderBy(*_ORDER).write.option("parquet.block.size", _GROUP_BYTES).parquet(folder.as_uri())


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    """The rows in their order: Spark numbers the files of a sorted table."""
    for file in sorted(folder.glob("part-*.parquet")):
        with pq.ParquetFile(file, pre_buffer=False) as opened:  # else it reads ahead
            yield from opened.iter_batches(_ROWS_AT_ONCE)


def _steps(batch: pa.RecordBatch, names: tuple[str, ...], bar_seconds: int, symbols: list[tuple[str, str]]) -> Steps:
    """A part of the rows; symbols that were not seen before are appended to ``symbols``."""
    column: Any = {name: batch.column(name) for name in batch.schema.names}
    exchange, symbol = (column[name].to_numpy(zero_copy_only=False) for name in ("exchange", "symbol"))
    is_other = (exchange[1:] != exchange[:-1]) | (symbol[1:] != symbol[:-1])
    is_first = np.append(symbols[-1:] != [(exchange[0], symbol[0])], is_other)
    group = len(symbols) - 1 + np.cumsum(is_first)
    symbols += [(str(exchange[row]), str(symbol[row])) for row in np.flatnonzero(is_first)]
    warm = column["is_warm"].to_numpy(zero_copy_only=False).astype(bool)
    return Steps(
        values=np.column_stack([column[name].to_numpy(zero_copy_only=False) for name in names]),
        group=group.astype(np.int32),
        step=column["start"].to_numpy() // (bar_seconds * 1_000_000),
        known_from=column["known_from"].to_numpy(),
        is_training=column["is_training"].to_numpy(zero_copy_only=False).astype(bool),
        label=column["label"].to_numpy(zero_copy_only=False).astype(np.float64),
        is_wanted=warm,
    )
