"""The real recordings against an independent count, and read back without Spark."""

import gzip
import json
from collections import Counter
from decimal import Decimal

import deltalake
import duckdb
import pandas as pd

from jobs.ingest import ingest
from jobs.sources import Source


def test_the_coinbase_recording_lands_value_by_value_without_a_gap(spark, schema, home, recordings):
    path = recordings / "l3_coinbase_full" / "coinbase_full_2018-03-25T0000Z_60s.jsonl.gz"
    source = Source(path=str(path), format="coinbase_full", exchange="coinbase")
    summary = ingest(spark, source, 0.0, "run-1")
    assert (summary.n_read, summary.n_good, summary.n_gaps, len(summary.files)) == (12_333, 12_333, 0, 1)
    with gzip.open(path, "rt") as f:
        messages = [json.loads(line) for line in f]
    expected = {(m["product_id"], m["sequence"]): as_sent(m) for m in messages}
    warehouse = home / "warehouse" / f"{schema}.db"
    orders = deltalake.DeltaTable(warehouse / "orders").to_pyarrow_table().to_pylist()
    assert {(row["symbol"], row["sequence"]): as_stored(row) for row in orders} == expected
    trades = deltalake.DeltaTable(warehouse / "trades").to_pyarrow_table()
    by_side = duckdb.sql("SELECT symbol, taker_side, count(*), sum(size) FROM trades GROUP BY ALL").fetchall()
    opposite = {"buy": "sell", "sell": "buy"}
    n_trades, volume = Counter(), Counter()
    for m in messages:
        if m["type"] == "match":
            n_trades[m["product_id"], opposite[m["side"]]] += 1
            volume[m["product_id"], opposite[m["side"]]] += Decimal(m["size"])
    assert trades.num_rows == 171
    assert {row[:2]: row[2:] for row in by_side} == {key: (n, volume[key]) for key, n in n_trades.items()}


def as_sent(m):
    amounts = [m.get(name) for name in ("price", "size", "remaining_size", "funds")]
    return (m["type"], pd.Timestamp(m["time"]), m.get("order_id"), m["side"], *(a and Decimal(a) for a in amounts))


def as_stored(row):
    amounts = (row[name] for name in ("price", "size", "remaining_size", "funds"))
    return (row["event"], pd.Timestamp(row["event_time"]), row["order_id"], row["side"], *amounts)


def test_the_bitstamp_recording_lands_with_sides_of_an_independent_tick_test(spark, schema, home, recordings):
    path = recordings / "l3_bitstamp" / "bitstamp_btcusd_2015-05-01_0000-0300Z.log.gz"
    source = Source(path=str(path), format="bitstamp_log", exchange="bitstamp", symbol="BTC-USD")
    summary = ingest(spark, source, 0.0, "run-1")
    assert (summary.n_read, summary.n_good, summary.n_duplicate) == (36_247, 36_246, 1)
    with gzip.open(path, "rt") as f:
        lines = [line.rstrip("\n").split(" ", 2) for line in f]
    n_sent = Counter(event for _, event, _ in lines)
    n_sent["order_deleted"] -= 1  # the one line that is there twice
    warehouse = home / "warehouse" / f"{schema}.db"
    orders = deltalake.DeltaTable(warehouse / "orders").to_pandas()
    names = {"open": "order_created", "change": "order_changed", "done": "order_deleted", "match": "trade"}
    n_stored = orders["event"].map(names | {"snapshot": "order_book"}).value_counts().to_dict()
    assert n_stored == dict(n_sent)
    assert set(orders["epoch"]) == {1430438404518}
    sent = [(json.loads(text, parse_float=Decimal), event) for _, event, text in lines]
    trades = pd.DataFrame([fields for fields, event in sent if event == "trade"])
    price = trades["price"].astype(float)
    direction = price.diff().map(lambda step: "buy" if step > 0 else "sell" if step < 0 else None).ffill()
    stored = deltalake.DeltaTable(warehouse / "trades").to_pandas().sort_values("sequence")
    assert list(stored["trade_id"]) == [int(i) for i in trades["id"]]
    assert [s if isinstance(s, str) else None for s in stored["taker_side"]] == [
        s if isinstance(s, str) else None for s in direction
    ]
    assert [float(size) for size in stored["size"]] == [float(amount) for amount in trades["amount"]]
