"""Coinbase Exchange websocket, channels level2 (also batched) and matches.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels: a ``snapshot`` is the whole book, each ``l2update`` says
what waits at some prices from now on, 0 for nothing. Neither is numbered: what is lost is lost until the next snapshot,
which each new connection begins with. ``match.side`` is the side of the maker.
"""

from __future__ import annotations

from typing import Any

from jobs.readers.json_lines import RefusedLineError
from jobs.readers.price_levels import levels_text
from jobs.readers.refusal import Refusal, shown

OTHER_MESSAGES = frozenset(["subscriptions", "heartbeat", "status", "error", "last_match", "ticker", "ticker_batch"])
_SIDES = {"buy": "bids", "sell": "asks"}


class CoinbaseFeed:
    """What the messages mean."""

    def plain(self, message: dict[str, Any]) -> dict[str, str | None]:
        """See ``Feed.plain``."""
        kind = message.get("type")
        common = {"symbol": message.get("product_id"), "event_time": message.get("time")}
        if kind == "snapshot":
            levels = levels_text(message.get("bids"), message.get("asks"), replaces="all")
            return common | {"event": "snapshot", "snapshot": levels}
        if kind == "l2update":
            return common | {"event": "update", "snapshot": levels_text(**_by_side(message.get("changes")))}
        if kind == "match":
            fields = ("trade_id", "maker_order_id", "taker_order_id", "side", "size", "price")
            return common | {"event": "match"} | {field: message.get(field) for field in fields}
        code = "NOT_AN_ORDER_EVENT" if kind in OTHER_MESSAGES else "UNKNOWN_EVENT"
        raise RefusedLineError(Refusal(code, f"type = {shown(kind)}"))


def _by_side(changes: Any) -> dict[str, list[Any]]:
    levels: dict[str, list[Any]] = {"bids": [], "asks": []}
    if not isinstance(changes, list):
        raise RefusedLineError(Refusal("MISSING_FIELD", "changes is absent"))
    for change in changes:
        if not (isinstance(change, list) and change and change[0] in _SIDES):
            raise RefusedLineError(Refusal("BAD_VALUE", f"changes = {shown(change)}"))
        levels[_SIDES[change[0]]].append(change[1:])
    return levels
