"""Parts of bars against a plain reference with exact decimals: any order, any cut, Arrow batches and Parquet files."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bar_parts import COLUMNS
from jobs.bars.bar_schema import BAR_SCHEMA
from jobs.bars.file_batches import read_batches
from jobs.bars.partial_bars import PartialBars
from models.errors import DataContractError

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


def units_of(value, scale=8):
    """An exact integer: Decimal would round to 28 digits."""
    return 0 if value is None else int(Fraction(value) * 10**scale)


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
        "notional": sum(units_of(row["price"]) * units_of(row["size"]) for row in priced),
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
        row["notional"] = units_of(row["notional"], scale=16)
    return bars


def check(found, expected):
    assert found.keys() == expected.keys()
    for bar, values in expected.items():
        assert {name: found[bar][name] for name in values} == values, bar


@settings(max_examples=150, deadline=None)
@given(trades, orders, st.sampled_from([1, 7, 60, 86_400]), st.sets(st.sampled_from(["x", "y"])), st.integers(1, 40))
def test_parts_of_any_rows_equal_sums_of_python(trade_rows, order_rows, seconds, received, cut):
    parts = PartialBars(seconds, received)
    for add, source, rows in ((parts.add_trades, "trades", trade_rows), (parts.add_orders, "orders", order_rows)):
        for piece in (rows[:cut], rows[cut:]):
            add(batch_of(source, piece))
    check(found_bars(parts.take_bars(), seconds), expected_bars(trade_rows, order_rows, seconds, received))


@settings(max_examples=150, deadline=None)
@given(trades, orders, st.sampled_from([1, 60, 86_400]), st.integers(1, 40), st.randoms(use_true_random=False))
def test_parts_of_several_tasks_in_any_order_equal_sums_of_python(trade_rows, order_rows, seconds, size, random):
    packed = []
    for source, rows in (("trades", trade_rows), ("orders", order_rows)):
        for start in range(0, len(rows), size):
            task = PartialBars(seconds)
            (task.add_trades if source == "trades" else task.add_orders)(batch_of(source, rows[start : start + size]))
            batch = task.take_packed()
            batch.validate(full=True)
            packed += zip(batch["exchange"].to_pylist(), batch["symbol"].to_pylist(), batch["parts"], strict=True)
    random.shuffle(packed)
    joined = PartialBars(seconds)
    for exchange, symbol, parts in packed:
        joined.add_packed(exchange, symbol, parts)
    check(found_bars(joined.take_bars(), seconds), expected_bars(trade_rows, order_rows, seconds, ()))


def test_a_packed_row_holds_one_symbol_and_one_stretch_of_time():
    seconds = [0, 60 * 1023, 60 * 1024, 60 * 1024 + 1, 0]
    stretch_start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=60 * 1024 * 27_000)
    parts = PartialBars(60)
    rows = [trade(symbol=symbol, trade_time=stretch_start + timedelta(seconds=s)) for symbol in "BA" for s in seconds]
    parts.add_trades(batch_of("trades", rows))
    packed = parts.take_packed()
    keys = zip(packed["symbol"].to_pylist(), packed["stretch"].to_pylist(), strict=True)
    assert sorted(keys) == [("A", 27_000), ("A", 27_001), ("B", 27_000), ("B", 27_001)]
    assert len(parts.take_packed()) == 0


@settings(max_examples=50, deadline=None)
@given(trades, orders, st.integers(1, 7))
def test_a_file_gives_what_its_rows_give(tmp_path_factory, trade_rows, order_rows, row_group_size):
    folder = tmp_path_factory.mktemp("files")
    of_rows, of_files = PartialBars(60, ["x"]), PartialBars(60, ["x"])
    for source, rows in (("trades", trade_rows), ("orders", order_rows)):
        batch, path = batch_of(source, rows), str(folder / f"{source} of é.parquet")
        pq.write_table(
            pa.Table.from_batches([batch]), path, row_group_size=row_group_size, store_decimal_as_integer=True
        )
        for parts, batches in ((of_rows, [batch]), (of_files, read_batches(path, COLUMNS[source]))):
            for one in batches:
                (parts.add_trades if source == "trades" else parts.add_orders)(one)
    assert of_files.take_bars().equals(of_rows.take_bars())


def trade(seconds=0, price="1", size="1", symbol="A", **other):
    row = {"exchange": "x", "symbol": symbol, "epoch": 0, "sequence": 0, "taker_side": "buy"}
    return {
        **row,
        "trade_time": START + timedelta(seconds=seconds),
        "price": Decimal(price),
        "size": Decimal(size),
        **other,
    }


def test_many_bars_and_symbols_in_turn_find_their_rows_again():
    rows = [trade(60 * (i % 3_000), symbol=str(i % 7), sequence=i) for i in range(42_000)]
    parts = PartialBars(60)
    parts.add_trades(batch_of("trades", rows))
    assert len(parts) == 21_000
    assert parts.take_bars()["n_trades"].to_pylist() == [2] * 21_000


def test_taking_the_parts_begins_anew():
    parts = PartialBars(60)
    assert len(parts.take_bars()) == 0
    parts.add_trades(batch_of("trades", [trade(symbol="A"), trade(symbol="B")]))
    assert parts.take_bars()["symbol"].to_pylist() == ["A", "B"]
    parts.add_trades(batch_of("trades", [trade(symbol="B")]))
    again = parts.take_bars()
    assert (again["symbol"].to_pylist(), again["n_trades"].to_pylist()) == (["B"], [1])
    assert again.schema == BAR_SCHEMA


def test_a_bar_without_a_trade_has_no_price_and_no_notional():
    parts = PartialBars(60)
    order = {"exchange": "x", "symbol": "A", "event_time": START, "event": "open", "side": "buy", "size": Decimal(2)}
    parts.add_orders(batch_of("orders", [order]))
    (row,) = parts.take_bars().to_pylist()
    names = ("open", "close", "high", "low", "notional", "last_trade_at")
    assert {row[name] for name in names} == {None}
    assert (row["n_limit_buys"], row["limit_buy_size"], row["n_trades"], row["volume"]) == (1, 2, 0, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_more_quote_currency_than_a_decimal_holds_is_refused(sign):
    most = trade(price=str(decimal(sign * LARGEST)), size=str(decimal(LARGEST)))
    parts = PartialBars(60)
    parts.add_trades(batch_of("trades", [most] * 99))
    (row,) = parts.take_bars().to_pylist()
    assert units_of(row["notional"], scale=16) == sign * 99 * LARGEST**2
    parts.add_trades(batch_of("trades", [most] * 101))
    with pytest.raises(DataContractError, match=r"trades of one bar add up to more than DECIMAL\(38, 16\)"):
        parts.take_bars()
