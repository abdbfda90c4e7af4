"""Normalize: ``features`` from ``bars``, with scales that are fitted once, on training time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.commits import committed
from jobs.feature_settings import FeatureSettings
from jobs.label_settings import LabelSettings, default_labels, longest_horizon
from jobs.last_good import good_version
from jobs.normalize_rows import ROW_KEY, apply_scales, compute_rows, mark_training
from jobs.normalize_scales import feature_set_of, fit_new_symbols, held_scales
from jobs.resample_bars import check_bar_seconds
from jobs.row_changes import digest_of_rows, joined_digest, merge_changes, row_changes
from jobs.settled_rows import settled
from jobs.table_versions import changed_rows, rows_at, usable_since
from models.errors import DataContractError

_COLUMNS = (*ROW_KEY, "available_at", "is_warm", "is_training", "feature_set", "features", "labels")


@dataclass(frozen=True)
class NormalizeSummary:
    """What a run read and wrote. ``n_rows`` is 0 where all was up to date; then ``features`` has no new version."""

    n_rows: int  # rows of features inserted, updated or deleted
    feature_set: str  # name and version, for example default/1
    inputs: Mapping[str, int]  # table to the Delta version that was read


def normalize(
    spark: SparkSession,
    bar_seconds: int,
    settings: FeatureSettings | None = None,
    labels: Sequence[LabelSettings] | None = None,
    since: Mapping[str, int] | None = None,
) -> NormalizeSummary:
    """Bring ``features`` of one bar width up to date with ``bars``.

    The first run of a configuration makes the next version of the feature set and stores its scales and the end of
    training time in ``feature_scales``; later runs use these, so the rows of known bars do not change when data grow.
    A symbol that appears later is fitted when it appears. Only rows that differ are written.

    Args:
        spark: Session in the schema of the tables.
        bar_seconds: Width of the bars.
        settings: Features and training time; the default list where None.
        labels: Labels; the default ones where None.
        since: The ``inputs`` of the last finished run of this width: only rows from the first changed bar on, and those
            whose label reaches it, are computed again. None computes all rows.

    Raises:
        UsageError: a horizon is not a multiple of the width.
        DataContractError: there are no bars of this width, or none with a book that a feature needs.
    """
    check_bar_seconds(bar_seconds)
    settings = settings or FeatureSettings()
    labels = default_labels() if labels is None else labels
    inputs = {"bars": good_version(spark, "bars")}
    bars = rows_at(spark, "bars", inputs["bars"]).where(F.col("bar_seconds") == bar_seconds)
    feature_set = feature_set_of(spark, settings, labels)
    since = usable_since(spark, since, inputs)
    if since is not None and not _is_complete_until_then(spark, bar_seconds, feature_set):
        since = None
    if since == inputs:
        return NormalizeSummary(0, feature_set, inputs)
    if bars.isEmpty():
        raise DataContractError(
            f"bars has no row of {bar_seconds} s: run foretable resample --bar-seconds {bar_seconds}"
        )
    if settings.of_book and bars.where("last_quote_at IS NOT NULL").isEmpty():
        raise DataContractError(
            f"feature {settings.of_book[0]} needs the order book, and no bar of {bar_seconds} s has seen a quote: "
            "run foretable book and then foretable resample, or put `book: {}` into foretable.yml"
        )
    starts = None if since is None else _first_stale(spark, since, inputs, bar_seconds, labels)
    if starts is not None and settings.other_symbols:
        starts = _of_whole_exchanges(starts, bars)
    wanted = _rows(spark, bars, starts, settings, labels, bar_seconds, feature_set)
    return NormalizeSummary(_write(spark, wanted, starts, bar_seconds, inputs), feature_set, inputs)


def _is_complete_until_then(spark: SparkSession, bar_seconds: int, feature_set: str) -> bool:
    rows = spark.table("features").where(F.col("bar_seconds") == bar_seconds)
    return not rows.isEmpty() and rows.where(F.col("feature_set") != feature_set).isEmpty()


def _first_stale(
    spark: SparkSession,
    since: Mapping[str, int],
    inputs: Mapping[str, int],
    bar_seconds: int,
    labels: Sequence[LabelSettings],
) -> DataFrame:
    """For each symbol with changed bars, the first row that they can change (``first_stale``)."""
    changed = changed_rows(spark, "bars", since["bars"], inputs["bars"]).where(F.col("bar_seconds") == bar_seconds)
    first = F.min("bar_start") - F.make_dt_interval(secs=F.lit(longest_horizon(labels)))
    return settled(changed.groupBy("exchange", "symbol").agg(first.alias("first_stale")))


def _of_whole_exchanges(starts: DataFrame, bars: DataFrame) -> DataFrame:
    """The same first row for all symbols of an exchange: where a feature reads other symbols' bars."""
    first = starts.groupBy("exchange").agg(F.min("first_stale").alias("first_stale"))
    symbols = bars.select("exchange", "symbol").distinct()
    return settled(symbols.join(F.broadcast(first), "exchange").select("exchange", "symbol", "first_stale"))


