"""What the charts of each symbol draw: lines thinned to a bounded number of points, and calibration by tenths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.report_data import ReportData
from jobs.report_format import Unit, seconds
from jobs.report_numbers import Series, calibration, cumulative_gain, every_kth

MAX_POINTS = 5_000
MAX_VALUES = 100_000  # of all symbols together, so that the file stays small


@dataclass(frozen=True)
class Panel:
    """What is drawn for one symbol.

    Attributes:
        title: Exchange, symbol and bar width.
        lines: Columns time (epoch ms), actual, p0, p1, … (predictions), g0, g1, … (cumulative gains).
        groups: Calibration columns; a row is a tenth of a series' predictions.
        n_bars: Bars in the data.
        step: Every ``step``-th bar is in ``lines``.
        bar_ms: Bar width.
    """

    title: str
    lines: dict[str, Any]
    groups: list[pd.DataFrame]
    n_bars: int
    step: int
    bar_ms: int


def make_panels(data: ReportData, series: list[Series], unit: Unit) -> list[Panel]:
    """One panel for each exchange, symbol and bar width with predictions."""
    keys = ["exchange", "symbol", "bar_seconds"]
    rows = data.predictions.assign(
        series=data.predictions["model"] + "/" + data.predictions["version"].astype(int).astype(str)
    )
    rows = rows[rows["series"].isin([s.name for s in series])]
    symbols = list(rows.groupby(keys, sort=True))
    max_points = min(MAX_POINTS, max(200, MAX_VALUES // (len(symbols) * (2 + 2 * len(series)))))
    return [_panel(key, of_symbol, series, unit, max_points) for key, of_symbol in symbols]


def _panel(key: Any, rows: pd.DataFrame, series: list[Series], unit: Unit, max_points: int) -> Panel:
    exchange, symbol, bar_seconds = key
    wide = rows.pivot_table(index="bar_start", columns="series", values="prediction", aggfunc="last", dropna=False)
    actual = rows.groupby("bar_start")["actual"].last().reindex(wide.index).to_numpy(dtype=float)
    times = wide.index.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ms]").astype("int64")
    step = every_kth(len(times), max_points)
    lines: dict[str, Any] = {"time": times.astype(float), "actual": actual * unit.scale}
    groups = []
    for i, one in enumerate(series):
        predicted = wide[one.name].to_numpy(dtype=float) if one.name in wide else np.full(len(wide), np.nan)
        lines[f"p{i}"] = predicted * unit.scale
        lines[f"g{i}"] = cumulative_gain(predicted, actual) * unit.scale**2
        known = np.isfinite(predicted) & np.isfinite(actual)
        groups.append(calibration(predicted[known] * unit.scale, actual[known] * unit.scale))
    lines = {name: values[::step] for name, values in lines.items()}
    bar_ms = int(bar_seconds) * 1000
    title = f"{exchange} {symbol}, {seconds(bar_seconds)} bars"
    return Panel(title, _broken_at_holes(lines, bar_ms * step), groups, len(times), step, bar_ms)


def _broken_at_holes(lines: dict[str, Any], step_ms: int) -> dict[str, Any]:
    """Put a row without values where bars are absent, so that no line bridges them."""
    holes = np.flatnonzero(np.diff(lines["time"]) > 1.5 * step_ms) + 1
    broken = {name: np.insert(values, holes, np.nan) for name, values in lines.items()}
    broken["time"] = np.insert(lines["time"], holes, lines["time"][holes - 1] + step_ms)
    return {name: v if name == "time" else v.astype(np.float32) for name, v in broken.items()}
