"""How to subscribe at each exchange, and when its book has to be asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from models.errors import UsageError

Exchange = str


class Feed(Protocol):
    """One exchange's public market data of some symbols."""

    url: str
    snapshot_url: str | None  # of the exchange's REST book, for feeds that do not send it by themselves

    def subscriptions(self) -> list[str]:
        """Messages to send once connected."""

    def needs_snapshot(self, text: str) -> str | None:
        """Symbol whose book must be asked for after this message: its first, or one that shows a hole."""

    def as_line(self, symbol: str, answer: str) -> str:
        """The answer to a request for a book as a message of the stream, with the symbol that it lacks."""


@dataclass
class CoinbaseFeed:
    """Channels level2_batch, matches and heartbeat; the subscription answers with the whole book."""

    symbols: Sequence[str]
    url: str = "wss://ws-feed.exchange.coinbase.com"
    snapshot_url: str | None = None

    def subscriptions(self) -> list[str]:
        """See ``Feed``."""
        channels = ["level2_batch", "matches", "heartbeat"]
        return [json.dumps({"type": "subscribe", "product_ids": list(self.symbols), "channels": channels})]

    def needs_snapshot(self, text: str) -> str | None:
        """Never: it comes by itself."""
        return None

    def as_line(self, symbol: str, answer: str) -> str:
        """As it is: no book is asked for."""
        return answer


@dataclass
class BinanceFeed:
    """Streams depth and trade of each symbol; the book is asked for at the first update and after each hole."""

    symbols: Sequence[str]
    url: str = "wss://stream.binance.com:9443"
    snapshot_url: str | None = "https://api.binance.com/api/v3/depth"
    _last_update: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The streams are named in the address."""
        streams = "/".join(f"{s.lower()}@{name}" for s in self.symbols for name in ("depth@100ms", "trade"))
        self.url = f"{self.url}/stream?streams={streams}"

    def subscriptions(self) -> list[str]:
        """None: see ``__post_init__``. A new connection knows of no update."""
        self._last_update.clear()
        return []

    def needs_snapshot(self, text: str) -> str | None:
        """See ``Feed``; the numbers of the updates are read as jobs.book.level_feed reads them."""
        update = _depth_update(text)
        if update is None:
            return None
        symbol, first, last = update
        held = self._last_update.get(symbol)
        self._last_update[symbol] = max(last, held or 0)
        return symbol if held is None or first > held + 1 else None

    def as_line(self, symbol: str, answer: str) -> str:
        """See ``Feed``."""
        return f'{{"stream":"{symbol.lower()}@depthSnapshot","data":{answer}}}'


def _depth_update(text: str) -> tuple[str, int, int] | None:
    try:
        message: Any = json.loads(text)
        data = message.get("data", message)
        if data.get("e") != "depthUpdate":
            return None
        return str(data["s"]), int(data["U"]), int(data["u"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


FEEDS: dict[Exchange, type[CoinbaseFeed] | type[BinanceFeed]] = {"coinbase": CoinbaseFeed, "binance": BinanceFeed}


def make_feed(exchange: Exchange, symbols: Sequence[str], url: str | None, snapshot_url: str | None) -> Feed:
    """The feed of an exchange, at its own addresses or at others.

    Raises:
        UsageError: the exchange is not known.
    """
    if exchange not in FEEDS:
        raise UsageError(f"{exchange} is not an exchange that can be recorded: {', '.join(FEEDS)}")
    feed = FEEDS[exchange]
    return feed(symbols, url or feed.url, snapshot_url or feed.snapshot_url)
