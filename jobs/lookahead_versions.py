"""Versions of a history: the future gone, the future replaced by noise, or the beginning gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.lookahead_noise import noise_column
from models.cut_points import Cut

Test = Literal["truncated", "noise", "start"]
_SEPARATOR = "#"  # between an exchange and the number of its version


@dataclass(frozen=True)
class Version:
    """What happens to a history, and at which instant."""

    test: Test
    cut: Cut


@dataclass(frozen=True)
class History:
    """Rows that are cut.

    Attributes:
        rows: What is known at the end.
        known_at: Instant at which a row becomes known, BIGINT as from ``instant_column``; None: it is known always.
        noisy: Columns whose future values noise may replace; keys and times are not among them.
    """

    rows: DataFrame
    known_at: Column | None = None
    noisy: tuple[str, ...] = ()


def versions_of(cuts: Sequence[Cut], starts: Sequence[int] = ()) -> tuple[Version, ...]:
    """Each cut once without and once with another future, and histories that start late."""
    return (
        *(Version("truncated", cut) for cut in cuts),
        *(Version("noise", cut) for cut in cuts),
        *(Version("start", Cut(start, "start")) for start in starts),
    )


def alone(history: History, version: Version, is_wild: bool = True) -> DataFrame:
    """One version of a history."""
    if history.known_at is None:
        return history.rows
    return _altered(history.rows, history, F.lit(version.test), F.lit(version.cut.instant), is_wild)


def side_by_side(history: History, versions: Sequence[Version]) -> DataFrame:
    """All versions as one DataFrame, each as an exchange of its own: ``coinbase#0``, ``coinbase#1`` and so on."""
    rows = [(i, version.test, version.cut.instant) for i, version in enumerate(versions)]
    numbered = history.rows.sparkSession.createDataFrame(rows, "_number int, _test string, _cut long")
    crossed = history.rows.crossJoin(F.broadcast(numbered))
    if history.known_at is not None:
        crossed = _altered(crossed, history, F.col("_test"), F.col("_cut"))
    own = F.concat_ws(_SEPARATOR, "exchange", F.col("_number").cast("string"))
    return crossed.withColumn("exchange", own).drop("_number", "_test", "_cut")


def names_side_by_side(exchanges: Sequence[str], n_versions: int) -> list[str]:
    """The exchanges themselves and what ``side_by_side`` calls them."""
    return [*exchanges, *(f"{name}{_SEPARATOR}{i}" for name in exchanges for i in range(n_versions))]


def apart(rows: DataFrame) -> DataFrame:
    """What was computed of ``side_by_side`` rows with its exchange and, as ``_number``, its version."""
    parts = {
        "_number": F.substring_index("exchange", _SEPARATOR, -1).cast("int"),
        "exchange": F.substring_index("exchange", _SEPARATOR, 1),
    }
    return rows.withColumns(parts)


def _altered(rows: DataFrame, history: History, test: Column, cut: Column, is_wild: bool = True) -> DataFrame:
    assert history.known_at is not None
    is_future = history.known_at > cut
    is_gone = ((test == "truncated") & is_future) | ((test == "start") & (history.known_at < cut))
    kinds = {field.name: field.dataType for field in history.rows.schema}
    of_row = F.xxhash64(cut, *[name for name, kind in kinds.items() if isinstance(kind, T.AtomicType)])
    replaced: Mapping[str, Column] = {
        name: F.when(
            (test == "noise") & is_future,
            noise_column(F.col(name), kinds[name], F.xxhash64(of_row, F.lit(name)), is_wild),
        ).otherwise(F.col(name))
        for name in history.noisy
    }
    kept = rows.where(~is_gone)
    return kept.withColumns(dict(replaced)) if replaced else kept
