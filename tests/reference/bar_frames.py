"""Bars of random values as pandas."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from jobs.feature_kinds import BAR_COLUMNS, TIME_COLUMNS

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)


def bars_frame(n_bars, seed=1, symbol="A", seconds=60):
    """Bars of a gap-free grid with every column of the table, as pandas."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.integers(0, 9, n_bars).astype(float) for name in BAR_COLUMNS})
    frame["close"] = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n_bars)))
    frame["high"], frame["low"] = frame["close"] * 1.01, frame["close"] * 0.99
    frame["volume"] = frame["buy_volume"] + frame["sell_volume"]
    frame["vwap"] = np.where(frame["volume"] > 0, frame["close"] * 1.001, np.nan)
    frame["bar_start"] = [MIDNIGHT + timedelta(seconds=seconds * i) for i in range(n_bars)]
    frame["available_at"] = frame["bar_start"] + pd.Timedelta(seconds=seconds)
    frame["exchange"], frame["symbol"], frame["bar_seconds"] = "x", symbol, seconds
    return frame.assign(**dict.fromkeys(TIME_COLUMNS, frame["available_at"]))
