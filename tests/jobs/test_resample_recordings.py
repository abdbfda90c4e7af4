"""Bars of real recordings equal, value by value, those of DuckDB and pandas, which read the files on their own."""

import gzip
import json
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.resample_bars import FlowEvents, complete_bars, resample_events

PRICES = ["open", "high", "low", "close"]
ORDERS = (
    "exchange string, symbol string, epoch long, sequence long, event string, event_time timestamp, side string, "
    "order_type string, price decimal(18,8), size decimal(18,8), remaining_size decimal(18,8), reason string"
)
TRADES = (
    "exchange string, symbol string, trade_id long, epoch long, sequence long, trade_time timestamp, "
    "price decimal(18,8), size decimal(18,8), taker_side string"
)
DUCKDB_BARS = """
    WITH executions AS (
        SELECT DISTINCT ON (id) id, lower(side) AS side, epoch_us(exec_date::TIMESTAMPTZ) AS micros,
            price::DECIMAL(20, 8) AS price, size::DECIMAL(18, 8) AS size
        FROM read_csv($files, all_varchar = true) WHERE exec_date <> ''
    )
    SELECT micros // ($seconds * 1000000) * $seconds AS second,
        first(price ORDER BY micros, id::BIGINT) AS open, max(price) AS high, min(price) AS low,
        last(price ORDER BY micros, id::BIGINT) AS close, sum(size) AS volume,
        sum(price * size)::DOUBLE / sum(size)::DOUBLE AS vwap, count(*) AS n_trades,
        count(*) FILTER (side = 'buy') AS n_buy_trades, count(*) FILTER (side = 'sell') AS n_sell_trades,
        coalesce(sum(size) FILTER (side = 'buy'), 0) AS buy_volume,
        coalesce(sum(size) FILTER (side = 'sell'), 0) AS sell_volume
    FROM executions GROUP BY second ORDER BY second
"""


@pytest.fixture(scope="module", autouse=True)
def many_rows(compiled):
    with compiled():
        yield


@pytest.fixture(scope="module")
def bitflyer_files(recordings):
    return sorted(str(path) for path in (recordings / "trades_bitflyer").glob("*.csv.gz"))


@pytest.fixture(scope="module")
def bitflyer_events(spark, bitflyer_files):
    rows = spark.read.csv(bitflyer_files, header=True).where("exec_date IS NOT NULL").dropDuplicates(["id"])
    trades = rows.select(
        F.lit("bitflyer").alias("exchange"),
        F.lit("BTC_JPY").alias("symbol"),
        F.lit(0).cast("long").alias("epoch"),
        F.col("id").cast("long").alias("sequence"),
        F.col("exec_date").cast("timestamp").alias("trade_time"),
        F.col("price").cast("decimal(18, 8)").alias("price"),
        F.col("size").cast("decimal(18, 8)").alias("size"),
        F.lower("side").alias("taker_side"),
    )
    trades = trades.persist()
    yield FlowEvents(trades, spark.createDataFrame([], ORDERS), [])
    trades.unpersist()


@pytest.mark.parametrize("seconds", [pytest.param(10, marks=pytest.mark.slow), 60, 300])
def test_bars_of_four_bitflyer_days_equal_duckdb(bitflyer_events, bitflyer_files, seconds):
    expected = duckdb.execute(DUCKDB_BARS, {"files": bitflyer_files, "seconds": seconds}).df().set_index("second")
    bars = complete_bars(resample_events(bitflyer_events, seconds), seconds, is_gap_free=True).orderBy("bar_start")
    doubles = [F.col(name).cast("double").alias(name) for name in (*PRICES, "volume", "buy_volume", "sell_volume")]
    counts = ["vwap", "n_trades", "n_buy_trades", "n_sell_trades", "is_filled"]
    found = bars.select(F.unix_seconds("bar_start").alias("second"), *doubles, *counts).toPandas().set_index("second")

    assert list(found.index) == list(range(expected.index[0], expected.index[-1] + 1, seconds))
    assert list(found.index[found["is_filled"]]) == sorted(set(found.index) - set(expected.index))
    expected = expected.reindex(found.index)
    expected["close"] = expected["close"].astype(float).ffill()
    for name in ("open", "high", "low"):
        expected[name] = expected[name].astype(float).fillna(expected["close"])
    for name in expected.columns.drop([*PRICES, "vwap"]):
        expected[name] = expected[name].astype(float).fillna(0.0)
    for name in expected.columns.drop("vwap"):
        np.testing.assert_array_equal(found[name].to_numpy(float), expected[name].to_numpy(float), err_msg=name)
    np.testing.assert_allclose(found["vwap"], expected["vwap"], rtol=1e-13)
    assert found["n_trades"].sum() > 600_000


