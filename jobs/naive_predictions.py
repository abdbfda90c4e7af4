"""What needs no model: the predictions that a model has to beat, from labels that have come true already."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.training_set import KEY
from models.baselines import last_value, moving_average, zero_change

Values = NDArray[np.float64]
ZERO_CHANGE = "zero change"
N_AVERAGED = 10
_DAY_SECONDS = 86_400


def naive_predictions(rows: pd.DataFrame, wanted: pd.DataFrame, horizon_seconds: int) -> dict[str, Values]:
    """Return a prediction for each wanted row by four rules, each from labels known at its time.

    * zero change: 0, the random walk's forecast.
    * last value: the label of one horizon before, which has just come true.
    * moving average: the mean of the last ten labels that do not overlap.
    * seasonal: the label of the same time a day before, or as many days as the horizon takes (the seasonal naive
      forecast of Hyndman and Athanasopoulos, Forecasting: principles and practice, section 5.2).

    Args:
        rows: All rows with their label as ``label``, see ``jobs.training_set.read_rows``.
        wanted: (n,) rows with the columns of ``KEY``.
        horizon_seconds: How far a label looks ahead.
    """
    passed = [label_before(rows, wanted, steps * horizon_seconds) for steps in range(1, N_AVERAGED + 1)]
    season_seconds = math.ceil(horizon_seconds / _DAY_SECONDS) * _DAY_SECONDS
    return {
        ZERO_CHANGE: zero_change(len(wanted)),
        "last value": last_value(passed[0]),
        "moving average": moving_average(np.column_stack(passed)),
        "seasonal": last_value(label_before(rows, wanted, season_seconds)),
    }


def label_before(rows: pd.DataFrame, wanted: pd.DataFrame, seconds: int) -> Values:
    """The label of the bar that began so many seconds before each wanted row; NaN where there is none."""
    earlier = rows[[*KEY, "label"]].copy()
    earlier["bar_start"] += pd.Timedelta(seconds=seconds)
    found = wanted[KEY].merge(earlier, on=KEY, how="left").label
    return pd.to_numeric(found, errors="coerce").to_numpy(np.float64)
