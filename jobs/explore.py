"""Explore: what the features of training time look like and tell, as rows and as a page of drawings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from jobs.explore_page import Exploration, Explored, render_exploration
from jobs.report_numbers import histograms
from jobs.report_shell import write_page
from models.errors import DataContractError
from models.exploration import Track, autocorrelation, describe, hourly_means, information_coefficient_ahead

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

    from jobs.app import App

OFFSETS = (1, 5, 15, 60)  # bars
_SYMBOL = ["exchange", "symbol"]


def explore(app: App, n_rows: int, file: Path | None) -> tuple[list[dict[str, Any]], Path]:
    """A row a feature, and the page.

    Args:
        app: The call.
        n_rows: About so many of the newest bars of training time are read, the same number of each symbol.
        file: Where the page goes; reports/explore.html of the home where None.

    Raises:
        DataContractError: there are no features of the configured bar width on training time.
    """
    width = app.config.model_bar_seconds
    bars = read_training_bars(app.session(), width, n_rows)
    if bars.empty:
        raise DataContractError(f"there are no features of {width} s bars on training time: run foretable normalize")
    app.say(f"looking at {len(bars):,} bars of training time …")
    found = explore_bars(bars, width)
    place = file or app.config.home / "reports" / "explore.html"
    return [row_of(one, found) for one in found.features], write_page(
        render_exploration(found, datetime.now(UTC)), place
    )


def read_training_bars(spark: SparkSession, bar_seconds: int, n_rows: int) -> pd.DataFrame:
    """exchange, symbol, bar_start, close, and a column a feature; the newest bars of each symbol's training time."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    key = [*_SYMBOL, "bar_seconds", "bar_start"]
    features = spark.table("features").where((F.col("bar_seconds") == bar_seconds) & F.col("is_training"))
    names = (
        cast(StructType, features.schema["features"].dataType).fieldNames() if "features" in features.columns else []
    )
    n_symbols = max(features.select(*_SYMBOL).distinct().count(), 1)
    newest = F.row_number().over(Window.partitionBy(*_SYMBOL).orderBy(F.desc("bar_start")))
    kept = features.withColumn("_place", newest).where(F.col("_place") <= -(-n_rows // n_symbols))
    closes = spark.table("bars").select(*key, F.col("close").cast("double").alias("close"))
    columns = [F.col("features").getField(name).cast("double").alias(f"features.{name}") for name in names]
    rows = kept.join(closes, key, "left").select(*_SYMBOL, "bar_start", "close", *columns)
    return cast("pd.DataFrame", rows.orderBy(*_SYMBOL, "bar_start").toPandas())


def explore_bars(bars: pd.DataFrame, bar_seconds: int) -> Exploration:
    """What there is to say about bars as from ``read_training_bars``."""
    import pandas as pd

    starts = pd.to_datetime(bars["bar_start"], utc=True)
    position = starts.astype("datetime64[us, UTC]").astype("int64").to_numpy() // (bar_seconds * 1_000_000)
    groups = [np.sort(places) for places in bars.groupby(_SYMBOL, sort=True).indices.values()]
    close = bars["close"].to_numpy(dtype=float)
    features = []
    for column in bars.columns:
        if not column.startswith("features."):
            continue
        values = bars[column].to_numpy(dtype=float)
        tracks = [Track(position[places], values[places], close[places]) for places in groups]
        features.append(
            Explored(
                name=column.removeprefix("features."),
                numbers=describe(values),
                shares=histograms(values, np.ones(len(values), dtype=bool))[0],
                hourly=hourly_means(tracks, bar_seconds),
                memory=[autocorrelation(tracks, n_bars) for n_bars in OFFSETS],
                information=[information_coefficient_ahead(tracks, n_bars) for n_bars in OFFSETS],
            )
        )
    symbols = [str(symbol) for symbol in sorted(bars["symbol"].unique())]
    return Exploration(features, OFFSETS, bar_seconds, len(bars), symbols, starts.min(), starts.max())


def row_of(one: Explored, found: Exploration) -> dict[str, Any]:
    """Numbers of a feature for a table: the information coefficient by horizon in seconds, with its interval."""
    row: dict[str, Any] = {"feature": one.name, "n": int(one.numbers["n"])}
    row |= {name: _or_none(one.numbers[name]) for name in ("share_null", "mean", "deviation", "skewness", "kurtosis")}
    row["autocorrelation"] = _or_none(one.memory[0])
    for n_bars, interval in zip(found.offsets, one.information, strict=True):
        name = f"ic_{n_bars * found.bar_seconds}s"
        row[name] = None if interval is None else interval.mean
        row[f"{name}_interval"] = None if interval is None else f"{interval.lower:.3f} to {interval.upper:.3f}"
    return row


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
