"""A level-3 book in a page: a dict of open orders, looked through for the best price after every event.

What Coinbase's manual of the full channel says, and nothing else: an order rests once it is ``open``, a ``match`` takes
from the maker, ``change`` gives the new size and ``done`` removes; after a gap in the sequence nothing is known until
the next snapshot. Written apart from ``book_reference``, which knows the other feeds and every column as well.
"""

import json
from decimal import Decimal

SIDES = {"buy": "bids", "sell": "asks"}


class SmallBook:
    def __init__(self):
        self.orders, self.state, self.last = {}, "unseeded", None  # id -> side, price, size

    def apply(self, event):
        """State, best bid and its size, best ask and its size after the event."""
        if self.last is not None and event["sequence"] != self.last + 1:
            self.orders, self.state = {}, "invalid_after_gap"
        self.last = event["sequence"]
        match event["event"]:
            case "open":
                self.orders[event["order_id"]] = event["side"], event["price"], event["remaining_size"]
            case "change":
                self.take(event["order_id"], lambda _: event["remaining_size"])
            case "match":
                self.take(event["maker_order_id"], lambda size: size - event["size"])
            case "done":
                self.take(event["order_id"], lambda _: 0)
            case "snapshot" if self.state != "valid":
                shown = json.loads(event["snapshot"])
                self.orders = {
                    id_: (side, Decimal(price), Decimal(size))
                    for side, name in SIDES.items()
                    for price, size, id_ in shown[name]
                }
                self.state = "valid"
        return self.state, *self.best("buy", max), *self.best("sell", min)

    def take(self, id_, left_of):
        """What is left of an order after an event; an order that is not known stays so."""
        if id_ in self.orders:
            side, price, size = self.orders.pop(id_)
            if (left := left_of(size)) > 0:
                self.orders[id_] = side, price, left

    def best(self, side, best_of):
        """Best price of a side and the size of all its orders there."""
        price = best_of((price for of, price, _ in self.orders.values() if of == side), default=None)
        return price, sum(size for of, at, size in self.orders.values() if (of, at) == (side, price)) or None
