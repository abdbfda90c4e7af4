"""Parts of bars against a plain reference with exact decimals: any order, any cut, Arrow batches and Parquet files."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bar_sums import (
    LARGEST,
    START,
    batch_of,
    check,
    decimal,
    expected_bars,
    found_bars,
    orders,
    trade,
    trades,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.bar_parts import COLUMNS
from jobs.bars.bar_schema import BAR_SCHEMA
from jobs.bars.file_batches import read_batches
from jobs.bars.partial_bars import PartialBars


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
    seconds = [0, 60 * 15, 60 * 16, 60 * 16 + 1, 0]
    stretch_start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=60 * 16 * 1_728_000)
    parts = PartialBars(60)
    rows = [trade(symbol=symbol, trade_time=stretch_start + timedelta(seconds=s)) for symbol in "BA" for s in seconds]
    parts.add_trades(batch_of("trades", rows))
    packed = parts.take_packed()
    keys = zip(packed["symbol"].to_pylist(), packed["stretch"].to_pylist(), strict=True)
    assert sorted(keys) == [("A", 1_728_000), ("A", 1_728_001), ("B", 1_728_000), ("B", 1_728_001)]
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


def test_a_bar_without_a_trade_has_no_price_and_no_vwap():
    parts = PartialBars(60)
    order = {"exchange": "x", "symbol": "A", "event_time": START, "event": "open", "side": "buy", "size": Decimal(2)}
    parts.add_orders(batch_of("orders", [order]))
    (row,) = parts.take_bars().to_pylist()
    names = ("open", "close", "high", "low", "vwap", "last_trade_at")
    assert {row[name] for name in names} == {None}
    assert (row["n_limit_buys"], row["limit_buy_size"], row["n_trades"], row["volume"]) == (1, 2, 0, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_average_price_of_the_largest_trades_and_of_the_smallest(sign):
    largest, smallest = decimal(sign * LARGEST), decimal(sign)
    for price in (largest, smallest):
        for size in (decimal(LARGEST), decimal(1)):
            parts = PartialBars(60)
            parts.add_trades(batch_of("trades", [trade(price=str(price), size=str(size))] * 1_000))
            assert parts.take_bars()["vwap"].to_pylist() == [pytest.approx(float(price), rel=1e-15, abs=0)]


def test_large_trades_that_cancel_out_leave_the_exact_average_price_of_the_rest():
    parts = PartialBars(60)
    most = [trade(price=str(decimal(sign * LARGEST)), size=str(decimal(LARGEST))) for sign in (1, -1)]
    parts.add_trades(batch_of("trades", [*most * 50, trade(price="0.00000001", size=str(decimal(LARGEST)))]))
    (row,) = parts.take_bars().to_pylist()
    assert row["vwap"] == pytest.approx(1e-8 / 101, rel=1e-15, abs=0)


def test_a_bar_of_trades_without_a_size_has_no_average_price():
    parts = PartialBars(60)
    parts.add_trades(batch_of("trades", [trade(size="0"), trade(size=1) | {"size": None}]))
    (row,) = parts.take_bars().to_pylist()
    assert (row["open"], row["volume"], row["vwap"]) == (1, 0, None)
