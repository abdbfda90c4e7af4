"""Features and labels against values by hand and against pandas; nothing looks ahead."""

import math
from datetime import UTC, timedelta

import numpy as np
import pandas as pd
import pytest
from bar_frames import MIDNIGHT, bars_frame
from pyspark.sql import functions as F

from jobs.feature_kinds import BAR_COLUMNS, TIME_COLUMNS
from jobs.feature_settings import FeatureSettings
from jobs.label_settings import LabelSettings
from jobs.normalize_rows import apply_scales, compute_rows, fit_scales, mark_training
from models.errors import UsageError

LABELS = (
    LabelSettings(name="return_2m", horizon_seconds=120),
    LabelSettings(name="direction_1m", kind="direction", horizon_seconds=60, threshold_bps=50),
)
BUYS = {"buy": "buy_volume", "sell": "sell_volume"}
ITEMS = [
    {"name": "return_2", "kind": "log_return", "bars": 2},
    {"name": "volume_z_4", "kind": "zscore", "column": "volume", "bars": 4},
    {"name": "imbalance_3", "kind": "imbalance", **BUYS, "bars": 3},
    {"name": "volatility_3", "kind": "volatility", "bars": 3},
    {"name": "vwap_deviation_3", "kind": "vwap_deviation", "bars": 3},
    {"name": "range_3", "kind": "range", "bars": 3},
    {"name": "ratio_2", "kind": "ratio", "numerator": "buy_volume", "denominator": "volume", "bars": 2},
    {"name": "intensity_3", "kind": "intensity", "column": "n_cancel_buys", "bars": 3},
    {"name": "amihud_3", "kind": "amihud", "bars": 3},
    {"name": "kyle_4", "kind": "kyle_lambda", "bars": 4},
    {"name": "roll_4", "kind": "roll", "bars": 4},
    {"name": "n_trades", "kind": "value", "column": "n_trades", "scale": "minmax"},
    {"name": "return_z", "kind": "log_return", "bars": 1, "scale": "zscore"},
    {"name": "sine", "kind": "time_of_day_sine"},
    {"name": "cosine", "kind": "time_of_day_cosine"},
]
SETTINGS = FeatureSettings(items=ITEMS)


def to_spark(spark, frame):
    types = ", ".join([*(f"{name} double" for name in BAR_COLUMNS), *(f"{name} timestamp" for name in TIME_COLUMNS)])
    key = "exchange string, symbol string, bar_seconds int, bar_start timestamp, available_at timestamp, "
    columns = ["exchange", "symbol", "bar_seconds", "bar_start", "available_at", *BAR_COLUMNS, *TIME_COLUMNS]
    return spark.createDataFrame(frame[columns], key + types)  # NaN becomes NULL


def computed(spark, frame, settings=SETTINGS, labels=LABELS, seconds=60):
    rows = compute_rows(to_spark(spark, frame), settings, labels, seconds).orderBy("symbol", "bar_start").collect()
    flat = []
    for row in rows:
        values = row.asDict(recursive=True)
        flat.append({**values.pop("features", {}), **(values.pop("labels", None) or {}), **values})
    return flat


def nulls_as_nan(rows, name):
    return np.array([math.nan if row[name] is None else row[name] for row in rows])


@pytest.fixture(scope="module")
def history():
    return bars_frame(60)


@pytest.fixture(scope="module")
def rows(spark, history):
    return computed(spark, history.sample(frac=1, random_state=3))  # any order of input


