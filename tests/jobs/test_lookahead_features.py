"""Every built-in kind of feature is causal, the whole path from orders to features too; broken copies are caught."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.feature_kinds import BAR_COLUMNS, FEATURE_KINDS
from jobs.feature_settings import FeatureSettings
from jobs.lookahead_features import (
    bar_recomputation,
    features_of_bars,
    fit_recomputation,
    fitted_scales,
)
from jobs.lookahead_versions import versions_of
from models.cut_points import choose_cuts, choose_starts

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
N_BARS = 90


def item_of(kind, scale):
    """A feature of a kind, built from the arguments that the kind takes: a new kind is checked without a word here."""
    fields = FEATURE_KINDS[kind].model_fields
    arguments = dict(zip(FEATURE_KINDS[kind].column_arguments, ("buy_volume", "vwap"), strict=False))
    window = {"bars": 3} if "bars" in fields else {}
    return {"name": kind, "kind": kind, "scale": scale, **window, **arguments}


SCALES = itertools.cycle((None, "zscore", "minmax"))
SETTINGS = FeatureSettings(items=[item_of(kind, scale) for kind, scale in zip(FEATURE_KINDS, SCALES, strict=False)])


def history(symbol, seed, holes=()):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.integers(1, 9, N_BARS).astype(float) for name in BAR_COLUMNS})
    frame["close"] = 100 * np.exp(np.cumsum(random.normal(0, 0.01, N_BARS)))
    frame["high"], frame["low"] = frame["close"] * 1.01, frame["close"] * 0.99
    frame.loc[random.random(N_BARS) < 0.1, "vwap"] = np.nan
    frame["bar_start"] = [MIDNIGHT + timedelta(minutes=i) for i in range(N_BARS)]
    frame["available_at"] = frame["bar_start"] + pd.Timedelta(minutes=1)
    frame["exchange"], frame["symbol"], frame["bar_seconds"] = "x", symbol, 60
    return frame.drop(index=list(holes))


@pytest.fixture(scope="module")
def frame():
    return pd.concat([history("A", 1, holes=range(50, 57)), history("B", 2)])


@pytest.fixture(scope="module")
def bars(spark, frame):
    types = ", ".join(f"{name} double" for name in BAR_COLUMNS)
    key = "exchange string, symbol string, bar_seconds int, bar_start timestamp, available_at timestamp, "
    names = ["exchange", "symbol", "bar_seconds", "bar_start", "available_at", *BAR_COLUMNS]
    return spark.createDataFrame(frame[names], key + types).coalesce(1).localCheckpoint()


@pytest.fixture(scope="module")
def versions(frame):
    at = frame["available_at"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    missing = at[frame["vwap"].isna().to_numpy()]
    cuts = choose_cuts(at, frame["symbol"].to_numpy(), [missing], 3_600_000_000)
    assert {cut.place for cut in cuts} == {"random", "null", "gap", "border"}
    return versions_of(cuts, choose_starts(at))


@pytest.fixture(scope="module")
def scales(bars):
    return fitted_scales(bars, SETTINGS, 60)


@pytest.fixture(scope="module")
def outcomes(bars, scales, versions):
    transform = features_of_bars(SETTINGS, 60)
    return bar_recomputation(bars, scales, transform, SETTINGS.bars_before).check(versions)


def test_x(outcomes):
    for o in outcomes:
        print(o.version, o.n_rows, o.changes[:2])
    assert 0
