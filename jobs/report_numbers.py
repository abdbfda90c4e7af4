"""The numbers behind a report's pictures; numpy and pandas only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.report_data import ReportData

Floats = NDArray[np.float64]
MAX_SERIES = 6
N_BLOCKS = 50


@dataclass(frozen=True)
class Series:
    """One model version whose predictions are drawn."""

    model: str
    version: int
    is_champion: bool

    @property
    def name(self) -> str:
        """Name as SQL takes it, for example ``ridge/3``."""
        return f"{self.model}/{self.version}"


def champion(data: ReportData) -> Series | None:
    """The version that answers ``predict(features)``; None where no version is marked."""
    marked = data.models[data.models["is_champion"].eq(True)]
    if marked.empty:
        return None
    row = marked.iloc[0]
    return Series(str(row["model"]), int(row["version"]), True)


def shown_series(data: ReportData) -> list[Series]:
    """The champion, then the newest version of each other model; at most MAX_SERIES, all with predictions."""
    scored = data.predictions[["model", "version"]].drop_duplicates().sort_values(["model", "version"])
    versions = [Series(str(row.model), int(row.version), False) for row in scored.itertuples()]
    best = champion(data)
    newest = {series.model: series for series in versions}
    if best is not None and best.name in {series.name for series in versions}:
        newest.pop(best.model)
        return [best, *newest.values()][:MAX_SERIES]
    return list(newest.values())[:MAX_SERIES]


def calibration(predicted: Floats, actual: Floats, n_groups: int = 10) -> pd.DataFrame:
    """Mean outcome of each tenth of the predictions, from the lowest to the highest.

    Neighbouring outcomes overlap in time, so the standard error is that of sums over N_BLOCKS contiguous blocks of
    time (cluster-robust; Cameron and Miller 2015, section II): ``sqrt(sum_b (sum_i e_i)²) / n`` with e the deviation
    of an outcome from its group's mean. The interval is the mean plus and minus 1.96 standard errors.

    Args:
        predicted: Predictions in order of time, finite.
        actual: Outcomes, finite.

    Returns:
        A row per group: n, predicted, actual (means), lower, upper. Fewer groups where predictions tie; none below
        two rows for each.
    """
    if len(predicted) < 2 * n_groups:
        return pd.DataFrame(columns=["n", "predicted", "actual", "lower", "upper"], dtype=float)
    group = pd.qcut(pd.Series(predicted).rank(method="average"), n_groups, labels=False, duplicates="drop")
    rows = pd.DataFrame({"group": group, "predicted": predicted, "actual": actual})
    rows["block"] = np.arange(len(rows)) * min(N_BLOCKS, len(rows)) // len(rows)
    means = rows.groupby("group").agg(n=("actual", "size"), predicted=("predicted", "mean"), actual=("actual", "mean"))
    rows["deviation"] = rows["actual"] - rows["group"].map(means["actual"])
    sums = rows.groupby(["group", "block"])["deviation"].sum()
    error = np.sqrt((sums**2).groupby("group").sum()) / means["n"]
    means = means.assign(lower=means["actual"] - 1.96 * error, upper=means["actual"] + 1.96 * error)
    return means.reset_index(drop=True)


def cumulative_gain(predicted: Floats, actual: Floats) -> Floats:
    """Squared error of zero change minus that of the model, summed up to each bar (Goyal and Welch 2008).

    It rises where the model is better. A bar without prediction or outcome adds nothing.
    """
    gain = actual**2 - (actual - predicted) ** 2
    return np.cumsum(np.where(np.isfinite(gain), gain, 0.0))


def every_kth(n: int, max_points: int) -> int:
    """The step at which ``n`` points become at most ``max_points``.

    >>> every_kth(100, 100), every_kth(101, 100)
    (1, 2)
    """
    return max(1, -(-n // max_points))


def feature_summary(features: pd.DataFrame) -> pd.DataFrame:
    """A row per feature: n, share_null, mean, sd, min, median, max, correlation with the label by part of time.

    NaN counts as NULL. ``n`` is the number of values that are there.
    """
    names = [name for name in features.columns if name not in ("is_training", "label")]
    is_training = features["is_training"].to_numpy(dtype=bool)
    label = pd.to_numeric(features["label"]).to_numpy(dtype=float)
    rows: list[dict[str, Any]] = []
    for name in names:
        values = pd.to_numeric(features[name]).to_numpy(dtype=float)
        known = values[np.isfinite(values)]
        quantiles = np.quantile(known, [0, 0.5, 1]) if len(known) else np.full(3, np.nan)
        rows.append(
            {
                "feature": name,
                "n": len(known),
                "share_null": 1 - len(known) / len(values) if len(values) else np.nan,
                "mean": known.mean() if len(known) else np.nan,
                "sd": known.std(ddof=1) if len(known) > 1 else np.nan,
                "min": quantiles[0],
                "median": quantiles[1],
                "max": quantiles[2],
                "correlation_training": correlation(values[is_training], label[is_training]),
                "correlation_held_out": correlation(values[~is_training], label[~is_training]),
            }
        )
    return pd.DataFrame(rows)


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation over the rows where both are there; NaN below three of them or where one is constant."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def histograms(values: Floats, is_training: NDArray[np.bool_], n_bins: int = 28) -> tuple[Floats, Floats]:
    """Shares per bin of training and of held-out values between the 0.5th and 99.5th percentile of all.

    What lies outside is counted in the first and last bin. Zeros where a part has no value.
    """
    is_known = np.isfinite(values)
    if not is_known.any():
        return np.zeros(n_bins), np.zeros(n_bins)
    low, high = np.quantile(values[is_known], [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)

    def shares(part: NDArray[np.bool_]) -> Floats:
        counts = np.histogram(np.clip(values[is_known & part], edges[0], edges[-1]), edges)[0].astype(float)
        return counts / max(counts.sum(), 1.0)

    return shares(is_training), shares(~is_training)
