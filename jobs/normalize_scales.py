"""Feature sets: their version, and the scales and end of training time that are stored once for each symbol."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.commits import committed
from jobs.feature_settings import FeatureSettings, settings_digest
from jobs.label_settings import LabelSettings, longest_horizon
from jobs.normalize_rows import compute_rows, fit_scales, mark_training
from jobs.settled_rows import settled


def feature_set_of(spark: SparkSession, settings: FeatureSettings, labels: Sequence[LabelSettings]) -> str:
    """``name/version`` of the set with exactly this configuration; the next version where there is none yet."""
    prefix = f"{settings.name}/"
    rows = spark.table("feature_scales").where(F.col("feature_set").startswith(prefix))
    known = {
        row.feature_set: row.config_digest for row in rows.select("feature_set", "config_digest").distinct().collect()
    }
    digest = settings_digest(settings, labels)
    same = [name for name, held in known.items() if held == digest]
    version = max((int(name.removeprefix(prefix)) for name in same or known), default=0)
    return f"{prefix}{version if same else version + 1}"


def held_scales(spark: SparkSession, feature_set: str, bar_seconds: int) -> DataFrame:
    """Rows of ``feature_scales`` of a set and width."""
    is_wanted = (F.col("feature_set") == feature_set) & (F.col("bar_seconds") == bar_seconds)
    return spark.table("feature_scales").where(is_wanted)


def fit_new_symbols(
    spark: SparkSession,
    bars: DataFrame,
    settings: FeatureSettings,
    labels: Sequence[LabelSettings],
    bar_seconds: int,
    feature_set: str,
) -> int:
    """Fit and store the scales of the symbols that have none yet; those that have keep theirs.

    Returns:
        How many rows were stored.
    """
    symbols = held_scales(spark, feature_set, bar_seconds).select("exchange", "symbol").distinct()
    new_bars = bars.join(F.broadcast(symbols), ["exchange", "symbol"], "left_anti")
    if new_bars.isEmpty():
        return 0
    read = bars if settings.other_symbols else new_bars
    rows = compute_rows(read, settings, labels, bar_seconds)
    if settings.other_symbols:
        rows = rows.join(F.broadcast(symbols), ["exchange", "symbol"], "left_anti")
    marked = mark_training(rows, train_ends_of(new_bars, settings), longest_horizon(labels))
    scales = fit_scales(marked, settings).withColumns(
        {"feature_set": F.lit(feature_set), "config_digest": F.lit(settings_digest(settings, labels))}
    )
    scales = settled(scales.select(spark.table("feature_scales").columns))
    committed(spark, "feature_scales", lambda: scales.coalesce(1).write.insertInto("feature_scales"))
    return scales.count()


def train_ends_of(bars: DataFrame, settings: FeatureSettings) -> DataFrame:
    """End of training time of each symbol: exchange, symbol, train_end.

    All symbols of an exchange share it, so that no model sees one symbol's future in another's training time.
    """
    spans = bars.groupBy("exchange").agg(F.min("bar_start").alias("_first"), F.max("available_at").alias("_last"))
    if settings.train_end is not None:
        train_end = F.lit(settings.train_end)
    else:
        first, last = F.unix_micros("_first"), F.unix_micros("_last")
        train_end = F.timestamp_micros(first + F.floor((last - first) * F.lit(settings.train_fraction)).cast("long"))
    ends = spans.select("exchange", train_end.alias("train_end"))
    return bars.select("exchange", "symbol").distinct().join(F.broadcast(ends), "exchange")
