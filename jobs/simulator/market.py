"""Settings of a simulated market."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jobs.simulator.instruments import INSTRUMENTS, Instrument
from jobs.simulator.order_flow import ACTIVITY_SWING, MESSAGES_PER_SECOND
from models.errors import UsageError

LONGEST_SECONDS = 3 * 366 * 86_400


@dataclass(frozen=True)
class Market:
    """What to simulate; equal settings give equal bytes.

    Attributes:
        symbols: Names of ``INSTRUMENTS``; a symbol's messages do not depend on which others are simulated.
        start_time: UTC instant of the first message, whole seconds, with time zone.
        duration_seconds: Market time to simulate, whole seconds.
        messages_per_second: Mean per symbol. All rates scale with it; far from the default 1.35 the mean is missed by
            some ten percent, because quotes follow the price in real time.
        signal_strength: 1 is learnable but noisy, 0 is a market that nothing predicts, at most 5.
        half_life_seconds: Half-life of the informed-flow state.
        seed: Any integer.

    Raises:
        UsageError: A value is outside its range or a symbol is unknown.
    """

    symbols: tuple[str, ...] = ("BTC-USD", "ETH-USD")
    start_time: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    duration_seconds: int = 370_000
    messages_per_second: float = MESSAGES_PER_SECOND
    signal_strength: float = 1.0
    half_life_seconds: float = 420.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every value."""
        unknown = [symbol for symbol in self.symbols if symbol not in INSTRUMENTS]
        if unknown or not self.symbols:
            raise UsageError(f"cannot simulate symbols {unknown}: choose from {', '.join(INSTRUMENTS)}")
        if len(set(self.symbols)) < len(self.symbols):
            raise UsageError(f"symbols {', '.join(self.symbols)} name one twice: name each once")
        if self.start_time.tzinfo is None or self.start_time.microsecond:
            raise UsageError(f"start time {self.start_time} must have a time zone and whole seconds")
        if not 1 <= self.duration_seconds <= LONGEST_SECONDS:
            raise UsageError(f"duration must be 1 to {LONGEST_SECONDS} seconds, got {self.duration_seconds}")
        if not 0.01 <= self.messages_per_second <= 10_000:
            raise UsageError(f"messages per second must be 0.01 to 10000, got {self.messages_per_second}")
        if not 0 <= self.signal_strength <= 5:
            raise UsageError(f"signal strength must be 0 to 5, got {self.signal_strength}")
        if not 1 <= self.half_life_seconds <= 86_400:
            raise UsageError(f"half-life must be 1 to 86400 seconds, got {self.half_life_seconds}")

    @property
    def start_us(self) -> int:
        """Start in microseconds since 1970."""
        return int(self.start_time.timestamp()) * 1_000_000

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols' instruments, in order."""
        return tuple(INSTRUMENTS[symbol] for symbol in self.symbols)


def expected_messages(market: Market) -> float:
    """About how many messages all symbols together send; the mean rate follows the activity of the hour."""
    day = 86_400 / (2 * math.pi)
    start_seconds = market.start_us / 1e6
    end_seconds = start_seconds + market.duration_seconds
    swing = ACTIVITY_SWING * day * (math.sin(end_seconds / day) - math.sin(start_seconds / day))
    return len(market.symbols) * market.messages_per_second * (market.duration_seconds + swing)


def last_for_messages(market: Market, n_messages: int) -> Market:
    """The market with the duration in which about ``n_messages`` messages of all symbols together arrive.

    Raises:
        UsageError: it would be too long.
    """
    shortest, longest = 1, LONGEST_SECONDS
    most = expected_messages(replace(market, duration_seconds=longest))
    if n_messages > most:
        raise UsageError(
            f"{n_messages:,} messages take too long: about {int(most):,} arrive within {longest // 86_400} days; "
            "choose more symbols or more messages per second"
        )
    while shortest < longest:
        middle = (shortest + longest) // 2
        if expected_messages(replace(market, duration_seconds=middle)) < n_messages:
            shortest = middle + 1
        else:
            longest = middle
    return replace(market, duration_seconds=shortest)
