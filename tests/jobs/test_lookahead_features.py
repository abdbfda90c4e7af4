"""Every built-in kind of feature is causal, the whole path from orders to features too; broken copies are caught."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.feature_kinds import BAR_COLUMNS, FEATURE_KINDS, TIME_COLUMNS
from jobs.feature_settings import FeatureSettings
from jobs.lookahead_features import (
    bar_recomputation,
    features_of_bars,
    fit_recomputation,
    fitted_scales,
)
from jobs.lookahead_versions import Version, versions_of
from jobs.normalize_rows import compute_rows, fit_scales
from models.cut_points import Cut, choose_cuts, choose_starts
from models.row_differences import find_differences

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
N_BARS = 90


def item_of(kind, scale):
    """A feature of a kind, built from the arguments that the kind takes: a new kind is checked without a word here."""
    fields = FEATURE_KINDS[kind].model_fields
    is_of_times = FEATURE_KINDS[kind].columns == TIME_COLUMNS
    names = TIME_COLUMNS if is_of_times else ("buy_volume", "vwap")
    arguments = dict(zip(FEATURE_KINDS[kind].column_arguments, names, strict=False))
    others = {name: value for name, value in (("bars", 3), ("symbol", "B")) if name in fields}
    return {"name": kind, "kind": kind, "scale": scale, **others, **arguments}


SCALES = itertools.cycle((None, "zscore", "minmax"))
SETTINGS = FeatureSettings(items=[item_of(kind, scale) for kind, scale in zip(FEATURE_KINDS, SCALES, strict=False)])


def history(symbol, seed, holes=()):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.uniform(1, 9, N_BARS) for name in BAR_COLUMNS})
    frame["close"] = 100 * np.exp(np.cumsum(random.normal(0, 0.01, N_BARS)))
    frame["high"], frame["low"] = frame["close"] * 1.01, frame["close"] * 0.99
    frame.loc[random.random(N_BARS) < 0.1, "vwap"] = np.nan
    frame["bar_start"] = [MIDNIGHT + timedelta(minutes=i) for i in range(N_BARS)]
    frame["available_at"] = frame["bar_start"] + pd.Timedelta(minutes=1)
    for name in TIME_COLUMNS:
        frame[name] = frame["available_at"] - pd.to_timedelta(random.uniform(0, 300, N_BARS).round(3), unit="s")
    frame["exchange"], frame["symbol"], frame["bar_seconds"] = "x", symbol, 60
    return frame.drop(index=list(holes))


@pytest.fixture(scope="module")
def frame():
    return pd.concat([history("A", 1, holes=range(50, 57)), history("B", 2)])


@pytest.fixture(scope="module")
def bars(spark, frame):
    types = ", ".join([*(f"{name} double" for name in BAR_COLUMNS), *(f"{name} timestamp" for name in TIME_COLUMNS)])
    key = "exchange string, symbol string, bar_seconds int, bar_start timestamp, available_at timestamp, "
    names = ["exchange", "symbol", "bar_seconds", "bar_start", "available_at", *BAR_COLUMNS, *TIME_COLUMNS]
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
def check(bars, scales):
    return bar_recomputation(bars, scales, features_of_bars(SETTINGS, 60), SETTINGS.bars_before)


@pytest.fixture(scope="module")
def outcomes(check, versions):
    return check.check(versions)


@pytest.fixture(scope="module")
def whole(check):
    return check.whole()


def leaks(outcomes):
    """Column to the tests that found it."""
    found = {}
    for one in outcomes:
        for change in one.changes:
            found.setdefault(change.column, set()).add(one.version.test)
    return found


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_a_kind_of_feature_is_causal(outcomes, whole, kind):
    assert leaks(outcomes).get(f"features.{kind}") is None
    values = pc.struct_field(whole["features"], kind)
    assert whole.num_rows - values.null_count > 100  # NULL = NULL would prove nothing
    assert len(pc.unique(values)) > 50


def test_the_set_as_a_whole_is_causal_at_every_kind_of_cut_and_start(outcomes):
    assert leaks(outcomes) == {}
    compared = {(one.version.test, one.version.cut.place): one.n_rows for one in outcomes}
    assert set(compared) >= {("truncated", "gap"), ("noise", "border"), ("noise", "null"), ("start", "start")}
    assert all(compared.values())
    assert {one.n_columns for one in outcomes} == {len(FEATURE_KINDS) + 2}  # is_warm, available_at


def test_a_cut_compares_the_rows_known_then_and_a_start_those_after_the_warm_up(outcomes, frame):
    at = frame["available_at"].astype("datetime64[us, UTC]").astype("int64")
    for one in outcomes:
        if one.version.test == "start":
            n_left = [(at[frame["symbol"] == symbol] >= one.version.cut.instant).sum() for symbol in "AB"]
            assert one.n_rows == sum(n - SETTINGS.bars_before for n in n_left)
        else:
            assert one.n_rows == (at <= one.version.cut.instant).sum()


def test_noise_changes_every_feature_after_the_cut_but_the_time_of_day(check, versions, whole):
    noise = next(version for version in versions if version.test == "noise")
    changed = {change.column for change in find_differences(whole, check.of(noise), check.layout.key).changes}
    not_reached = {"features.time_of_day_sine", "features.time_of_day_cosine"}
    assert changed == {"is_warm", *(f"features.{kind}" for kind in FEATURE_KINDS)} - not_reached


@pytest.fixture
def with_columns(bars, scales, versions):
    """``with_columns(name=column)`` checks the feature set with further columns at one cut and one start."""
    cut = next(version.cut for version in versions if version.cut.place == "gap")
    some = [*versions_of([cut]), versions[-1]]
    small = FeatureSettings(items=[item_of("value", "zscore"), item_of("range", None)])

    def run(bars_before=2, **columns):
        of_bars = features_of_bars(small, 60)
        inputs = bars.select("exchange", "symbol", "bar_start", "close", "volume")

        def transform(frames):
            joined = of_bars(frames).join(frames["bars"].select(*inputs.columns), ["exchange", "symbol", "bar_start"])
            return joined.withColumns(columns).drop("close", "volume")

        return leaks(bar_recomputation(bars, scales, transform, bars_before).check(some))

    return run


def by_time():
    return Window.partitionBy("exchange", "symbol").orderBy("bar_start")


def test_transforms_that_look_ahead_are_found_also_where_they_look_across_all_rows(with_columns):
    everything = Window.partitionBy()
    found = with_columns(
        shifted=F.lead("close").over(by_time()),
        reversed_maximum=F.max("close").over(by_time().rowsBetween(0, Window.unboundedFollowing)),
        global_zscore=(F.col("close") - F.avg("close").over(everything)) / F.stddev("close").over(everything),
        lagged=F.lag("close").over(by_time()),
    )
    assert found.pop("global_zscore") >= {"truncated", "noise"}
    assert found == {"shifted": {"truncated", "noise"}, "reversed_maximum": {"truncated", "noise"}}


def test_a_transform_that_looks_across_symbols_and_exchanges_at_one_time_is_not_flagged(with_columns):
    at_once = Window.partitionBy("bar_start")
    assert with_columns(market=F.max("close").over(at_once), share=F.sum("volume").over(at_once)) == {}


def test_a_warm_up_declared_too_short_is_found_by_a_late_start(with_columns):
    total = F.sum("volume").over(by_time().rowsBetween(-3, 0))
    assert with_columns(bars_before=3, total=total) == {}
    assert with_columns(bars_before=2, total=total) == {"total": {"start"}}


def train_end_of(bars):
    return bars.selectExpr("unix_micros(percentile_approx(available_at, 0.6))").first()[0]


def test_the_fit_of_the_scales_depends_on_training_time_only(bars):
    settings = FeatureSettings(items=SETTINGS.items[:3])  # without a scale, zscore and minmax
    check = fit_recomputation(bars, settings, 60, train_end_of(bars))
    cut = Cut(train_end_of(bars), "train_end")
    versions = [Version("truncated", cut), Version("noise", cut)]
    outcomes = check.check(versions)
    assert [(one.n_rows, one.changes) for one in outcomes] == [(2 * 3, ())] * 2

    def fitted_on_all(frames):
        rows = compute_rows(frames["bars"], settings, (), 60).withColumns(
            {"is_training": F.lit(True), "train_end": F.lit(MIDNIGHT)}
        )
        return fit_scales(rows, settings)

    found = leaks(dataclasses.replace(check, transform=fitted_on_all).check(versions))
    assert found == {name: {"truncated", "noise"} for name in ("center", "width", "n_rows")}
