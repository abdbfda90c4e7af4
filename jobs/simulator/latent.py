"""The hidden part of the market: informed-flow state and efficient price, one value a second.

With half-life H seconds, phi = 2**(-1 / H), and independent standard normal e, u:

    x[t+1] = phi * x[t] + sqrt(1 - phi**2) * e           stationary, mean 0, variance 1
    log v[t+1] = log v[t] + strength * DRIFT * x[t] + VOLATILITY * u

x is the direction in which informed traders are working large orders off in pieces. They buy before the price has
risen (Kyle 1985, "Continuous auctions and insider trading"); the pieces make the side of trades persistent (Lillo and
Farmer 2004, "The long memory of the efficient market"); so order-flow imbalance goes with the price (Cont, Kukanov
and Stoikov 2014, "The price impact of order book events"). Because x decays slowly, imbalance of the past minutes,
which reveals x with noise, predicts later returns. At strength 0 the efficient price is a martingale and independent
of all order flow.
"""

import math
from typing import Any

import numpy as np

from jobs.simulator.random_stream import next_normal
from models.compiled import kernel

VOLATILITY = 1.07e-4  # per square root of a second: 18.5 bp in 5 minutes, about 60 % a year
DRIFT = 3.4e-6  # per second at x = 1 and strength 1: explains about 16 % of the variance of a 5-minute return


@kernel
def _advance_latent(n_seconds, persistence, drift, volatility, stream, state, log_price):  # type: ignore[no-untyped-def]
    states = np.empty(n_seconds)
    log_prices = np.empty(n_seconds)
    innovation = math.sqrt(1.0 - persistence * persistence)
    for second in range(n_seconds):
        states[second] = state
        log_prices[second] = log_price
        log_price += drift * state + volatility * next_normal(stream)
        state = persistence * state + innovation * next_normal(stream)
    return states, log_prices, state, log_price


class LatentPath:
    """State and log efficient price of one symbol, produced piece by piece.

    Args:
        start_price: Efficient price at the first second, quote currency.
        signal_strength: Multiplies the drift; 0 makes the efficient price a martingale.
        half_life_seconds: Half-life of the state.
        stream: Random stream (uint64[1]) that only this path draws from.
    """

    def __init__(self, start_price: float, signal_strength: float, half_life_seconds: float, stream: np.ndarray):
        """Draw the first state from its stationary distribution."""
        self._persistence = 2.0 ** (-1.0 / half_life_seconds)
        self._drift = signal_strength * DRIFT
        self._stream = stream
        self._state: Any = _stationary_state(stream)
        self._log_price: Any = math.log(start_price)

    def advance(self, n_seconds: int) -> tuple[np.ndarray, np.ndarray]:
        """Return state and log efficient price (float64[n_seconds] each) of the next seconds."""
        states, log_prices, self._state, self._log_price = _advance_latent(
            n_seconds, self._persistence, self._drift, VOLATILITY, self._stream, self._state, self._log_price
        )
        return states, log_prices


@kernel
def _stationary_state(stream):  # type: ignore[no-untyped-def]
    return next_normal(stream)
