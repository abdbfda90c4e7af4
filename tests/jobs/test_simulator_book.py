"""The messages of the simulated exchange, replayed by an independent book, tell the same market as its oracle."""

import heapq
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.simulator import generator
from jobs.simulator.coinbase_format import CoinbaseFormat
from jobs.simulator.instruments import INSTRUMENTS
from jobs.simulator.market import Market
from jobs.simulator.truth import market_truth

ONE_UNIT = Decimal("0.00000001")


class ReferenceBook:
    """One symbol's book from parsed messages, with dicts and heaps; every rule of the feed is asserted."""

    def __init__(self, tick_size):
        self.tick_size = Decimal(str(tick_size))
        self.resting = {}  # order id -> [side, price, size]
        self.queues = {"buy": [], "sell": []}
        self.incoming = None  # (order id, side, price or None, size left)
        self.seen = set()
        self.trades = []

    def best(self, side):
        queue = self.queues[side]
        while queue and (queue[0][2] not in self.resting or self.resting[queue[0][2]][2] == 0):
            heapq.heappop(queue)
        return queue[0][2] if queue else None

    def best_price(self, side):
        order_id = self.best(side)
        return self.resting[order_id][1] if order_id else None

    def apply(self, message):
        getattr(self, message["type"])(message)

    def received(self, message):
        assert self.incoming is None, "an order arrives before the last one is done or open"
        assert message["order_id"] not in self.seen
        self.seen.add(message["order_id"])
        assert (message["order_type"] == "market") == ("price" not in message)
        price = Decimal(message["price"]) if "price" in message else None
        assert price is None or (price > 0 and price % self.tick_size == 0)
        assert Decimal(message["size"]) > 0
        self.incoming = [message["order_id"], message["side"], price, Decimal(message["size"])]

    def match(self, message):
        taker_id, taker_side, limit, left = self.incoming
        side, price, size = self.resting[message["maker_order_id"]]
        traded = Decimal(message["size"])
        assert message["taker_order_id"] == taker_id
        assert message["side"] == side != taker_side
        assert message["maker_order_id"] == self.best(side), "not the oldest order at the best price"
        assert Decimal(message["price"]) == price
        assert limit is None or (limit >= price if taker_side == "buy" else limit <= price)
        assert traded == min(left, size)
        self.incoming[3] -= traded
        self.resting[message["maker_order_id"]][2] -= traded
        self.trades.append((message["sequence"], message["trade_id"], price, traded, taker_side))

    def open(self, message):
        order_id, side, price, left = self.incoming
        assert (message["order_id"], message["side"], Decimal(message["price"])) == (order_id, side, price)
        assert Decimal(message["remaining_size"]) == left > 0
        sign = -1 if side == "buy" else 1
        heapq.heappush(self.queues[side], (sign * price, message["sequence"], order_id))
        self.resting[order_id] = [side, price, left]
        self.incoming = None
        bid, ask = self.best_price("buy"), self.best_price("sell")
        assert bid is None or ask is None or bid < ask

    def change(self, message):
        side, price, size = self.resting[message["order_id"]]
        assert (message["side"], Decimal(message["price"])) == (side, price)
        assert Decimal(message["old_size"]) == size > Decimal(message["new_size"]) > 0
        self.resting[message["order_id"]][2] = Decimal(message["new_size"])

    def done(self, message):
        if self.incoming and self.incoming[0] == message["order_id"]:
            _, side, price, left = self.incoming
            self.incoming = None
        else:
            side, price, left = self.resting.pop(message["order_id"])
        assert message["side"] == side
        assert Decimal(message["remaining_size"]) == left
        assert message["reason"] == ("filled" if left == 0 else "canceled")
        assert (Decimal(message["price"]) if "price" in message else None) == price


def messages_of(market):
    lines = CoinbaseFormat(market.symbols, market.seed, market.start_us)
    for chunk in generator.generate(market):
        for line in bytes(lines.lines(chunk.messages)).splitlines():
            yield json.loads(line)


