"""The way from orders to bars to features is causal in order time; a bar that says it is known too early is found."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import functions as F

from jobs.feature_settings import FeatureSettings
from jobs.lookahead_cuts import extent_of
from jobs.lookahead_features import (
    event_recomputation,
    event_transform,
    fitted_scales,
    is_carried_on,
    is_waiting_for_an_event,
)
from jobs.lookahead_frames import Recomputation
from jobs.lookahead_versions import names_side_by_side, versions_of
from jobs.quote_bars import quote_bars, with_quotes
from jobs.resample_bars import FlowEvents, complete_bars, resample_events

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
TRADES = (
    "exchange string, symbol string, trade_time timestamp, epoch long, sequence long, "
    "price decimal(18,8), size decimal(18,8), taker_side string"
)
ORDERS = (
    "exchange string, symbol string, event_time timestamp, epoch long, sequence long, event string, price decimal(18,8),"
    " size decimal(18,8), remaining_size decimal(18,8), side string, order_type string, reason string"
)
SETTINGS = FeatureSettings(
    items=[
        {"name": "return_2", "kind": "log_return", "bars": 2, "scale": "zscore"},
        {"name": "flow", "kind": "imbalance", "buy": "limit_buy_size", "sell": "limit_sell_size", "bars": 2},
        {"name": "deviation", "kind": "vwap_deviation", "bars": 2},
        {"name": "spread", "kind": "value", "column": "spread_bps", "scale": "zscore"},
        {"name": "depth", "kind": "imbalance", "buy": "bid_depth", "sell": "ask_depth"},
        {"name": "pressure", "kind": "ratio", "numerator": "order_flow_imbalance", "denominator": "volume", "bars": 2},
        {"name": "lead", "kind": "cross_return", "symbol": "A"},
        {"name": "quote_age", "kind": "seconds_since", "column": "last_quote_at"},
    ]
)
QUOTES = (
    "exchange string, symbol string, event_time timestamp, epoch long, sequence long, is_usable boolean, "
    "bid_price decimal(18,8), bid_size decimal(18,8), ask_price decimal(18,8), ask_size decimal(18,8), "
    "bid_depth_prices array<decimal(18,8)>, bid_depth_sizes array<decimal(18,8)>, "
    "ask_depth_prices array<decimal(18,8)>, ask_depth_sizes array<decimal(18,8)>, order_flow decimal(38,8)"
)


def quote(symbol, time, number, random):
    bid, ask = Decimal(random.randint(95, 99)), Decimal(random.randint(101, 105))
    sizes = [Decimal(random.randint(1, 9)) for _ in range(4)]
    depth = [[bid], [sizes[2]], [ask], [sizes[3]]] if number % 3 == 0 else [None] * 4
    is_usable = number % 10 != 7
    return ("x", symbol, time, 0, number, is_usable, bid, sizes[0], ask, sizes[1], *depth, Decimal(number % 5))


@pytest.fixture(scope="module")
def events(spark):
    """Forty minutes of two symbols, one of which is silent for ten minutes."""
    random = np.random.default_rng(3)
    trades, orders, quotes, choice = [], [], [], Random(4)
    for symbol in ("A", "B"):
        for i, second in enumerate(np.sort(random.uniform(0, 2_400, 300)).tolist()):
            if symbol == "A" and 600 < second < 1_200:
                continue
            time = MIDNIGHT + timedelta(seconds=second)
            price, size = (Decimal(f"{number:.4f}") for number in (random.uniform(99, 101), random.uniform(0.1, 2)))
            side = "buy" if random.random() < 0.5 else "sell"
            if i % 2 == 0 and second > 100:
                quotes.append(quote(symbol, time, i, choice))
            if random.random() < 0.5:
                trades.append(("x", symbol, time, 0, i, price, size, side))
            else:
                event = ("received", "done")[int(random.random() < 0.3)]
                row = (event, price, size, size, side, "limit", "canceled" if event == "done" else None)
                orders.append(("x", symbol, time, 0, i, *row))
    schemas = ((orders, ORDERS), (trades, TRADES), (quotes, QUOTES))
    frames = [spark.createDataFrame(rows, schema) for rows, schema in schemas]
    return tuple(frame.coalesce(1).localCheckpoint() for frame in frames)


@pytest.fixture(scope="module")
def scales(events):
    orders, trades, quotes = events
    bars = complete_bars(resample_events(FlowEvents(trades, orders, {"x"}), 60), 60, True)
    return fitted_scales(with_quotes(bars, quote_bars(quotes, 60)), SETTINGS, 60)


@pytest.fixture(scope="module")
def check(events, scales):
    return event_recomputation(*events, scales, transform_of(["x"]), SETTINGS)


def transform_of(received_exchanges):
    return event_transform(SETTINGS, 60, True, received_exchanges)


@pytest.fixture(scope="module")
def extent(check):
    return extent_of([check.histories["orders"], check.histories["trades"]], ("exchange", "symbol"), 60_000_000, 3, 0)


def test_the_way_from_orders_to_features_is_causal_in_order_time(check, extent, monkeypatch):
    versions = versions_of(extent.cuts, extent.starts)
    monkeypatch.setattr(Recomputation, "of", lambda self, version: pytest.fail(f"{version} was repeated alone"))
    by_name = transform_of(names_side_by_side(["x"], len(versions)))
    outcomes = dataclasses.replace(check, transform=by_name).check(versions)
    assert [one for one in outcomes if one.changes] == []
    assert {one.version.cut.place for one in outcomes} == {"random", "null", "gap", "border", "start"}
    silent = [one for one in outcomes if one.version.test == "truncated" and one.version.cut.place == "gap"]
    assert max(one.n_waiting for one in silent) == 10  # A's minutes 10 to 19, cut just before the event that ends them
    for test in ("truncated", "noise", "start"):
        assert sum(one.n_rows for one in outcomes if one.version.test == test) > 100
    whole = check.whole()
    assert whole.num_rows == 80
    assert whole["vwap"].null_count < 20
    for name in ("spread", "depth", "lead", "quote_age", "pressure"):
        assert pc.struct_field(whole["features"], name).null_count < 40


def test_a_bar_that_says_it_is_known_at_its_start_is_found(check, extent):
    def labelled_left(frames):
        return check.transform(frames).withColumn("available_at", F.col("bar_start"))

    broken = dataclasses.replace(check, transform=labelled_left)
    random = [cut for cut in extent.cuts if cut.place == "random"][:1]
    truncated, noise = broken.check(versions_of(random))
    assert {"close", "high", "volume", "n_trades"} & {change.column for change in truncated.changes}
    assert {"close", "high", "volume", "n_trades"} & {change.column for change in noise.changes}
    assert max(change.n_rows for change in truncated.changes) <= 2  # the bar of each symbol that the cut falls into


def test_bars_wait_only_at_the_end_of_a_symbol_and_only_where_the_grid_added_them():
    def table(*rows):
        return pa.table(
            {
                "exchange": ["x"] * len(rows),
                "symbol": pa.array([row[0] for row in rows], pa.string()),
                "available_at": pa.array([row[1] for row in rows], pa.int64()),
                "is_filled": pa.array([row[2] for row in rows], pa.bool_()),
            }
        )

    whole = table(("A", 1, False), ("A", 2, True), ("A", 3, False), ("A", 4, True), ("B", 1, True), ("B", 2, False))
    shorter = table(("A", 3, False))
    waits = [False, False, False, True, True, False]  # a bar with events never waits
    assert is_waiting_for_an_event(whole, shorter).tolist() == waits
    assert is_waiting_for_an_event(whole, table()).tolist() == [False, True, False, True, True, False]
    assert is_waiting_for_an_event(table(), shorter).tolist() == []


def test_a_late_start_counts_from_the_first_bar_that_has_all_that_is_carried_on():
    bars = pa.table(
        {
            "exchange": ["x"] * 6,
            "symbol": ["A", "A", "A", "B", "B", "B"],
            "available_at": pa.array([1, 2, 3, 1, 2, 3], pa.int64()),
            "close": [None, 7, 7, 7, 7, 7],
            "bid_depth": [None, 1, None, None, None, 1],
        }
    )
    assert is_carried_on(bars, ("close",), False).tolist() == [False, True, True, True, True, True]
    assert is_carried_on(bars, ("close", "bid_depth"), False).tolist() == [False, True, True, False, False, True]
    assert is_carried_on(bars, ("close", "bid_depth"), True).tolist() == [False, False, True, False, False, True]
    never = bars.set_column(3, "close", pa.nulls(6, pa.int64()))
    assert not is_carried_on(never, ("close",), False).any()
