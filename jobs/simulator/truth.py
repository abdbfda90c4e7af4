"""What really happened in a simulated market: the oracle for tests, never part of the feed's files unless asked for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.simulator.generator import Chunk, generate
from jobs.simulator.instruments import UNITS
from jobs.simulator.market import Market
from jobs.simulator.messages import MATCH, SELL


@dataclass(frozen=True)
class Truth:
    """The market's own record. Times are UTC, prices and sizes float64; ``*_units`` are exact integers of 1e-8.

    Attributes:
        trades: One row a match: symbol, sequence, trade_id, trade_time, price, size, taker_side, price_units,
            size_units.
        quotes: One row a message: symbol, sequence, event_time, best_bid, best_ask after it; NaN where a side is empty.
        latent: One row a symbol and second: symbol, time, state, efficient_price; they hold until the next second.
    """

    trades: pd.DataFrame
    quotes: pd.DataFrame
    latent: pd.DataFrame


def market_truth(market: Market) -> Truth:
    """Play the market without writing it; the same settings give the same messages as ``simulate``."""
    chunks = list(generate(market))
    return Truth(
        trades=pd.concat([_trades(market, chunk) for chunk in chunks], ignore_index=True),
        quotes=pd.concat([_quotes(market, chunk) for chunk in chunks], ignore_index=True),
        latent=pd.concat([latent_table(market, chunk) for chunk in chunks], ignore_index=True),
    )


def _symbols(market: Market, messages: np.ndarray) -> np.ndarray:
    return np.array(market.symbols, dtype=object)[messages["symbol"]]


def _instants(time_us: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(time_us.astype("datetime64[us]"), tz="UTC")


def _trades(market: Market, chunk: Chunk) -> pd.DataFrame:
    matches = chunk.messages[chunk.messages["kind"] == MATCH]
    return pd.DataFrame(
        {
            "symbol": _symbols(market, matches),
            "sequence": matches["sequence"],
            "trade_id": matches["trade_id"],
            "trade_time": _instants(matches["time_us"]),
            "price": matches["price"] / UNITS,
            "size": matches["size"] / UNITS,
            "taker_side": np.where(matches["side"] == SELL, "buy", "sell"),
            "price_units": matches["price"],
            "size_units": matches["size"],
        }
    )


def _quotes(market: Market, chunk: Chunk) -> pd.DataFrame:
    messages = chunk.messages
    quotes = {"symbol": _symbols(market, messages), "sequence": messages["sequence"]}
    quotes["event_time"] = _instants(messages["time_us"])
    for name in ("best_bid", "best_ask"):
        price = messages[name]
        quotes[name] = np.where(price > 0, price / UNITS, np.nan)
    return pd.DataFrame(quotes)


def latent_table(market: Market, chunk: Chunk) -> pd.DataFrame:
    """Informed-flow state and efficient price of a chunk, see ``Truth.latent``."""
    seconds = _instants(chunk.first_us + 1_000_000 * np.arange(chunk.n_seconds))
    return pd.concat(
        [
            pd.DataFrame({"symbol": symbol, "time": seconds, "state": states, "efficient_price": np.exp(log_prices)})
            for symbol, states, log_prices in zip(market.symbols, chunk.states, chunk.log_prices, strict=True)
        ],
        ignore_index=True,
    )