def test_features_equal_those_of_pandas(rows, history):
    h, one = history, np.log(history["close"]).diff()
    past = h["volume"].shift(1).rolling(4)
    rolling = h[["buy_volume", "sell_volume", "volume"]].rolling(3).sum()
    flow = rolling["buy_volume"] + rolling["sell_volume"]
    notional = (h["vwap"].fillna(0) * h["volume"]).rolling(3).sum()
    signed = h["buy_volume"] - h["sell_volume"]
    per_bar = (one.abs() / (h["vwap"] * h["volume"])).where(h["volume"] > 0)
    covariance = one.rolling(4).cov(one.shift(1))
    seconds = (h["available_at"] - MIDNIGHT).dt.total_seconds()
    expected = {
        "return_2": np.log(h["close"] / h["close"].shift(2)),
        "volume_z_4": (h["volume"] - past.mean()) / past.std(),
        "imbalance_3": (rolling["buy_volume"] - rolling["sell_volume"]) / flow,
        "volatility_3": np.sqrt((one**2).rolling(3).sum()),
        "vwap_deviation_3": np.log(h["close"] / (notional / rolling["volume"])),
        "range_3": np.log(h["high"].rolling(3).max() / h["low"].rolling(3).min()),
        "ratio_2": h["buy_volume"].rolling(2).sum() / h["volume"].rolling(2).sum(),
        "intensity_3": h["n_cancel_buys"].rolling(3).sum() / 180,
        "amihud_3": per_bar.rolling(3, min_periods=1).mean().where(h.index >= 3) * 1e6,
        "kyle_4": one.rolling(4).cov(signed) / signed.rolling(4).var(),
        "roll_4": 2 * np.sqrt((-covariance).clip(lower=0)),
        "n_trades": h["n_trades"],
        "sine": np.sin(2 * np.pi * seconds / 86400),
        "cosine": np.cos(2 * np.pi * seconds / 86400),
        "return_2m": np.log(h["close"].shift(-2) / h["close"]),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(nulls_as_nan(rows, name), values.to_numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_another_symbols_return_is_that_of_its_last_close_at_the_end_of_each_bar(spark):
    own, other, elsewhere = (bars_frame(8, seed, symbol) for seed, symbol in ((1, "A"), (2, "B-C`D"), (3, "B-C`D")))
    elsewhere["exchange"] = "y"
    lead = {"kind": "cross_return", "symbol": "B-C`D"}
    settings = FeatureSettings(items=[{"name": "now", **lead}, {"name": "lagged", **lead, "bars": 2, "lag": 3}])
    rows = computed(spark, pd.concat([own, other.drop(index=2), elsewhere]), settings, ())
    close = other["close"].where(other.index != 2).ffill()  # it counts on where the other symbol has no bar
    expected = {"now": np.log(close / close.shift(1)), "lagged": np.log(close.shift(3) / close.shift(5))}
    for name, values in expected.items():
        of_own = [row for row in rows if (row["exchange"], row["symbol"]) == ("x", "A")]
        np.testing.assert_allclose(nulls_as_nan(of_own, name), values.to_numpy(), rtol=1e-12, err_msg=name)
        assert np.isnan(nulls_as_nan(of_own, name)).sum() == {"now": 1, "lagged": 5}[name]
    of_itself = [row for row in rows if (row["exchange"], row["symbol"]) == ("y", "B-C`D")]
    own_return = np.log(elsewhere["close"] / elsewhere["close"].shift(1))
    np.testing.assert_allclose(nulls_as_nan(of_itself, "now"), own_return.to_numpy(), rtol=1e-12)


def test_a_symbol_that_is_not_there_gives_null(spark):
    item = {"name": "lead", "kind": "cross_return", "symbol": "Z"}
    rows = computed(spark, bars_frame(4), FeatureSettings(items=[item]), ())
    assert [row["lead"] for row in rows] == [None] * 4


def test_a_ratio_of_logs_needs_numbers_above_nothing_and_seconds_a_time(spark):
    frame = bars_frame(4)
    frame["microprice"], frame["mid"] = [101.0, 100.0, np.nan, 0.0], [100.0, 100.0, 100.0, 100.0]
    quoted = [MIDNIGHT + timedelta(seconds=second) for second in (60, 59.5, 30, 240)]
    frame["last_quote_at"] = quoted
    items = [
        {"name": "pressure", "kind": "log_ratio", "numerator": "microprice", "denominator": "mid"},
        {"name": "age", "kind": "seconds_since", "column": "last_quote_at"},
    ]
    rows = computed(spark, frame, FeatureSettings(items=items), ())
    assert [row["pressure"] for row in rows] == [pytest.approx(math.log(1.01)), 0.0, None, None]
    assert [row["age"] for row in rows] == [0.0, 60.5, 150.0, 0.0]


def test_direction_is_up_down_or_flat_by_its_threshold(rows, history):
    bps = 1e4 * np.log(history["close"].shift(-1) / history["close"])
    expected = ["up" if b > 50 else "down" if b < -50 else "flat" for b in bps[:-1]] + [None]
    assert [row["direction_1m"] for row in rows] == expected
    assert set(expected) == {"up", "down", "flat", None}


def test_windows_are_full_from_the_longest_look_back_on(rows):
    assert [row["is_window_full"] for row in rows] == [False] * 5 + [True] * 55


def test_a_zscore_leaves_the_bar_itself_out_and_is_null_when_the_past_is_flat(spark):
    frame = bars_frame(5)
    frame["volume"] = [10.0, 12.0, 14.0, 14.0, 15.0]
    settings = FeatureSettings(items=[{"name": "z", "kind": "zscore", "column": "volume", "bars": 2}])
    z = [row["z"] for row in computed(spark, frame, settings, ())]
    assert z[:2] == [None, None]
    assert z[2] == pytest.approx((14 - 11) / 2**0.5)
    assert z[3] == pytest.approx((14 - 13) / 2**0.5)
    assert z[4] is None


def test_no_flow_is_balanced_and_a_ratio_to_nothing_is_null(spark):
    frame = bars_frame(2)
    frame[["buy_volume", "sell_volume", "volume"]] = 0.0
    frame["vwap"] = np.nan
    items = [{"name": "i", "kind": "imbalance", **BUYS}, {"name": "v", "kind": "vwap_deviation"}]
    items.append({"name": "q", "kind": "ratio", "numerator": "buy_volume", "denominator": "volume"})
    row = computed(spark, frame, FeatureSettings(items=items), ())[0]
    assert [row["i"], row["v"], row["q"]] == [0.0, 0.0, None]


def test_impact_needs_signed_volume_that_varies_and_illiquidity_a_trade(spark):
    frame = bars_frame(6)
    frame["close"] = [100.0, 101.0, 100.0, 101.0, 100.0, 101.0]
    frame["buy_volume"], frame["sell_volume"], frame["volume"] = 4.0, 1.0, 5.0
    items = [{"name": "k", "kind": "kyle_lambda", "bars": 3}, {"name": "r", "kind": "roll", "bars": 3}]
    items.append({"name": "a", "kind": "amihud", "bars": 1})
    frame.loc[5, ["volume", "vwap"]] = [0.0, np.nan]
    row = computed(spark, frame, FeatureSettings(items=items), ())[5]
    # returns +x, -x, +x against -x, +x, -x before: covariance -4/3 x², so the spread is 4 x / root 3
    assert [row["k"], row["a"]] == [None, None]
    assert row["r"] == pytest.approx(4 * math.log(1.01) / math.sqrt(3))


def test_bars_before_the_first_trade_and_nan_give_null_never_nan(spark):
    frame = bars_frame(4)
    frame.loc[0, ["close", "high", "low"]] = np.nan
    spark_bars = to_spark(spark, frame).withColumn("n_trades", F.lit(float("nan")))
    items = [{"name": "r", "kind": "log_return", "bars": 1}, {"name": "n", "kind": "value", "column": "n_trades"}]
    found = compute_rows(spark_bars, FeatureSettings(items=items), LABELS, 60).orderBy("bar_start").collect()
    assert [row.features.n for row in found] == [None] * 4
    assert [row.features.r is None for row in found] == [True, True, False, False]
    assert found[0].labels.return_2m is None


def test_a_window_never_spans_a_hole_nor_mixes_symbols(spark):
    frame = pd.concat([bars_frame(12).drop(index=6), bars_frame(3, seed=2, symbol="B")])
    items = [{"name": "r", "kind": "log_return", "bars": 2}, {"name": "i", "kind": "imbalance", **BUYS, "bars": 2}]
    rows = computed(spark, frame, FeatureSettings(items=items))
    known = [(row["symbol"], row["bar_start"].minute, row["r"] is not None, row["i"] is not None) for row in rows]
    whole = {0: (False, False), 1: (False, True), 7: (False, False), 8: (False, True)}
    expected = [("A", minute, *whole.get(minute, (True, True))) for minute in range(12) if minute != 6]
    assert known == [*expected, ("B", 0, False, False), ("B", 1, False, True), ("B", 2, True, True)]
    assert [r["bar_start"].minute for r in rows[:11] if r["return_2m"] is None] == [4, 5, 10, 11]


def test_no_feature_looks_ahead(spark, history, rows):
    noise = bars_frame(60, seed=9)
    replaced = pd.concat([history[:40], noise[40:]])
    names = SETTINGS.names()
    for other in (history[:40], replaced):
        for before, after in zip(rows[:40], computed(spark, other), strict=False):
            assert [before[name] for name in names] == [after[name] for name in names]  # to the last bit


def test_one_bar_and_no_bar(spark):
    (row,) = computed(spark, bars_frame(1))
    assert row["return_2"] is None
    assert row["return_2m"] is None
    assert computed(spark, bars_frame(1)[:0]) == []


def test_a_horizon_must_be_a_whole_number_of_bars(spark):
    with pytest.raises(UsageError, match="label 'return_2m' looks 120 s ahead, not a whole number of 50 s bars"):
        computed(spark, bars_frame(1), seconds=50)


def test_scales_are_fitted_on_training_time_only_and_labels_are_purged_at_its_border(spark, history):
    train_end = MIDNIGHT + timedelta(minutes=40)
    ends = spark.createDataFrame([("x", "A", train_end)], "exchange string, symbol string, train_end timestamp")
    raw = compute_rows(to_spark(spark, history), SETTINGS, LABELS, 60)
    marked = mark_training(raw, ends, horizon_seconds=120)
    scales = {row.feature: row for row in fit_scales(marked, SETTINGS).collect()}
    # bars 0 to 37: bar 37 is known at minute 38, and its label ends at minute 40, the border
    one = np.log(history["close"]).diff()[1:38]
    assert (scales["return_z"].method, scales["return_z"].n_rows) == ("zscore", 37)
    assert scales["return_z"].center == pytest.approx(one.mean(), rel=1e-9)
    assert scales["return_z"].width == pytest.approx(one.std(ddof=1), rel=1e-9)
    trades = history["n_trades"][:38]
    assert (scales["n_trades"].center, scales["n_trades"].width) == (trades.min(), trades.max() - trades.min())
    assert (scales["sine"].method, scales["sine"].center, scales["sine"].width) == ("none", None, None)
    assert scales["sine"].train_end.astimezone(UTC) == train_end

    fitted = spark.createDataFrame(list(scales.values()), fit_scales(marked, SETTINGS).schema)
    scaled = apply_scales(marked, fitted, SETTINGS).orderBy("bar_start").collect()
    assert [row.is_training for row in scaled] == [True] * 38 + [False] * 22
    z = (np.log(history["close"]).diff() - one.mean()) / one.std(ddof=1)
    np.testing.assert_allclose([row.features.return_z for row in scaled[1:]], z[1:], rtol=1e-6)
    np.testing.assert_allclose(
        [row.features.n_trades for row in scaled], (history["n_trades"] - trades.min()) / (trades.max() - trades.min())
    )
    for row in scaled:
        assert row.is_warm == (
            row.bar_start.astimezone(UTC) >= MIDNIGHT + timedelta(minutes=5) and None not in row.features
        )
