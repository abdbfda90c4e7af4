"""The resample job: what it writes, what it leaves, and that increments end where a rebuild would."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.pipeline import resample_step
from jobs.resample import resample
from jobs.tables import table_version
from models.errors import NothingToDo, UsageError

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
DEPTHS = ("bid_depth_prices", "bid_depth_sizes", "ask_depth_prices", "ask_depth_sizes")


def at(seconds):
    return MIDNIGHT + timedelta(seconds=seconds)


def order(seconds, event="received", order_type="limit", price="10", side="buy", number=0, exchange="x", symbol="A"):
    reason = "canceled" if event == "done" else None
    values = {
        "exchange": exchange,
        "symbol": symbol,
        "epoch": 0,
        "sequence": number,
        "event": event,
        "event_time": at(seconds),
        "order_id": str(number),
        "side": side,
        "order_type": order_type,
        "price": None if order_type == "market" else Decimal(price),
        "size": Decimal(1),
        "remaining_size": Decimal(1),
        "reason": reason,
        "source_file": "f",
        "byte_offset": 0,
        "run_id": "r",
    }
    return values


def trade(seconds, price="10", side="buy", number=0, exchange="x", symbol="A"):
    return {
        "exchange": exchange,
        "symbol": symbol,
        "trade_id": number,
        "epoch": 0,
        "sequence": number,
        "trade_time": at(seconds),
        "price": Decimal(price),
        "size": Decimal("0.5"),
        "taker_side": side,
        "is_side_inferred": False,
    }


def quote(seconds, bid, is_usable, has_depth, number, symbol="A"):
    book = {"bid_price": Decimal(bid), "bid_size": Decimal(1), "ask_price": Decimal(bid + 1), "ask_size": Decimal(3)}
    depth = {name: [Decimal(number)] for name in DEPTHS} if has_depth else {}
    return {
        "exchange": "x",
        "symbol": symbol,
        "epoch": 0,
        "sequence": number,
        "event_time": at(seconds),
        "state": "valid",
        "is_usable": is_usable,
        **dict.fromkeys(("is_crossed", "is_locked", "is_change"), False),
        **dict.fromkeys(("bid_orders", "ask_orders", "n_unknown"), 1),
        **book,
        **depth,
        "order_flow": Decimal(number),
    }


def add(spark, table, rows):
    if rows:
        schema = spark.table(table).schema
        data = [[row.get(field.name) for field in schema] for row in rows]
        spark.createDataFrame(data, schema).coalesce(1).write.insertInto(table)


def bars(spark):
    return sorted(tuple(row) for row in spark.table("bars").collect())


def closes(spark):
    return [
        (int((start.astimezone(UTC) - MIDNIGHT).total_seconds()), close and int(close), is_filled)
        for start, close, is_filled in sorted(
            tuple(r) for r in spark.table("bars").select("bar_start", "close", "is_filled").collect()
        )
    ]


def test_a_first_run_writes_all_bars_and_a_second_one_nothing(spark, schema):
    add(spark, "trades", [trade(1, "7"), trade(130, "8", number=1)])
    add(spark, "orders", [order(2)])
    first = resample(spark, [60, 10])
    assert first.n_bars_by_width == {10: 14, 60: 3}
    assert first.n_bars == 17
    assert first.inputs == {table: table_version(spark, table) for table in ("orders", "trades", "quotes")}
    written = table_version(spark, "bars")
    for since in (first.inputs, None):
        again = resample(spark, [60, 10], since=since)
        assert again.n_bars == 0
        assert again.n_bars_by_width == {10: 0, 60: 0}
        assert table_version(spark, "bars") == written


def test_new_events_touch_only_their_bars_and_those_that_carry_their_close(spark, schema):
    add(spark, "trades", [trade(0, "1", number=1), trade(300, "5", number=2)])
    first = resample(spark, [60])
    assert closes(spark) == [
        (0, 1, False),
        (60, 1, True),
        (120, 1, True),
        (180, 1, True),
        (240, 1, True),
        (300, 5, False),
    ]
    add(spark, "trades", [trade(125, "2", number=3)])
    second = resample(spark, [60], since=first.inputs)
    assert second.n_bars == 3  # 120 itself; 180 and 240 carry its close
    assert closes(spark) == [
        (0, 1, False),
        (60, 1, True),
        (120, 2, False),
        (180, 2, True),
        (240, 2, True),
        (300, 5, False),
    ]


def test_a_trade_that_a_deletion_vector_hides_is_in_no_bar(spark, schema):
    """Bars of a whole table are made by file: not where a file holds more than the table."""
    spark.sql("ALTER TABLE trades SET TBLPROPERTIES (delta.enableDeletionVectors = true)")
    add(spark, "trades", [trade(0, "1", number=1), trade(1, "2", number=2)])
    spark.sql("DELETE FROM trades WHERE trade_id = 2")
    (file,) = spark.table("trades").inputFiles()
    assert pq.read_metadata(url2pathname(urlsplit(file).path)).num_rows == 2
    resample(spark, [60])
    assert closes(spark) == [(0, 1, False)]


def test_a_late_trade_moves_the_close_of_later_bars_with_orders_only(spark, schema):
    add(spark, "trades", [trade(0, "1", number=1)])
    add(spark, "orders", [order(130)])
    first = resample(spark, [60])
    add(spark, "trades", [trade(30, "4", number=2)])
    resample(spark, [60], since=first.inputs)
    assert closes(spark) == [(0, 4, False), (60, 4, True), (120, 4, False)]


def test_events_before_the_first_bar_extend_the_grid_to_the_left(spark, schema):
    add(spark, "trades", [trade(180, "5", number=2)])
    first = resample(spark, [60])
    add(spark, "orders", [order(0)])
    resample(spark, [60], since=first.inputs)
    assert closes(spark) == [(0, None, False), (60, None, True), (120, None, True), (180, 5, False)]


def test_without_a_grid_filled_bars_go_away(spark, schema):
    add(spark, "trades", [trade(0, "1", number=1), trade(130, "2", number=2)])
    resample(spark, [60], is_gap_free=True)
    summary = resample(spark, [60], is_gap_free=False)
    assert summary.n_bars == 1
    assert closes(spark) == [(0, 1, False), (120, 2, False)]


@pytest.mark.slow
def test_settings_that_come_back_find_the_bars_of_others_and_make_theirs_again(spark, schema, make_app):
    with_grid, without = (make_app(bars={"seconds": [60], "gap_free": is_gap_free}) for is_gap_free in (True, False))
    add(spark, "trades", [trade(0, "1", number=1), trade(130, "2", number=2)])
    resample_step(with_grid)
    resample_step(without)
    assert closes(spark) == [(0, 1, False), (120, 2, False)]
    resample_step(with_grid)
    assert closes(spark) == [(0, 1, False), (60, 1, True), (120, 2, False)]
    with pytest.raises(NothingToDo):
        resample_step(with_grid)


def test_an_exchange_that_starts_to_send_received_counts_its_earlier_opens_no_more(spark, schema):
    add(spark, "orders", [order(0, "open", None), order(1, "done", None), order(130, "open", None, exchange="y")])
    first = resample(spark, [60])
    assert [row.n_limit_buys for row in spark.table("bars").orderBy("exchange").collect()] == [1, 1]
    add(spark, "orders", [order(65, "received")])
    resample(spark, [60], since=first.inputs)
    rows = spark.table("bars").orderBy("exchange", "bar_start").collect()
    assert [(row.exchange, row.n_limit_buys) for row in rows] == [("x", 0), ("x", 1), ("y", 1)]


def test_a_table_made_anew_is_read_from_its_start(spark, schema):
    add(spark, "trades", [trade(0, "1")])
    assert resample(spark, [60], since={"orders": 7, "trades": 7}).n_bars == 1


def test_no_width_is_an_error(spark):
    with pytest.raises(UsageError, match="no bar width is given: name one in seconds, for example 60"):
        resample(spark, [])


def test_later_quotes_reach_their_bars_and_those_that_carry_the_book_on(spark, schema):
    add(spark, "trades", [trade(1, number=1), trade(130, number=2), trade(250, number=3)])
    since = resample(spark, [60]).inputs
    add(spark, "quotes", [quote(70, 8, True, True, 1), quote(190, 9, True, False, 2)])
    assert resample(spark, [60], since=since).n_bars == 4  # all but the first one
    books = spark.table("bars").orderBy("bar_start").select("bid_price", "bid_depth", "order_flow_imbalance")
    assert [tuple(row) for row in books.collect()] == [(None,) * 3, (8, 1, 1), (8, 1, 0), (9, 1, 2), (9, 1, 0)]
    assert resample(spark, [60]).n_bars == 0


_EVENT = st.tuples(
    st.sampled_from("ABC"),
    st.sampled_from(["trade", "received", "open", "done", "quote", "quote", "quote not usable", "no quotes"]),
    st.integers(0, 40).map(lambda tenth: tenth * 30),  # half of them on the border of a bar
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 9),
)


@pytest.mark.slow
@given(batches=st.lists(st.lists(_EVENT, max_size=6), min_size=2, max_size=3), is_gap_free=st.booleans())
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_increments_of_events_and_quotes_in_any_order_end_where_a_rebuild_does(spark, schema, batches, is_gap_free):
    for table in ("bars", "orders", "trades", "quotes"):
        spark.sql("DELETE FROM IDENTIFIER(:table)", args={"table": table})
    number, since = 0, resample(spark, [60], is_gap_free).inputs
    for batch in batches:
        trades, orders, quotes = [], [], []
        for symbol, event, seconds, side, price in batch:
            number += 1
            if event == "trade":
                trades.append(trade(seconds, str(price), side, number, symbol=symbol))
            elif event.startswith("quote"):
                quotes.append(quote(seconds, price, event != "quote not usable", side == "buy", number, symbol))
            elif event == "no quotes":  # a rebuild of the book may take rows away
                gone = {"symbol": symbol, "time": at(seconds)}
                spark.sql("DELETE FROM quotes WHERE symbol = :symbol AND event_time >= :time", gone)
            else:
                exchange = "y" if event == "open" else "x"
                orders.append(order(seconds, event, "limit", str(price), side, number, exchange, symbol))
        add(spark, "trades", trades)
        add(spark, "orders", orders)
        add(spark, "quotes", quotes)
        since = resample(spark, [60], is_gap_free, since).inputs
    incremental = bars(spark)
    rebuilt = resample(spark, [60], is_gap_free)
    assert rebuilt.n_bars == 0
    spark.sql("DELETE FROM bars")
    resample(spark, [60], is_gap_free)
    assert incremental == bars(spark)