def _rows(
    spark: SparkSession,
    bars: DataFrame,
    starts: DataFrame | None,
    settings: FeatureSettings,
    labels: Sequence[LabelSettings],
    bar_seconds: int,
    feature_set: str,
) -> DataFrame:
    look_back = F.make_dt_interval(secs=F.lit((settings.bars_before + 1) * bar_seconds))
    fit_new_symbols(spark, bars, settings, labels, bar_seconds, feature_set)
    scales = held_scales(spark, feature_set, bar_seconds)
    part = _from(bars, starts, look_back)
    if starts is not None and settings.other_symbols:
        part = part.unionByName(_last_before(bars, starts, look_back, settings.other_symbols))
    raw = compute_rows(part, settings, labels, bar_seconds)
    train_ends = scales.groupBy("exchange", "symbol").agg(F.max("train_end").alias("train_end"))
    marked = mark_training(raw, train_ends, longest_horizon(labels))
    return _from(apply_scales(marked, scales, settings), starts).withColumn("feature_set", F.lit(feature_set))


def _from(rows: DataFrame, starts: DataFrame | None, margin: Column | None = None) -> DataFrame:
    """Rows of the symbols in ``starts`` from their first stale one on, and a margin before it; all where None."""
    if starts is None:
        return rows
    first = F.col("first_stale") if margin is None else F.col("first_stale") - margin
    return rows.join(F.broadcast(starts), ["exchange", "symbol"]).where(F.col("bar_start") >= first).drop("first_stale")


def _last_before(bars: DataFrame, starts: DataFrame, margin: Column, symbols: Sequence[str]) -> DataFrame:
    """Of these symbols, the last bar before those that ``_from`` gives: its close counts on."""
    theirs = bars.where(F.col("symbol").isin(list(symbols)) & F.col("close").isNotNull())
    earlier = theirs.join(F.broadcast(starts), ["exchange", "symbol"]).where(
        F.col("bar_start") < F.col("first_stale") - margin
    )
    row = F.struct(*bars.columns)
    newest = earlier.groupBy("exchange", "symbol").agg(F.max_by(row, F.col("bar_start")).alias("row"))
    return newest.select("row.*")


def _write(
    spark: SparkSession, wanted: DataFrame, starts: DataFrame | None, bar_seconds: int, inputs: Mapping[str, int]
) -> int:
    wanted = wanted.select([name for name in _COLUMNS if name in wanted.columns])
    _extend_table(spark, wanted)
    table = spark.table("features")
    held = _from(table.where(F.col("bar_seconds") == bar_seconds), starts).select(table.columns)
    changes = row_changes(held, _like(wanted, table), ROW_KEY).settled()
    n_rows, digest = changes.rows.agg(F.count("*"), digest_of_rows(changes.rows)).collect()[0]
    if n_rows:
        merge_changes(spark, "features", changes, inputs, joined_digest([n_rows, digest]))
    return int(n_rows)


def _extend_table(spark: SparkSession, wanted: DataFrame) -> None:
    """Let the structs of the table gain the fields that the configuration names first now."""
    have = {name: set(_fields(spark.table("features"), name)) for name in ("features", "labels")}
    if any(set(_fields(wanted, name)) - have[name] for name in have):
        no_row = wanted.limit(0).write.format("delta").mode("append").option("mergeSchema", "true")
        committed(spark, "features", lambda: no_row.saveAsTable("features"))


def _like(rows: DataFrame, table: DataFrame) -> DataFrame:
    """Rows with exactly the columns and struct fields of the table, in its order; NULL where they lack one."""
    columns = []
    for field in table.schema:
        if field.name not in ("features", "labels"):
            columns.append(F.col(field.name))
            continue
        have = _fields(rows, field.name)
        inner = [
            (F.col(field.name)[sub.name] if sub.name in have else F.lit(None)).cast(sub.dataType).alias(sub.name)
            for sub in _struct(table, field.name)
        ]
        columns.append(F.struct(*inner).alias(field.name))
    return rows.select(columns)


def _fields(rows: DataFrame, name: str) -> list[str]:
    return [sub.name for sub in _struct(rows, name)] if name in rows.columns else []


def _struct(rows: DataFrame, name: str) -> StructType:
    return cast(StructType, rows.schema[name].dataType)  # `features.*` would mean the columns of the table features
