"""A limit-order book by the rules of the feeds, as plainly as possible: the oracle of the compiled one.

Events are rows of ``orders`` as dicts (prices and sizes Decimal, ``event_time`` in microseconds).
"""

import json
from decimal import Decimal

SIDES = {"buy": ("bid", max, 1), "sell": ("ask", min, -1)}


class ReferenceBook:
    def __init__(self, is_contiguous=True, depth_levels=10, depth_us=10_000_000, warm_us=1_800_000_000):
        self.options = is_contiguous, depth_levels, depth_us, warm_us
        self.state, self.last, self.held = "unseeded", None, None
        self.is_showing, self.is_levels, self.last_update, self.waiting = False, False, 0, []
        self.n_unknown = self.n_contradictions = self.n_gaps = self.n_snapshots = self.n_agreed = 0
        self.clear()

    def clear(self):
        self.orders = {}  # id -> [side, price, size, time it came to its place]
        self.queues = {"buy": {}, "sell": {}}  # price -> ids
        self.covered = {"buy": None, "sell": None}  # the worst price that a snapshot has shown

    def best(self, side):
        return SIDES[side][1](self.queues[side], default=None)

    def size_at(self, side, price):
        return sum((self.orders[order][2] for order in self.queues[side].get(price, ())), Decimal(0))

    def add(self, order, side, price, size, time, is_first=False):
        queue = self.queues[side].setdefault(price, [])
        queue.insert(0 if is_first else len(queue), order)
        self.orders[order] = [side, price, size, time]

    def remove(self, order):
        side, price, _, _ = self.orders.pop(order)
        self.queues[side][price].remove(order)
        if not self.queues[side][price]:
            del self.queues[side][price]

    def reduce(self, order, by):
        self.orders[order][2] -= by
        if self.orders[order][2] <= 0:
            self.remove(order)

    def position(self, order):
        side, price, _, _ = self.orders[order]
        queue = self.queues[side][price]
        if price == self.best(side):
            self.ahead = side, sum((self.orders[other][2] for other in queue[: queue.index(order)]), Decimal(0))

    def unknown(self, side, price, size):
        self.n_unknown += 1
        if ("shown", side, price) in self.orders:
            self.reduce(("shown", side, price), size)

    def open(self, e):
        if e["order_id"] in self.orders:
            self.n_contradictions += 1
            self.remove(e["order_id"])
        best, price, sign = self.best(e["side"]), e["price"], SIDES[e["side"]][2]
        if not (price and e["remaining_size"]):
            self.n_contradictions += 1
            return
        if best is None or sign * price >= sign * best:
            self.ahead = e["side"], self.size_at(e["side"], price)
        self.add(e["order_id"], e["side"], price, e["remaining_size"], e["event_time"])

    def change(self, e):
        if e["order_id"] not in self.orders:
            self.n_unknown += 1
            return
        side, old_price, old_size, _ = self.orders[e["order_id"]]
        price, size = e["price"] or old_price, old_size if e["remaining_size"] is None else e["remaining_size"]
        self.position(e["order_id"])
        if (price == old_price and size <= old_size) or size == 0:
            self.reduce(e["order_id"], old_size - size)
        else:
            self.remove(e["order_id"])
            self.add(e["order_id"], side, price, size, e["event_time"])

    def done(self, e):
        if e["order_id"] in self.orders:
            self.position(e["order_id"])
            self.remove(e["order_id"])
        elif e["price"] and e["remaining_size"]:
            self.unknown(e["side"], e["price"], e["remaining_size"])

    def match(self, e):
        maker = None if self.is_levels and e["event"] == "match" else e["maker_order_id"]
        if maker in self.orders:
            self.position(maker)
            self.n_contradictions += e["size"] > self.orders[maker][2]
            self.reduce(maker, e["size"])
        elif maker is not None:
            self.unknown(e["side"], e["price"], e["size"])

    def partial_cancel(self, e):
        self.match(e | {"maker_order_id": e["order_id"] or ""})

    def set_level(self, side, price, size, time):
        order, self.is_levels = ("shown", side, price), True
        if order in self.orders and size:
            self.orders[order][2] = size
        elif order in self.orders:
            self.remove(order)
        elif size:
            self.add(order, side, price, size, time)

    def set_levels(self, levels, time):
        for side, key in (("buy", "bids"), ("sell", "asks")):
            for price, size in levels[key]:
                self.set_level(side, Decimal(price), Decimal(size), time)

    def update(self, e):
        if e["side"]:
            self.set_level(e["side"], e["price"], e["size"], e["event_time"])
            return
        levels = json.loads(e["snapshot"])
        if "last_update" in levels:
            if levels["last_update"] <= self.last_update:
                return
            if self.last_update and levels["first_update"] > self.last_update + 1:
                self.n_gaps += 1
                self.begin("invalid_after_gap")
            self.last_update = levels["last_update"]
            self.waiting += [levels] if self.state != "valid" else []
        self.set_levels(levels, e["event_time"])

    def begin(self, state):
        self.clear()
        self.state, self.waiting = state, []

    def show(self, e):
        if not self.is_showing:
            self.begin("unseeded")
            self.is_showing = True
        self.set_level(e["side"], e["price"], e["size"], e["event_time"])

    def become(self, levels, time):
        self.clear()
        self.state = "unseeded"
        self.set_levels(levels, time)
        self.state, is_whole = "valid", levels["replaces"] == "all"
        for side, whole in (("buy", Decimal(0)), ("sell", Decimal("Infinity"))):
            prices = self.queues[side]
            self.covered[side] = whole if is_whole or not prices else min(prices) if side == "buy" else max(prices)

    def snapshot(self, e):
        if e["side"]:
            self.show(e)
            return
        shown = json.loads(e["snapshot"])
        later = []
        if "last_update" in shown:
            number = shown["last_update"]
            later = [levels for levels in self.waiting if levels["last_update"] > number]
            is_too_old = later and later[0]["first_update"] > number + 1
            if is_too_old if self.state != "valid" else number != self.last_update:
                return
        sides = {
            s: [(Decimal(p), Decimal(z), *i) for p, z, *i in shown[k]] for s, k in (("buy", "bids"), ("sell", "asks"))
        }
        self.n_snapshots += 1
        best = {
            s: (rows[0][0], sum(r[1] for r in rows if r[0] == rows[0][0])) if rows else (None, 0)
            for s, rows in sides.items()
        }
        self.n_agreed += all((self.best(s), self.size_at(s, self.best(s))) == best[s] for s in sides)
        if "replaces" in shown:
            self.become(shown, e["event_time"])
            self.last_update = shown.get("last_update", self.last_update)
            for levels in later:
                self.set_levels(levels, e["event_time"])
                self.last_update = levels["last_update"]
            self.waiting = []
            return
        rows = sides["buy"] + sides["sell"]
        if rows and len(rows[0]) == 3:
            if self.state != "valid":
                self.clear()
                for side in sides:
                    for price, size, order in sides[side]:
                        self.add(order, side, price, size, e["event_time"])
                self.covered, self.state = {"buy": Decimal(0), "sell": Decimal("Infinity")}, "valid"
            return
        for side, levels in sides.items():
            if levels:
                self.seed(side, dict(levels), e["event_time"])

    def seed(self, side, shown, time):
        sign, worst, covered = SIDES[side][2], list(shown)[-1], self.covered[side]
        for order in [o for o in self.orders if o[:2] == ("shown", side) and sign * o[2] >= sign * worst]:
            self.reduce(order, max(Decimal(0), self.size_at(side, order[2]) - shown.get(order[2], Decimal(0))))
        for price, size in shown.items():
            is_new = covered is None or sign * price < sign * covered
            if is_new and size > self.size_at(side, price) and ("shown", side, price) not in self.orders:
                self.add(("shown", side, price), side, price, size - self.size_at(side, price), time, True)
        self.covered[side] = worst if covered is None or sign * worst < sign * covered else covered
        self.state = "valid"

    def apply(self, e):
        """The row of ``quotes`` that the event makes, or None."""
        is_contiguous, _, depth_us, warm_us = self.options
        time, self.ahead = e["event_time"], (None, None)
        if self.last is None:
            self.first_time, self.grid = time, time // depth_us if depth_us else 0
        elif is_contiguous and e["sequence"] != self.last + 1:
            self.n_gaps += 1
            self.clear()
            self.state = "invalid_after_gap"
        self.last = e["sequence"]
        if self.is_showing and not (e["event"] == "snapshot" and e["side"]):
            self.is_showing = False
            if self.state == "unseeded":
                self.covered, self.state = {"buy": Decimal(0), "sell": Decimal("Infinity")}, "valid"
        if e["event"] != "received":
            getattr(self, e["event"])(e)
        bid, ask = self.best("buy"), self.best("sell")
        state = self.state
        if state == "valid":
            low, high = self.covered["buy"], self.covered["sell"]
            is_low = low is not None and (bid or Decimal(0)) >= low
            is_high = high is not None and (ask or Decimal("Infinity")) <= high
            state = "valid" if is_low and is_high else "unseeded"
        seen = state, bid, self.size_at("buy", bid), ask, self.size_at("sell", ask)
        flow = self.order_flow(self.held, seen)
        is_change, self.held = seen != self.held, seen
        has_depth = bool(depth_us) and time // depth_us > self.grid
        self.grid = max(self.grid, time // depth_us) if depth_us else 0
        has_depth = has_depth and not state.startswith("invalid")
        if not (is_change or has_depth):
            return None
        is_trusted = state == "valid" or (state == "unseeded" and time - self.first_time >= warm_us)
        is_two_sided = bid is not None and ask is not None
        row = {
            "sequence": e["sequence"], "event_time": time, "state": state,
            "is_usable": is_trusted and is_two_sided and bid < ask, "is_crossed": is_two_sided and bid > ask,
            "is_locked": is_two_sided and bid == ask, "is_change": is_change, "n_unknown": self.n_unknown,
            "order_flow": flow,
        }  # fmt: skip
        for side, (name, _, sign) in SIDES.items():
            row |= {f"{name}_{field}": value for field, value in self.side_row(side, time, sign, has_depth).items()}
        return row

    @staticmethod
    def order_flow(before, now):
        """Cont, Kukanov and Stoikov (2014), equation 1: what came to the bid, less what came to the ask."""
        if before is None or before[0] != now[0] or now[0].startswith("invalid"):
            return None
        if any(bid is None or ask is None or bid >= ask for _, bid, _, ask, _ in (before, now)):
            return None
        (_, old_bid, old_bid_size, old_ask, old_ask_size), (_, bid, bid_size, ask, ask_size) = before, now
        came_to_bid = bid_size - old_bid_size if bid == old_bid else bid_size if bid > old_bid else -old_bid_size
        came_to_ask = ask_size - old_ask_size if ask == old_ask else ask_size if ask < old_ask else -old_ask_size
        return came_to_bid - came_to_ask

    def side_row(self, side, time, sign, has_depth):
        best = self.best(side)
        at_best = [self.orders[order] for order in self.queues[side].get(best, ())]
        prices = sorted(self.queues[side], key=lambda price: -sign * price)[: self.options[1]] if has_depth else None
        return {
            "price": best,
            "size": self.size_at(side, best) if at_best else None,
            "orders": len(at_best),
            "first_size": at_best[0][2] if at_best else None,
            "first_age_seconds": (time - at_best[0][3]) / 1e6 if at_best else None,
            "mean_age_seconds": sum(time - order[3] for order in at_best) / len(at_best) / 1e6 if at_best else None,
            "queue_ahead": self.ahead[1] if self.ahead[0] == side else None,
            "depth_prices": prices,
            "depth_sizes": None if prices is None else [self.size_at(side, price) for price in prices],
        }
