"""Best bid and ask of the compiled book against a level-3 book of 60 lines, on what an exchange may send."""

import json
from decimal import Decimal
from random import Random

import pytest
from book_streams import ORDERS, replayed
from hypothesis import given, settings
from hypothesis import strategies as st
from small_book import SIDES, SmallBook

from jobs.book.replay import BookOptions, BookReplay

CONTIGUOUS = BookOptions(is_contiguous=True, depth_seconds=0)
BEST = ("state", "bid_price", "bid_size", "ask_price", "ask_size")


class Exchange:
    """Orders that come, trade and go as on a real market: no bid stays at or above an ask."""

    def __init__(self, random):
        self.random, self.orders, self.n_orders, self.rows = random, {}, 0, []

    def send(self, event, **fields):
        n = len(self.rows)
        row = dict.fromkeys(ORDERS.names) | {"sequence": n, "event": event, "event_time": n * 1000}
        self.rows.append(row | fields)

    def arrive(self):
        """A new order is received, trades with the other side as far as its price goes, and rests with what is left."""
        side, price = self.random.choice(list(SIDES)), Decimal(self.random.randint(1, 9))
        size = left = Decimal(self.random.randint(1, 6)) / 2
        id_, self.n_orders = f"d50ec984-77a8-460a-b958-66f1{self.n_orders:08x}", self.n_orders + 1
        self.send("received", order_id=id_, side=side, price=price, size=size)
        sign = 1 if side == "buy" else -1
        others = ((sign * at, made, of) for made, (of, at, _) in self.orders.items() if of != side)
        for _, maker, _ in sorted((other for other in others if other[0] <= sign * price), key=lambda other: other[0]):
            of, at, rests = self.orders[maker]
            traded = min(left, rests)
            if not traded:
                break
            self.send("match", maker_order_id=maker, order_id=id_, side=of, price=at, size=traded)
            left -= traded
            self.orders[maker] = of, at, rests - traded
            if rests == traded:
                self.leave(maker)
        if left:
            self.orders[id_] = side, price, left
            self.send("open", order_id=id_, side=side, price=price, remaining_size=left)
        else:
            self.send("done", order_id=id_, side=side, price=price, remaining_size=Decimal(0))

    def leave(self, id_):
        side, price, left = self.orders.pop(id_)
        self.send("done", order_id=id_, side=side, price=price, remaining_size=left)

    def shrink(self, id_):
        side, price, size = self.orders[id_]
        left = max(Decimal("0.25"), size - 1)
        self.orders[id_] = side, price, left
        self.send("change", order_id=id_, side=side, price=price, remaining_size=left)

    def show(self):
        by_price = sorted(self.orders.items(), key=lambda order: order[1][1])
        asks, bids = (
            [[str(price), str(size), id_] for id_, (of, price, size) in orders if of == side]
            for side, orders in (("sell", by_price), ("buy", by_price[::-1]))
        )
        self.send("snapshot", snapshot=json.dumps({"bids": bids, "asks": asks}))

    def act(self):
        chance = self.random.random()
        if chance < 0.5 or not self.orders:
            self.arrive()
        elif chance < 0.95:
            (self.leave if chance < 0.8 else self.shrink)(self.random.choice(list(self.orders)))
        else:
            self.show()


def recorded(seed, n_acts, n_lost):
    """What a client has of an exchange's messages: some are lost on the way."""
    random = Random(seed)
    exchange = Exchange(random)
    for _ in range(n_acts):
        exchange.act()
    lost = set(random.sample(range(len(exchange.rows)), min(n_lost, len(exchange.rows) - 1)))
    return [row for row in exchange.rows if row["sequence"] not in lost]


def assert_best_prices_are_those_of_the_small_book(rows):
    small, quotes = SmallBook(), {row["sequence"]: row for row in replayed(BookReplay(CONTIGUOUS), rows)}
    before = None
    for row in rows:
        now = small.apply(row)
        if row["sequence"] in quotes:
            quote = quotes.pop(row["sequence"])
            assert tuple(quote[name] for name in BEST) == now
        else:
            assert now == before, "a change of the best prices is a quote"
        before = now
    assert not quotes


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 3))
def test_what_an_exchange_sends_gives_the_best_prices_of_the_small_book(seed, n_acts, n_lost):
    assert_best_prices_are_those_of_the_small_book(recorded(seed, n_acts, n_lost))


def test_two_thousand_streams_give_the_best_prices_of_the_small_book():
    rows = [recorded(seed, 40, seed % 3) for seed in range(2_000)]
    for stream in rows:
        assert_best_prices_are_those_of_the_small_book(stream)
    assert sum(row["event"] == "match" for stream in rows for row in stream) > 10_000


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(0, 5))
def test_many_longer_streams_give_the_best_prices_of_the_small_book(seed, n_acts, n_lost):
    assert_best_prices_are_those_of_the_small_book(recorded(seed, n_acts, n_lost))
