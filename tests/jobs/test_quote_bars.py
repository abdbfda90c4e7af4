"""What the book adds to bars, by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from jobs.feature_kinds import BOOK_COLUMNS
from jobs.quote_bars import QUOTE_COLUMNS, books_before, quote_bars, with_quotes, without_quotes

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
SIDES = ", ".join(
    f"{side}_price decimal(18,8), {side}_size decimal(18,8), {side}_depth_prices array<decimal(18,8)>, "
    f"{side}_depth_sizes array<decimal(18,8)>"
    for side in ("bid", "ask")
)
QUOTES = (
    "exchange string, symbol string, event_time timestamp, epoch long, sequence long, is_usable boolean, "
    f"{SIDES}, order_flow decimal(38,8)"
)


def at(seconds, microseconds=0):
    return MIDNIGHT + timedelta(seconds=seconds, microseconds=microseconds)


def decimals(texts):
    return None if texts is None else [Decimal(text) for text in texts]


def quote(time, bid="99 2", ask="101 6", flow="0", bids=None, asks=None, is_usable=True, symbol="A", number=0):
    """A row of quotes; depths are lists of "price size"."""
    sides = []
    for best, depth in ((bid, bids), (ask, asks)):
        levels = None if depth is None else [decimals(level.split()) for level in depth]
        lists = [None if levels is None else [level[i] for level in levels] for i in (0, 1)]
        sides += [*(decimals(best.split()) if best else (None, None)), *lists]
    return ("x", symbol, time, 0, number, is_usable, *sides, None if flow is None else Decimal(flow))


@pytest.fixture
def books_of(spark):
    """Bars of a minute that start at these seconds, with the books of these quotes; by (symbol, second)."""

    def made(quotes, starts=(0,), symbols=("A",), before=None):
        rows = [("x", symbol, at(second), 60) for symbol in symbols for second in starts]
        bars = spark.createDataFrame(rows, "exchange string, symbol string, bar_start timestamp, bar_seconds int")
        books = quote_bars(spark.createDataFrame(list(quotes), QUOTES), 60)
        found = with_quotes(bars, books if before is None else books.unionByName(books_before(before)))
        assert found.columns == [*bars.columns[:3], "bar_seconds", *QUOTE_COLUMNS]
        made.rows = found
        return {
            (row.symbol, int((row.bar_start.astimezone(UTC) - MIDNIGHT).total_seconds())): row
            for row in found.collect()
        }

    return made


def test_a_feature_may_name_every_number_that_the_book_adds():
    assert QUOTE_COLUMNS[1:] == BOOK_COLUMNS


def test_the_book_at_the_end_of_a_bar(books_of):
    quotes = [
        quote(at(50), "99 2", "101 6", "3.5", number=2),
        quote(at(10), "98 1", "103 1", "-5", number=1),
    ]
    bar = books_of(quotes)["A", 0]
    assert bar.last_quote_at.astimezone(UTC) == at(50)
    assert (bar.bid_price, bar.bid_size, bar.ask_price, bar.ask_size) == (99, 2, 101, 6)
    assert bar.mid == 100.0
    assert bar.microprice == pytest.approx((99 * 6 + 101 * 2) / 8)  # most waits at the ask: below the mid
    assert bar.spread_bps == pytest.approx(200.0)
    assert bar.order_flow_imbalance == Decimal("-1.5")
    assert (bar.bid_depth, bar.ask_depth, bar.bid_slope, bar.ask_slope) == (None,) * 4  # no depth was seen


def test_depth_and_slope_of_the_last_depth(books_of):
    quotes = [
        quote(at(5), bids=["90 7"], asks=["110 7"], number=1),
        quote(at(10), bids=["99 2", "97 3"], asks=["101 6"], number=2),
        quote(at(20), number=3),
    ]
    bar = books_of(quotes)["A", 0]
    assert (bar.bid_depth, bar.ask_depth) == (5, 6)
    # the mid is 100: 2 units up to 100 bps away, 5 up to 300 bps; 6 up to 100 bps
    assert bar.bid_slope == pytest.approx((100 * 2 + 300 * 5) / (100**2 + 300**2))
    assert bar.ask_slope == pytest.approx(6 / 100)


def test_the_smallest_units_of_a_large_depth_are_not_rounded(books_of):
    bids = ["99 9999999999.99999999", "98 0.00000001", "97 1.00000001"]
    bar = books_of([quote(at(10), bids=bids, asks=["101 1"])])["A", 0]
    assert bar.bid_depth == Decimal("10000000001.00000001")


def test_the_left_border_belongs_to_the_bar_and_the_right_one_to_the_next(books_of):
    quotes = [quote(at(59, 999_999), "99 1", flow="1", number=1), quote(at(60), "98 1", flow="2", number=2)]
    bars = books_of(quotes, (0, 60))
    assert [(bars["A", s].bid_price, bars["A", s].order_flow_imbalance) for s in (0, 60)] == [(99, 1), (98, 2)]


def test_the_last_of_one_instant_counts(books_of):
    quotes = [quote(at(1), "97 1", number=3), quote(at(1), "99 1", number=1), quote(at(1), "98 1", number=2)]
    assert books_of(quotes)["A", 0].bid_price == 97


def test_a_book_is_carried_on_without_its_flow_and_also_from_where_no_bar_is(books_of):
    quotes = [
        quote(at(-70), "95 1", flow="1", bids=["95 1"], asks=["101 1"], number=1),
        quote(at(70), "98 1", flow="2", number=2),
        quote(at(130), "97 1", flow="4", number=3),
    ]
    bars = books_of(quotes, (0, 60, 180, 240))
    found = [(bar.bid_price, bar.bid_depth, bar.order_flow_imbalance) for _, bar in sorted(bars.items())]
    assert found == [(95, 1, 0), (98, 1, 2), (97, 1, 0), (97, 1, 0)]
    assert bars["A", 240].last_quote_at.astimezone(UTC) == at(130)


@pytest.mark.parametrize(
    "last", [quote(at(30), is_usable=False, number=2), quote(at(30), None, "101 1", None, is_usable=False, number=2)]
)
def test_a_book_that_is_not_usable_says_when_and_nothing_else(books_of, last):
    usable = quote(at(10), bids=["99 1"], asks=["101 1"], flow="1", number=1)
    bars = books_of([usable, last, quote(at(70), flow="8", number=3)], (0, 60))
    assert tuple(bars["A", 0])[4:] == (last[2].replace(tzinfo=None), *[None] * len(BOOK_COLUMNS))
    later = bars["A", 60]
    assert (later.mid, later.order_flow_imbalance) == (100.0, 8)
    assert later.bid_depth is None  # the depth from before is not known to hold any more


def test_a_book_that_is_crossed_for_an_instant_keeps_its_depth_and_one_that_is_mistrusted_does_not(books_of):
    def bars_with(between):
        depth = quote(at(10), bids=["99 1"], asks=["101 3"], number=1)
        return books_of([depth, between, quote(at(40), "98 1", number=3)], (0, 60))

    crossed = bars_with(quote(at(30), "102 1", "101 1", is_usable=False, number=2))
    assert [(crossed["A", s].bid_price, crossed["A", s].bid_depth, crossed["A", s].ask_depth) for s in (0, 60)] == [
        (98, 1, 3),
        (98, 1, 3),
    ]
    one_sided = bars_with(quote(at(30), None, "101 1", is_usable=False, number=2))
    assert one_sided["A", 0].bid_depth == 1
    mistrusted = bars_with(quote(at(30), "99 1", "101 1", is_usable=False, number=2))
    assert (mistrusted["A", 0].bid_price, mistrusted["A", 0].bid_depth) == (98, None)


def test_a_depth_of_a_book_that_is_crossed_then_is_none(books_of):
    crossed = quote(at(20), "102 1", "101 1", bids=["102 7"], asks=["101 7"], is_usable=False, number=2)
    quotes = [quote(at(10), bids=["99 1"], asks=["101 3"], number=1), crossed, quote(at(40), number=3)]
    assert books_of(quotes)["A", 0].bid_depth == 1


def test_flow_of_rows_that_are_not_usable_or_do_not_go_on_is_not_counted(books_of):
    quotes = [
        quote(at(1), flow="1", number=1),
        quote(at(2), flow="100", is_usable=False, number=2),
        quote(at(3), flow=None, number=3),
        quote(at(4), flow="-3", number=4),
    ]
    assert books_of(quotes)["A", 0].order_flow_imbalance == -2


def test_symbols_keep_to_themselves_and_before_the_first_quote_nothing_is_known(books_of):
    bars = books_of([quote(at(70), "98 1", number=1)], (0, 60), ("A", "B"))
    assert [bars[key].mid for key in (("A", 0), ("A", 60), ("B", 0), ("B", 60))] == [None, 99.5, None, None]
    assert {bars[key].last_quote_at for key in (("A", 0), ("B", 60))} == {None}
    assert len(bars) == 4


def test_without_quotes_or_bars_nothing_is_invented(books_of):
    assert tuple(books_of([], (0,))["A", 0])[4:] == (None,) * len(QUOTE_COLUMNS)
    bars = books_of.rows.drop(*QUOTE_COLUMNS)
    assert without_quotes(bars).dtypes == books_of.rows.dtypes
    assert without_quotes(bars).collect() == books_of.rows.collect()
    assert books_of([quote(at(1))], symbols=()) == {}


def test_later_quotes_go_on_from_the_book_of_a_bar(books_of):
    quotes = [
        quote(at(5), "95 1", bids=["95 7"], asks=["101 7"], flow="1", number=1),
        quote(at(65), "96 1", flow="2", number=2),
        quote(at(190), "97 1", flow="4", number=3),
    ]
    starts = (0, 60, 120, 180)
    whole = books_of(quotes, starts)
    second = books_of.rows.where(books_of.rows["bar_start"] == at(60)).localCheckpoint()
    later = books_of(quotes[1:], starts[1:], before=second)
    assert later == {key: row for key, row in whole.items() if key != ("A", 0)}
