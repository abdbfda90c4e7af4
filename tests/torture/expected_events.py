"""What the two formats say about one line: the row of ``orders`` that it becomes, or the codes of its refusal."""

import re

from expected_lines import Fields, RefusedError, decoded, instant_us, is_plausible, json_object

COLUMNS = (
    "symbol", "epoch", "sequence", "event", "event_time", "order_id", "side", "order_type", "price", "size", "old_size",
    "remaining_size", "funds", "reason", "trade_id", "maker_order_id", "taker_order_id", "snapshot",
)  # fmt: skip
COINBASE_EVENTS = ("received", "open", "change", "done", "match")
NOT_ABOUT_ORDERS = ("subscriptions", "heartbeat", "activate", "status", "error", "last_match")
BITSTAMP_EVENTS = {"order_created": "open", "order_changed": "change", "order_deleted": "done", "trade": "match"}


class CoinbaseLines:
    """Lines of a file of Coinbase's full channel."""

    is_numbered = True

    def __init__(self, lines, now):
        self.now = now

    def row(self, number, line):
        message = json_object(decoded(line))
        event = Fields(message).text("type")
        if event not in COINBASE_EVENTS:
            raise RefusedError(_about(message, event))
        return self._row(event, Fields(message))

    def _row(self, event, fields):
        of = {name: fields.text(name) for name in (
            "product_id", "sequence", "time", "order_id", "side", "order_type", "reason", "trade_id", "maker_order_id",
            "taker_order_id", "price", "size", "old_size", "new_size", "new_price", "new_funds", "remaining_size", "funds",
        )}  # fmt: skip
        needed = {
            "received": ("order_id", "order_type"), "open": ("order_id", "remaining_size", "price"),
            "change": ("order_id",), "done": ("order_id", "reason"),
            "match": ("trade_id", "maker_order_id", "taker_order_id", "price", "size"),
        }[event]  # fmt: skip
        for name in ("product_id", "sequence", "time", "side", *needed):
            fields.need(of[name])
        if event == "received" and of["order_type"] == "limit":
            fields.need(of["price"])
            fields.need(of["size"])
        if event == "received" and of["order_type"] == "market":
            fields.need(of["size"], of["funds"])
        if event == "change":
            fields.need(of["new_size"], of["new_price"], of["new_funds"])
        fields.one_of(of["side"], "buy", "sell")
        fields.one_of(of["order_type"], "limit", "market")
        if event == "done":
            fields.one_of(of["reason"], "filled", "canceled")
        amounts = ("price", "size", "old_size", "new_size", "new_price", "remaining_size")
        number = {name: fields.number(of[name]) for name in amounts}
        number["funds"] = fields.number(of["funds"], 20, 18)
        row = {
            "symbol": of["product_id"], "epoch": 0, "sequence": fields.whole(of["sequence"]), "event": event,
            "event_time": fields.instant(of["time"], self.now), "price": number["price"], "size": number["size"],
            "reason": of["reason"] if event == "done" else None, "trade_id": fields.whole(of["trade_id"]),
        }  # fmt: skip
        row |= {name: of[name] for name in ("order_id", "side", "order_type", "maker_order_id", "taker_order_id")}
        row |= {name: number[name] for name in ("old_size", "remaining_size", "funds")}
        if event == "change":
            row["size"] = row["remaining_size"] = number["new_size"]
            row["price"] = number["price"] if number["new_price"] is None else number["new_price"]
        fields.above(row["price"], "BAD_PRICE", zero_too=True)
        for name in ("size", "old_size", "remaining_size", "funds"):
            fields.above(row[name], "BAD_SIZE", zero_too=name == "size" and event == "match")
        return _checked(fields, row)


def _about(message, event):
    if event is None:
        return "BAD_VALUE" if message.get("type") else "MISSING_FIELD"
    return "NOT_AN_ORDER_EVENT" if event in NOT_ABOUT_ORDERS else "UNKNOWN_EVENT"


class BitstampLines:
    """Lines of a Bitstamp log: its first readable receive time is the epoch, the line number the sequence."""

    is_numbered = False
    symbol = "BTC-USD"

    def __init__(self, lines, now):
        self.now = now
        self.epoch = next((us // 1000 for us in map(self._time, lines) if is_plausible(us, now)), None)

    def _time(self, line):
        try:
            return instant_us(_head(decoded(line))[0])
        except RefusedError:
            return None

    def row(self, number, line):
        time, name, text = _head(decoded(line))
        fields = Fields(json_object(text))
        if name != "order_book" and name not in BITSTAMP_EVENTS:
            raise RefusedError("UNKNOWN_EVENT")
        of = {field: fields.text(field) for field in ("id", "price", "amount", "order_type")}
        is_order, is_trade = name.startswith("order_") and name != "order_book", name == "trade"
        if is_order or is_trade:
            for field in ("id", "price", "amount"):
                fields.need(of[field])
        if is_order:
            fields.need(of["order_type"])
        fields.one_of(of["order_type"], "0", "1")
        if name == "order_book":
            _check_book(fields)
        price = fields.number(of["price"], is_double=True)
        amount = fields.number(of["amount"], is_double=True)
        fields.above(price, "BAD_PRICE", zero_too=True)
        fields.above(amount, "BAD_SIZE", zero_too=is_trade)
        row = dict.fromkeys(COLUMNS) | {
            "symbol": self.symbol, "epoch": self.epoch, "sequence": number,
            "event": BITSTAMP_EVENTS.get(name, "snapshot"), "event_time": fields.instant(time, self.now),
            "order_id": of["id"] if is_order else None, "order_type": "limit" if is_order else None, "price": price,
            "side": {"0": "buy", "1": "sell"}.get(of["order_type"]) if is_order else None,
            "size": amount if is_trade or name == "order_changed" else None,
            "remaining_size": amount if is_order else None,
            "trade_id": fields.whole(of["id"]) if is_trade else None,
            "snapshot": text if name == "order_book" else None,
        }  # fmt: skip
        if name == "order_deleted":
            row["reason"] = "canceled" if amount else "filled"
        return _checked(fields, row)


def _head(text):
    parts = text.split(" ", 2)
    if len(parts) < 3 or not parts[0].isdigit():
        raise RefusedError("NOT_A_LOG_LINE")
    return parts


def _check_book(fields):
    for name in ("bids", "asks"):
        levels = fields.message.get(name)
        if levels is None:
            fields.codes.add("MISSING_FIELD")
        elif not isinstance(levels, list):
            fields.codes.add("BAD_VALUE")
        for level in levels if isinstance(levels, list) else ():
            if not isinstance(level, list) or len(level) != 2 or not all(isinstance(part, str) for part in level):
                fields.codes.add("BAD_VALUE")
                continue
            if not all(re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,8}0*)?", part) for part in level):
                fields.codes.add("BAD_NUMBER")


def _checked(fields, row):
    if fields.codes:
        raise RefusedError(*fields.codes)
    return tuple(row.get(name) for name in COLUMNS)
