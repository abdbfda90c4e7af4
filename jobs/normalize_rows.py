"""Features and labels of bars, and their scales: functions of DataFrames that read no table and no clock."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.feature_columns import (
    feature_column,
    finite,
    future_log_return,
    is_window_full,
    label_column,
    with_inputs,
)
from jobs.feature_settings import FeatureSettings
from jobs.label_settings import LabelSettings
from models.errors import UsageError

ROW_KEY = ("exchange", "symbol", "bar_seconds", "bar_start")


def compute_rows(
    bars: DataFrame, settings: FeatureSettings, labels: Sequence[LabelSettings], bar_seconds: int
) -> DataFrame:
    """Raw (not yet scaled) features and the labels of each bar.

    A feature reads its bar and bars before it, a label bars after it. Where one of the bars that it would read is
    missing (the start of the data, a hole in a grid that is not gap-free), it is NULL: a window never spans a hole.

    Args:
        bars: Rows of ``bars`` of one width, any order, unique by (exchange, symbol, bar_start); of all symbols that
            a feature names besides the rows' own; of these also the last one before the others.
        settings: Which features.
        labels: Which labels.
        bar_seconds: Width of the bars.

    Returns:
        exchange, symbol, bar_seconds, bar_start, available_at, is_window_full (of the longest look-back), ``features``
        (struct of doubles, never NaN) and ``labels`` (struct); a struct is absent where nothing is configured for it.

    Raises:
        UsageError: a horizon is not a multiple of the bar width.
    """
    features = [
        finite(F.when(is_window_full(item.bars_before, bar_seconds), feature_column(item))).alias(item.name)
        for item in settings.items
    ]
    ends = [_label(item, bar_seconds).alias(item.name) for item in labels]
    structs = [F.struct(*fields).alias(name) for name, fields in (("features", features), ("labels", ends)) if fields]
    is_full = is_window_full(settings.bars_before, bar_seconds).alias("is_window_full")
    return with_inputs(bars, settings.items).select(*ROW_KEY, "available_at", is_full, *structs)


def mark_training(rows: DataFrame, train_ends: DataFrame, horizon_seconds: int) -> DataFrame:
    """Add ``is_training``: the longest label of the row ends at or before ``train_end`` of its symbol.

    Args:
        rows: As from ``compute_rows``.
        train_ends: exchange, symbol, train_end (UTC instant).
        horizon_seconds: Longest horizon of the labels.
    """
    label_end = F.col("available_at") + F.make_dt_interval(secs=F.lit(horizon_seconds))
    known = rows.join(F.broadcast(train_ends), ["exchange", "symbol"], "left")
    return known.withColumn("is_training", F.coalesce(label_end <= F.col("train_end"), F.lit(False)))


def fit_scales(rows: DataFrame, settings: FeatureSettings) -> DataFrame:
    """Fit the scale of each feature on the training rows of each symbol.

    Args:
        rows: As from ``mark_training``.
        settings: The features.

    Returns:
        exchange, symbol, bar_seconds, feature, method, center, width, n_rows, train_start, train_end; a row a
        feature. A feature without a scale has the method none and neither center nor width.
    """
    training = F.col("is_training")
    fitted = [_fitted(item.name, item.scale, F.when(training, F.col("features")[item.name])) for item in settings.items]
    keys = ("exchange", "symbol", "bar_seconds")
    grouped = rows.groupBy(*keys).agg(
        F.min("bar_start").alias("train_start"),
        F.max("train_end").alias("train_end"),
        F.array(*fitted).alias("_scales"),
    )
    return grouped.select(*keys, F.inline("_scales"), "train_start", "train_end")


def apply_scales(rows: DataFrame, scales: DataFrame, settings: FeatureSettings) -> DataFrame:
    """Replace the raw by the scaled features, and add ``is_warm``.

    A scaled feature is NULL where its symbol has no scale or a width of 0 (a flat training time).
    """
    pairs = F.map_from_entries(F.collect_list(F.struct("feature", F.struct("center", "width"))))
    by_symbol = scales.groupBy("exchange", "symbol").agg(pairs.alias("_scales"))
    features = F.struct(*[_scaled(item.name, item.scale) for item in settings.items])
    scaled = rows.join(F.broadcast(by_symbol), ["exchange", "symbol"], "left").withColumn("features", features)
    is_warm = F.col("is_window_full")
    for item in settings.items:
        is_warm = is_warm & F.col("features")[item.name].isNotNull()
    return scaled.withColumn("is_warm", is_warm).drop("_scales", "is_window_full")


def _fitted(name: str, scale: str | None, value: Column) -> Column:
    nothing = F.lit(None).cast("double")
    center, width = {
        "zscore": (F.avg(value), F.stddev_samp(value)),
        "minmax": (F.min(value), F.max(value) - F.min(value)),
        None: (nothing, nothing),
    }[scale]
    return F.struct(
        F.lit(name).alias("feature"),
        F.lit(scale or "none").alias("method"),
        center.alias("center"),
        F.when(width > 0, width).alias("width"),
        F.count(value).alias("n_rows"),
    )


def _scaled(name: str, scale: str | None) -> Column:
    raw = F.col("features")[name]
    if scale is None:
        return raw.alias(name)
    fitted = F.try_element_at("_scales", F.lit(name))
    return finite((raw - fitted["center"]) / fitted["width"]).alias(name)


def _label(label: LabelSettings, bar_seconds: int) -> Column:
    n_bars, rest = divmod(label.horizon_seconds, bar_seconds)
    if rest:
        raise UsageError(
            f"label {label.name!r} looks {label.horizon_seconds} s ahead, not a whole number of "
            f"{bar_seconds} s bars: choose a multiple of {bar_seconds}"
        )
    return label_column(label, finite(future_log_return(n_bars, bar_seconds)))