@pytest.fixture(scope="module")
def bitstamp_lines(recordings):
    (path,) = (recordings / "l3_bitstamp").glob("*.log.gz")
    with gzip.open(path, "rt") as lines:
        parts = [line.split(" ", 2) for line in lines]
    return [(int(millis), event, json.loads(text, parse_float=Decimal)) for millis, event, text in parts]


def eight_decimals(number):
    """Trades of the log carry JSON doubles such as 1.7885566900000001; the exchange counts in 1e-8."""
    return Decimal(number).quantize(Decimal("1e-8"))


def as_orders(lines):
    names = {"order_created": "open", "order_changed": "change", "order_deleted": "done"}
    for number, (millis, event, body) in enumerate(lines):
        if event not in names:
            continue
        size, price = Decimal(body["amount"]), Decimal(body["price"])
        reason = ("canceled" if size else "filled") if event == "order_deleted" else None
        side = "sell" if body["order_type"] else "buy"
        time = pd.Timestamp(millis, unit="ms", tz="UTC").to_pydatetime()
        yield ("bitstamp", "BTCUSD", 0, number, names[event], time, side, "limit", price, None, size, reason)


def as_trades(lines):
    for number, (millis, event, body) in enumerate(lines):
        if event == "trade":
            time = pd.Timestamp(millis, unit="ms", tz="UTC").to_pydatetime()
            price, size = eight_decimals(body["price"]), eight_decimals(body["amount"])
            yield ("bitstamp", "BTCUSD", body["id"], 0, number, time, price, size, None)


def pandas_bars(lines, seconds):
    """Integers of 1e-8 from the log itself, in exact arithmetic."""
    log = pd.DataFrame(
        {
            "second": [millis // 1000 // seconds * seconds for millis, _, _ in lines],
            "event": [event for _, event, _ in lines],
            "side": [{0: "buy", 1: "sell"}.get(body.get("order_type")) for _, _, body in lines],
            "price": [int(eight_decimals(body.get("price", 0)) * 10**8) for _, _, body in lines],
            "size": [int(eight_decimals(body.get("amount", 0)) * 10**8) for _, _, body in lines],
        }
    )
    trades = log[log["event"] == "trade"].groupby("second")
    bars = trades["price"].agg(open="first", high="max", low="min", close="last")
    bars = bars.assign(volume=trades["size"].sum(), n_trades=trades.size())
    for name, event in (("limit", "order_created"), ("cancel", "order_deleted")):
        for side in ("buy", "sell"):
            is_counted = (log["event"] == event) & (log["side"] == side)
            if name == "cancel":
                is_counted &= log["size"] > 0
            orders = log[is_counted].groupby("second")["size"]
            counted = pd.DataFrame({f"n_{name}_{side}s": orders.size(), f"{name}_{side}_size": orders.sum()})
            bars = bars.join(counted, how="outer")
    zeros = [name for name in bars.columns if name not in PRICES]
    bars[zeros] = bars[zeros].fillna(0)
    bars["close"] = bars["close"].ffill()
    for name in ("open", "high", "low"):
        bars[name] = bars[name].fillna(bars["close"])
    return bars


@pytest.mark.parametrize("seconds", [10, 300])
def test_trades_and_order_flow_of_the_bitstamp_log_equal_pandas(spark, bitstamp_lines, seconds):
    orders = spark.createDataFrame(list(as_orders(bitstamp_lines)), ORDERS)
    trades = spark.createDataFrame(list(as_trades(bitstamp_lines)), TRADES)
    events = FlowEvents(trades, orders, received_exchanges=[])
    bars = complete_bars(resample_events(events, seconds), seconds, is_gap_free=False)
    expected = pandas_bars(bitstamp_lines, seconds)
    units = [
        (F.col(name) * 10**8).cast("double").alias(name) if kind.startswith("decimal") else F.col(name)
        for name, kind in bars.dtypes
        if name in expected.columns
    ]
    found = bars.select(F.unix_seconds("bar_start").alias("second"), *units).orderBy("second").toPandas()
    found = found.set_index("second")
    assert list(found.index) == list(expected.index)
    for name in expected.columns:
        np.testing.assert_array_equal(found[name].to_numpy(float), expected[name].to_numpy(float), err_msg=name)
