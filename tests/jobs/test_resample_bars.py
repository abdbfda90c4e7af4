"""Bars from a few trades and orders that can be checked by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from jobs.quote_bars import quote_bars, with_quotes
from jobs.resample_bars import FlowEvents, carry_close, check_bar_seconds, complete_bars, fill_grid, resample_events
from models.errors import UsageError

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
TRADES = (
    "exchange string, symbol string, trade_id long, epoch long, sequence long, trade_time timestamp, "
    "price decimal(18,8), size decimal(18,8), taker_side string"
)
ORDERS = (
    "exchange string, symbol string, epoch long, sequence long, event string, event_time timestamp, side string, "
    "order_type string, price decimal(18,8), size decimal(18,8), remaining_size decimal(18,8), reason string"
)


def at(seconds, microseconds=0):
    return MIDNIGHT + timedelta(seconds=seconds, microseconds=microseconds)


def trade(time, price, size="1", side="buy", sequence=0, symbol="A", epoch=0):
    return ("x", symbol, sequence, epoch, sequence, time, Decimal(price), Decimal(size), side)


def order(time, event, side="buy", order_type=None, price="10", size=None, remaining=None, reason=None, exchange="x"):
    decimals = [None if value is None else Decimal(value) for value in (price, size, remaining)]
    return (exchange, "A", 0, 0, event, time, side, order_type, *decimals, reason)


@pytest.fixture
def bars_of(spark):
    def resampled(trades=(), orders=(), bar_seconds=60, received=("x",), is_gap_free=False):
        events = FlowEvents(
            spark.createDataFrame(list(trades), TRADES), spark.createDataFrame(list(orders), ORDERS), received
        )
        bars = complete_bars(resample_events(events, bar_seconds), bar_seconds, is_gap_free)
        return [row.asDict() for row in bars.orderBy("symbol", "bar_start").collect()]

    return resampled


def times(bars):
    return [bar["bar_start"].astimezone(UTC) for bar in bars]


def test_a_bar_holds_first_highest_lowest_and_last_price_volume_and_vwap(bars_of):
    trades = [
        trade(at(50), "12", "1", "sell", 4),
        trade(at(1), "10", "2", "buy", 1),
        trade(at(30), "9", "3", "sell", 3),
        trade(at(20), "14", "4", None, 2),
    ]
    (bar,) = bars_of(trades)
    assert [bar[name] for name in ("open", "high", "low", "close")] == [10, 14, 9, 12]
    assert bar["volume"] == 10
    assert bar["vwap"] == (10 * 2 + 14 * 4 + 9 * 3 + 12 * 1) / 10
    assert [bar[name] for name in ("n_trades", "n_buy_trades", "n_sell_trades")] == [4, 1, 2]
    assert [bar["buy_volume"], bar["sell_volume"]] == [2, 4]  # the trade without a side counts in neither
    assert [bar["bar_seconds"], bar["is_filled"]] == [60, False]
    assert bar["available_at"] - bar["bar_start"] == timedelta(seconds=60)


def test_the_left_border_belongs_to_the_bar_and_the_right_one_to_the_next(bars_of):
    bars = bars_of([trade(at(59, 999_999), "1"), trade(at(60), "2"), trade(at(119, 999_999), "3"), trade(at(120), "4")])
    assert times(bars) == [at(0), at(60), at(120)]
    assert [(bar["open"], bar["close"]) for bar in bars] == [(1, 1), (2, 3), (4, 4)]


@pytest.mark.parametrize(
    ("bar_seconds", "start"), [(1, at(86_399)), (7, None), (86_400, at(0)), (3600, at(23 * 3600)), (300, at(86_100))]
)
def test_a_bar_starts_at_a_multiple_of_its_width_since_1970(bars_of, bar_seconds, start):
    time = at(86_399, 999_999)
    (bar,) = bars_of([trade(time, "1")], bar_seconds=bar_seconds)
    seconds = times([bar])[0].timestamp()
    assert seconds % bar_seconds == 0
    assert seconds <= time.timestamp() < seconds + bar_seconds
    assert start is None or times([bar]) == [start]


def test_a_time_before_1970_falls_into_the_bar_to_its_left(bars_of):
    (bar,) = bars_of([trade(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "1")])
    assert times([bar]) == [datetime(1969, 12, 31, 23, 59, tzinfo=UTC)]


def test_trades_of_one_instant_are_ordered_by_epoch_then_sequence(bars_of):
    same = at(5)
    trades = [
        trade(same, "3", sequence=1, epoch=2),
        trade(same, "2", sequence=11, epoch=1),
        trade(same, "1", sequence=9, epoch=1),
    ]
    (bar,) = bars_of(trades)
    assert (bar["open"], bar["close"]) == (1, 3)


def test_sizes_add_up_without_rounding(bars_of):
    (bar,) = bars_of([trade(at(1), "1", "0.1"), trade(at(2), "1", "0.2"), trade(at(3), "1", "9999999999.00000001")])
    assert bar["volume"] == Decimal("9999999999.30000001")


def test_two_symbols_do_not_mix(bars_of):
    bars = bars_of([trade(at(1), "1"), trade(at(2), "2", symbol="B")])
    assert [(bar["symbol"], bar["close"], bar["n_trades"]) for bar in bars] == [("A", 1, 1), ("B", 2, 1)]


def test_no_events_make_no_bars(bars_of):
    assert bars_of(is_gap_free=True) == []


def test_order_flow_is_counted_apart_from_trades(bars_of):
    orders = [
        order(at(1), "received", "buy", "limit", size="2"),
        order(at(2), "open", "buy", remaining="2"),  # the same order: not counted again
        order(at(3), "received", "sell", "limit", size="5"),
        order(at(4), "received", "sell", "market", price=None, size="7"),
        order(at(5), "received", "buy", "market", price=None),  # in funds: size unknown
        order(at(6), "done", "buy", remaining="1.5", reason="canceled"),
        order(at(7), "done", "sell", remaining="4", reason="canceled"),
        order(at(8), "done", "sell", remaining="0", reason="filled"),
        order(at(9), "done", "sell", price=None, reason="canceled"),  # a market order that found nothing
        order(at(10), "change", "sell", size="3"),
        order(at(11), "match", "sell", size="3"),
    ]
    (bar,) = bars_of(orders=orders)
    assert [bar[f"n_limit_{side}s"] for side in ("buy", "sell")] == [1, 1]
    assert [bar[f"limit_{side}_size"] for side in ("buy", "sell")] == [2, 5]
    assert [bar[f"n_market_{side}s"] for side in ("buy", "sell")] == [1, 1]
    assert [bar[f"market_{side}_size"] for side in ("buy", "sell")] == [0, 7]
    assert [bar[f"n_cancel_{side}s"] for side in ("buy", "sell")] == [1, 1]
    assert [bar[f"cancel_{side}_size"] for side in ("buy", "sell")] == [Decimal("1.5"), 4]
    assert [bar["n_trades"], bar["volume"], bar["vwap"], bar["is_filled"]] == [0, 0, None, False]


def test_a_limit_order_enters_with_its_open_where_the_exchange_never_sends_received(bars_of):
    orders = [
        order(at(1), "open", "buy", remaining="2", exchange="bitstamp"),
        order(at(2), "open", "buy", remaining="3"),
    ]
    bars = bars_of(orders=orders)
    assert [(bar["exchange"], bar["n_limit_buys"], bar["limit_buy_size"]) for bar in bars] == [("bitstamp", 1, 2)]


def test_a_received_order_without_a_type_is_a_market_order_if_it_has_no_price(bars_of):
    (bar,) = bars_of(orders=[order(at(1), "received", price=None, size="1"), order(at(2), "received", size="3")])
    assert [bar["n_market_buys"], bar["market_buy_size"]] == [1, 1]
    assert [bar["n_limit_buys"], bar["limit_buy_size"]] == [1, 3]


def test_a_bar_without_a_trade_carries_the_close_before(bars_of):
    orders = [order(at(seconds), "received", size="1") for seconds in (5, 125, 185)]
    bars = bars_of([trade(at(61), "7"), trade(at(62), "8", sequence=1)], orders)
    prices = [[bar[name] for name in ("open", "high", "low", "close")] for bar in bars]
    assert prices == [[None] * 4, [7, 8, 7, 8], [8] * 4, [8] * 4]
    assert [bar["is_filled"] for bar in bars] == [False] * 4


def test_the_gap_free_grid_adds_the_bars_between_the_first_and_last(bars_of):
    bars = bars_of([trade(at(0), "7"), trade(at(185), "9"), trade(at(400), "5", symbol="B")], is_gap_free=True)
    assert [(bar["symbol"], start, bar["is_filled"]) for bar, start in zip(bars, times(bars), strict=True)] == [
        ("A", at(0), False),
        ("A", at(60), True),
        ("A", at(120), True),
        ("A", at(180), False),
        ("B", at(360), False),
    ]
    added = bars[1]
    assert [added[name] for name in ("open", "high", "low", "close", "vwap")] == [7, 7, 7, 7, None]
    assert {value for name, value in added.items() if name.startswith("n_") or name.endswith(("volume", "size"))} == {0}
    assert added["available_at"].astimezone(UTC) == at(120)


def test_the_grid_before_the_first_trade_has_no_price(bars_of):
    bars = bars_of([trade(at(130), "7")], [order(at(0), "received", size="1")], is_gap_free=True)
    assert [(bar["close"], bar["is_filled"]) for bar in bars] == [(None, False), (None, True), (7, False)]


def test_completed_bars_have_the_columns_of_the_table(spark, schema):
    events = FlowEvents(spark.table("trades"), spark.table("orders"), [])
    bars = with_quotes(fill_grid(carry_close(resample_events(events, 60)), 60), quote_bars(spark.table("quotes"), 60))
    table = {field.name: field.dataType for field in spark.table("bars").schema}
    assert {field.name: field.dataType for field in bars.schema} == table


@pytest.mark.parametrize("bar_seconds", [0, -1, 86_401])
def test_a_width_beyond_a_second_and_a_day_is_refused(bar_seconds):
    with pytest.raises(UsageError, match=rf"a bar of {bar_seconds} seconds is not possible: choose 1 to 86400"):
        check_bar_seconds(bar_seconds)
