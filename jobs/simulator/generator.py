"""Messages of a whole market, in order of time, piece by piece in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jobs.simulator import book_kernel
from jobs.simulator.instruments import UNITS, Instrument
from jobs.simulator.latent import LatentPath
from jobs.simulator.market import Market
from jobs.simulator.messages import MESSAGE
from jobs.simulator.order_flow import (
    DAY_US,
    EVENT_ROOM,
    MESSAGES_PER_SECOND,
    SECOND_US,
    FlowParameters,
    advance_flow,
)
from jobs.simulator.random_stream import new_stream

_MESSAGES_PER_CHUNK = 50_000


@dataclass(frozen=True)
class Chunk:
    """Some seconds of the market; never crosses UTC midnight.

    Attributes:
        first_us: Start, microseconds since 1970.
        n_seconds: Length.
        messages: MESSAGE records of all symbols by time, and within a symbol by sequence.
        states: Informed-flow state, float64[symbol, second].
        log_prices: Log efficient price, float64[symbol, second].
    """

    first_us: int
    n_seconds: int
    messages: np.ndarray
    states: np.ndarray
    log_prices: np.ndarray


class SymbolMarket:
    """One symbol's book and order flow, carried from piece to piece."""

    def __init__(self, market: Market, instrument: Instrument):
        """Start with an empty book at the market's start."""
        identity = (market.seed, instrument.symbol, market.start_us)
        self._flow = FlowParameters(
            speed=market.messages_per_second / MESSAGES_PER_SECOND,
            signal_strength=market.signal_strength,
            tick=instrument.tick_units,
            median_size=instrument.median_size * UNITS,
        )
        self._latent = LatentPath(
            instrument.start_price, market.signal_strength, market.half_life_seconds, new_stream("latent", *identity)
        )
        self._stream = new_stream("flow", *identity)
        self._book = book_kernel.new_book()
        self._counters = np.zeros(book_kernel.N_COUNTERS, dtype=np.int64)
        self._counters[book_kernel.NEXT_US] = market.start_us
        # Numbers follow the clock, so that a later period of the same symbol never repeats them.
        self._counters[book_kernel.SEQUENCE] = market.start_us // SECOND_US * 100
        self._counters[book_kernel.TRADE_ID] = market.start_us // SECOND_US * 10
        self._out = np.zeros(65_536 + EVENT_ROOM, dtype=MESSAGE)

    def advance(self, first_us: int, n_seconds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return messages, states and log efficient prices of the next seconds."""
        states, log_prices = self._latent.advance(n_seconds)
        parts: list[np.ndarray] = []
        while not parts or self._counters[book_kernel.NEXT_US] < first_us + n_seconds * SECOND_US:
            n = advance_flow(
                self._flow, first_us, states, log_prices, self._counters, self._book, self._stream, self._out
            )
            parts.append(self._out[:n].copy())
        return np.concatenate(parts), states, log_prices


def generate(market: Market) -> Iterator[Chunk]:
    """Play the market from start to end."""
    symbol_markets = [SymbolMarket(market, instrument) for instrument in market.instruments]
    longest = max(1, min(3600, int(_MESSAGES_PER_CHUNK / market.messages_per_second)))
    first_us = market.start_us
    end_us = first_us + market.duration_seconds * SECOND_US
    while first_us < end_us:
        midnight_us = (first_us // DAY_US + 1) * DAY_US
        n_seconds = min(longest * SECOND_US, end_us - first_us, midnight_us - first_us) // SECOND_US
        pieces = [symbol_market.advance(first_us, n_seconds) for symbol_market in symbol_markets]
        for symbol, (messages, _, _) in enumerate(pieces):
            messages["symbol"] = symbol
        messages = np.concatenate([messages for messages, _, _ in pieces])
        by_time = np.argsort(messages["time_us"], kind="stable")
        yield Chunk(
            first_us=first_us,
            n_seconds=n_seconds,
            messages=messages[by_time],
            states=np.stack([states for _, states, _ in pieces]),
            log_prices=np.stack([log_prices for _, _, log_prices in pieces]),
        )
        first_us += n_seconds * SECOND_US
