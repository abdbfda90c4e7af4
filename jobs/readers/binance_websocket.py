"""Binance spot websocket: streams depth and trade, plain or combined, and snapshots of the REST book among them.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams: ``depthUpdate`` holds the changes from
number ``U`` to ``u``; the REST answer has ``lastUpdateId``, and no symbol: it is that of its stream where a recorder
names one, else the only one of the file. ``trade.m`` is true where the buyer is the maker.
"""

from __future__ import annotations

from typing import Any

from jobs.readers.json_lines import RefusedLineError
from jobs.readers.price_levels import levels_text
from jobs.readers.refusal import Refusal, shown

OTHER_MESSAGES = frozenset(["aggTrade", "24hrTicker", "24hrMiniTicker", "kline", "avgPrice"])


class BinanceFeed:
    """What the messages mean; remembers the symbols of the file."""

    def __init__(self) -> None:
        """Begin with no symbol."""
        self._symbols: set[str] = set()

    def plain(self, message: dict[str, Any]) -> dict[str, str | None]:
        """See ``Feed.plain``."""
        stream, data = message.get("stream"), message.get("data", message)
        if not isinstance(data, dict):
            raise RefusedLineError(Refusal("BAD_VALUE", f"data = {shown(data)}"))
        kind = data.get("e")
        if kind in ("depthUpdate", "trade") and isinstance(data.get("s"), str):
            self._symbols.add(data["s"])
        if kind == "depthUpdate":
            return _update(data)
        if kind == "trade":
            return _trade(data)
        if "lastUpdateId" in data and "bids" in data:
            return self._snapshot(stream, data)
        is_known = kind in OTHER_MESSAGES or (kind is None and (("u" in data and "B" in data) or "result" in data))
        raise RefusedLineError(Refusal("NOT_AN_ORDER_EVENT" if is_known else "UNKNOWN_EVENT", f"e = {shown(kind)}"))

    def _snapshot(self, stream: Any, data: dict[str, Any]) -> dict[str, str | None]:
        symbol = stream.split("@")[0].upper() if isinstance(stream, str) else None
        if symbol is None and len(self._symbols) == 1:
            symbol = next(iter(self._symbols))
        last = _number(data, "lastUpdateId")
        levels = levels_text(data.get("bids"), data.get("asks"), replaces="shown", last_update=last)
        return {"symbol": symbol, "event": "snapshot", "snapshot": levels}


def _update(data: dict[str, Any]) -> dict[str, str | None]:
    numbers = {"first_update": _number(data, "U"), "last_update": _number(data, "u")}
    levels = levels_text(data.get("b"), data.get("a"), **numbers)
    return {"symbol": data.get("s"), "event": "update", "event_time": data.get("E"), "snapshot": levels}


def _trade(data: dict[str, Any]) -> dict[str, str | None]:
    is_buyer_maker = data.get("m")
    if not isinstance(is_buyer_maker, bool):
        raise RefusedLineError(Refusal("BAD_VALUE", f"m = {shown(is_buyer_maker)}"))
    return {
        "symbol": data.get("s"),
        "event": "match",
        "event_time": data.get("T") or data.get("E"),
        "trade_id": data.get("t"),
        "price": data.get("p"),
        "size": data.get("q"),
        "side": "buy" if is_buyer_maker else "sell",
    }


def _number(data: dict[str, Any], field: str) -> int:
    text = data.get(field)
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 18):
        raise RefusedLineError(Refusal("BAD_SEQUENCE", f"{field} = {shown(text)}"))
    return int(text)