def assert_book_agrees_with_truth(market):
    truth = market_truth(market)
    quotes = {
        (symbol, sequence): (bid, ask)
        for symbol, sequence, bid, ask in truth.quotes[["symbol", "sequence", "best_bid", "best_ask"]].itertuples(
            index=False
        )
    }
    books = {symbol: ReferenceBook(INSTRUMENTS[symbol].tick_size) for symbol in market.symbols}
    n_messages = 0
    for message in messages_of(market):
        book = books[message["product_id"]]
        book.apply(message)
        expected = quotes[message["product_id"], message["sequence"]]
        for side, price in zip(("buy", "sell"), expected, strict=True):
            rebuilt = book.best_price(side)
            assert np.isnan(price) if rebuilt is None else float(rebuilt) == price
        n_messages += 1
    assert n_messages == len(quotes)
    for symbol, book in books.items():
        trades = truth.trades[truth.trades["symbol"] == symbol]
        columns = ["sequence", "trade_id", "price_units", "size_units", "taker_side"]
        expected_trades = [
            (sequence, trade_id, price * ONE_UNIT, size * ONE_UNIT, side)
            for sequence, trade_id, price, size, side in trades[columns].astype(object).itertuples(index=False)
        ]
        assert book.trades == expected_trades
        assert book.incoming is None
    return n_messages


@pytest.mark.parametrize("seed", [0, 1, -7, 2**40])
def test_replayed_messages_give_the_book_and_trades_of_the_oracle(seed):
    market = Market(symbols=tuple(INSTRUMENTS)[:3], duration_seconds=3 * 3600, seed=seed)
    assert assert_book_agrees_with_truth(market) > 10_000


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    market=st.builds(
        Market,
        symbols=st.lists(st.sampled_from(sorted(INSTRUMENTS)), min_size=1, max_size=3, unique=True).map(tuple),
        start_time=st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1)).map(
            lambda instant: instant.replace(microsecond=0, tzinfo=UTC)
        ),
        duration_seconds=st.integers(1, 400),
        messages_per_second=st.floats(0.01, 20),
        signal_strength=st.floats(0, 5),
        half_life_seconds=st.floats(1, 86_400),
        seed=st.integers(),
    )
)
def test_any_settings_give_a_market_without_contradiction(market):
    assert_book_agrees_with_truth(market)


def test_sequences_and_trade_ids_are_contiguous_and_time_never_goes_back():
    truth = market_truth(Market(duration_seconds=7200))
    for _, quotes in truth.quotes.groupby("symbol"):
        assert (np.diff(quotes["sequence"]) == 1).all()
    for _, trades in truth.trades.groupby("symbol"):
        assert (np.diff(trades["trade_id"]) == 1).all()
    assert truth.quotes["event_time"].is_monotonic_increasing


def test_a_symbol_trades_the_same_whatever_else_is_simulated():
    both = Market(duration_seconds=7200)
    alone = replace(both, symbols=("ETH-USD",))
    of_both = [message for message in messages_of(both) if message["product_id"] == "ETH-USD"]
    assert list(messages_of(alone)) == of_both


def test_the_size_of_the_pieces_changes_no_message(monkeypatch):
    market = Market(duration_seconds=7200)
    whole = list(messages_of(market))
    monkeypatch.setattr(generator, "_MESSAGES_PER_CHUNK", 100)
    monkeypatch.setattr(generator, "EVENT_ROOM", 4096 - 65_536 + 40)  # the output is full again and again
    assert list(messages_of(market)) == whole


def test_partial_fills_changes_sweeps_and_marketable_limit_orders_all_occur():
    messages = list(messages_of(Market(duration_seconds=6 * 3600)))
    kinds = {(message["type"], message.get("order_type"), message.get("reason")) for message in messages}
    assert kinds == {
        ("received", "limit", None),
        ("received", "market", None),
        ("open", None, None),
        ("match", None, None),
        ("change", None, None),
        ("done", None, "filled"),
        ("done", None, "canceled"),
    }
    sizes = {message["order_id"]: message["size"] for message in messages if message["type"] == "received"}
    opened = {message["order_id"]: message["remaining_size"] for message in messages if message["type"] == "open"}
    takers = [message["taker_order_id"] for message in messages if message["type"] == "match"]
    assert any(opened[order_id] != sizes[order_id] for order_id in opened), "no marketable limit order rests"
    assert len(set(takers)) < len(takers), "no order takes from two"


def test_about_eight_trades_a_minute_leave_hardly_a_minute_without_one():
    market = Market(duration_seconds=4 * 86_400, symbols=("BTC-USD",))
    minutes = market_truth(market).trades["trade_time"].dt.floor("min").value_counts()
    n_minutes = market.duration_seconds // 60
    assert minutes.sum() / n_minutes > 8
    assert 1 - len(minutes) / n_minutes < 0.005
