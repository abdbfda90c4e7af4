"""Bars of trades and orders by sums of Python with exact decimals, and made-up rows to count."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bar_parts import COLUMNS

START = datetime(2024, 1, 2, tzinfo=UTC)
NUMBERS, TIMES = ("epoch", "sequence"), ("trade_time", "event_time")
UNITS = 10**8
LARGEST = 10**18 - 1


def schema_of(source):
    kinds = dict.fromkeys(NUMBERS, pa.int64()) | dict.fromkeys(TIMES, INSTANT)
    kinds |= dict.fromkeys(("price", "size", "remaining_size"), DECIMAL)
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS[source]])


def batch_of(source, rows):
    return pa.RecordBatch.from_pylist(rows, schema=schema_of(source))


def decimal(units):
    return None if units is None else Decimal(units).scaleb(-8)


def units_of(value):
    """An exact integer: Decimal would round to 28 digits."""
    return 0 if value is None else int(Fraction(value) * UNITS)


instants = st.integers(-90_000_000, 300_000_000).map(lambda us: START + timedelta(microseconds=us))
units = st.one_of(st.none(), st.integers(-LARGEST, LARGEST), st.integers(0, 5 * UNITS))
names = {"exchange": st.sampled_from(["x", "y"]), "symbol": st.sampled_from(["A", "B", "é"])}
trades = st.lists(
    st.fixed_dictionaries(
        {
            **names,
            "trade_time": st.one_of(instants, st.just(START)),
            "epoch": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1),
            "taker_side": st.sampled_from(["buy", "sell", None]),
            "price": units.map(decimal),
            "size": units.map(decimal),
        }
    ),
    max_size=40,
).map(lambda rows: [{**row, "sequence": i} for i, row in enumerate(rows)])
orders = st.lists(
    st.fixed_dictionaries(
        {
            **names,
            "event_time": instants,
            "event": st.sampled_from(["received", "open", "done", "change", "match", "snapshot", "partial_cancel"]),
            "side": st.sampled_from(["buy", "sell", None]),
            "order_type": st.sampled_from(["limit", "market", "stop", None]),
            "reason": st.sampled_from(["canceled", "filled", None]),
            "price": units.map(decimal),
            "size": units.map(decimal),
            "remaining_size": units.map(decimal),
        }
    ),
    max_size=40,
)


def counted_kind(order, received):
    """What an order event counts as, by the words of flow_columns.py."""
    has_price = order["price"] is not None
    if order["event"] == "received":
        is_limit = has_price if order["order_type"] is None else order["order_type"] == "limit"
        return "limit" if is_limit else "market"
    if order["event"] == "open" and order["exchange"] not in received:
        return "limit"
    if order["event"] == "done" and order["reason"] == "canceled" and has_price:
        return "cancel"
    return None


def bar_of(row, time, seconds):
    return row["exchange"], row["symbol"], row[time].timestamp() // seconds * seconds


def expected_bars(trade_rows, order_rows, seconds, received):
    """Bar to its sums, with integers of Python."""
    events = defaultdict(list)
    for row in trade_rows:
        events[bar_of(row, "trade_time", seconds)].append(("trade", row["trade_time"], row["taker_side"], row))
    for row in order_rows:
        if kind := counted_kind(row, received):
            events[bar_of(row, "event_time", seconds)].append((kind, row["event_time"], row["side"], row))
    return {bar: expected_bar(found) for bar, found in events.items()}


def size_of(kind, row):
    if kind == "cancel":
        return row["remaining_size"] or 0
    return (row["size"] if row["size"] is not None else row.get("remaining_size")) or 0


def expected_vwap(priced, volume):
    """Exact but for the last digits of a double; the volume is that of all trades, in units."""
    if not priced or volume == 0:
        return None
    notional = sum(units_of(row["price"]) * units_of(row["size"]) for row in priced)
    return pytest.approx(float(Fraction(notional, volume * UNITS)), rel=1e-15, abs=0)


def expected_bar(events):
    matched = [row for kind, _, _, row in events if kind == "trade"]
    priced = sorted(
        (row for row in matched if row["price"] is not None), key=lambda r: (r["trade_time"], r["epoch"], r["sequence"])
    )
    bar = {
        "last_event_at": max(time for _, time, _, _ in events),
        "last_trade_at": max((row["trade_time"] for row in matched), default=None),
        "n_trades": len(matched),
        "volume": sum(row["size"] or 0 for row in matched),
        "vwap": expected_vwap(priced, sum(units_of(row["size"]) for row in matched)),
        "open": priced[0]["price"] if priced else None,
        "close": priced[-1]["price"] if priced else None,
        "high": max((row["price"] for row in priced), default=None),
        "low": min((row["price"] for row in priced), default=None),
    }
    for kind, count, size in (
        ("trade", "n_{}_trades", "{}_volume"),
        ("limit", "n_limit_{}s", "limit_{}_size"),
        ("market", "n_market_{}s", "market_{}_size"),
        ("cancel", "n_cancel_{}s", "cancel_{}_size"),
    ):
        for side in ("buy", "sell"):
            own = [size_of(kind, row) for found, _, taken, row in events if (found, taken) == (kind, side)]
            bar[count.format(side)], bar[size.format(side)] = len(own), sum(own)
    return bar


def found_bars(parts, seconds):
    """Bar to its sums, from one part a bar."""
    parts.validate(full=True)
    rows = parts.to_pylist()
    bars = {bar_of(row, "bar_start", seconds): row for row in rows}
    assert len(bars) == len(rows)
    for row in rows:
        assert row["bar_start"].timestamp() % seconds == 0
    return bars


def check(found, expected):
    assert found.keys() == expected.keys()
    for bar, values in expected.items():
        assert {name: found[bar][name] for name in values} == values, bar


def trade(seconds=0, price="1", size="1", symbol="A", **other):
    row = {"exchange": "x", "symbol": symbol, "epoch": 0, "sequence": 0, "taker_side": "buy"}
    return {
        **row,
        "trade_time": START + timedelta(seconds=seconds),
        "price": Decimal(price),
        "size": Decimal(size),
        **other,
    }
