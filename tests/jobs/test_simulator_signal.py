"""What can be learned from the simulated order flow: something at the default strength, nothing at zero."""

import numpy as np
import pandas as pd
import pytest

from jobs.simulator.generator import generate
from jobs.simulator.latent import DRIFT, VOLATILITY, LatentPath
from jobs.simulator.market import Market
from jobs.simulator.messages import MATCH, SELL
from jobs.simulator.random_stream import new_stream, next_exponential, next_normal, next_uniform

DAYS = 12
HORIZON = 5  # bars of a minute


def minute_bars(market):
    """Per symbol: log of the last trade price, and trades by side, of every minute; also trade price over efficient."""
    n_bars = market.duration_seconds // 60
    buys, trades, last = (np.zeros((len(market.symbols), n_bars)) for _ in range(3))
    noise = []
    for chunk in generate(market):
        matches = chunk.messages[chunk.messages["kind"] == MATCH]
        for symbol in range(len(market.symbols)):
            own = matches[matches["symbol"] == symbol]
            bar = (own["time_us"] - market.start_us) // 60_000_000
            np.add.at(trades[symbol], bar, 1)
            np.add.at(buys[symbol], bar, own["side"] == SELL)  # a maker who sells meets a taker who buys
            last[symbol, bar] = np.log(own["price"] / 1e8)
            noise.append(
                np.log(own["price"] / 1e8) - chunk.log_prices[symbol, (own["time_us"] - chunk.first_us) // 10**6]
            )
    last = pd.DataFrame(last).replace(0.0, np.nan).ffill(axis=1).to_numpy()
    return buys, trades, last, np.concatenate(noise)


def design(buys, trades, last):
    """Trade imbalance of the last 1, 2, 5 and 10 minutes, past returns of 1 and 5, and the return 5 minutes ahead."""
    frame = pd.DataFrame({"signed": 2 * buys - trades, "trades": trades, "last": last})
    columns = {"constant": pd.Series(1.0, frame.index)}
    for n in (1, 2, 5, 10):
        columns[f"imbalance_{n}"] = frame["signed"].rolling(n).sum() / frame["trades"].rolling(n).sum().clip(lower=1)
    for n in (1, 5):
        columns[f"return_{n}"] = 1e3 * frame["last"].diff(n)
    columns["ahead"] = frame["last"].shift(-HORIZON) - frame["last"]
    return pd.DataFrame(columns)


def out_of_sample(bars, features):
    """R² against predicting zero on the last 40 % of time, and its t-value with Newey and West's (1987) variance."""
    train, test = [], []
    for buys, trades, last in zip(*bars[:3], strict=True):
        rows = design(buys, trades, last)
        cut = int(0.6 * len(rows))
        train.append(rows.iloc[: cut - HORIZON].dropna())
        test.append(rows.iloc[cut:].dropna())
    names = ["constant", *features]
    known = pd.concat(train)
    weights = np.linalg.lstsq(known[names].to_numpy(), known["ahead"].to_numpy(), rcond=None)[0]
    actual = np.concatenate([rows["ahead"] for rows in test])
    gains = [rows["ahead"] ** 2 - (rows["ahead"] - rows[names] @ weights) ** 2 for rows in test]
    gain = np.concatenate(gains)
    return gain.sum() / (actual**2).sum(), gain.mean() / newey_west_error(gain, 2 * HORIZON)


def newey_west_error(values, n_lags):
    """Standard error of a mean of autocorrelated values."""
    centered = values - values.mean()
    variance = (centered**2).mean()
    for lag in range(1, n_lags + 1):
        variance += 2 * (1 - lag / (n_lags + 1)) * (centered[lag:] * centered[:-lag]).mean()
    return np.sqrt(variance / len(values))


IMBALANCE = [f"imbalance_{n}" for n in (1, 2, 5, 10)]
RETURNS = ["return_1", "return_5"]


@pytest.fixture(scope="module")
def learnable():
    return minute_bars(Market(duration_seconds=DAYS * 86_400, seed=1))


@pytest.fixture(scope="module")
def unlearnable():
    return minute_bars(Market(duration_seconds=DAYS * 86_400, seed=1, signal_strength=0.0))


def test_trade_imbalance_predicts_the_return_five_minutes_ahead(learnable):
    r_squared, t_value = out_of_sample(learnable, IMBALANCE)
    assert 0.05 < r_squared < 0.15
    assert t_value > 4


@pytest.mark.parametrize("features", [IMBALANCE, RETURNS, IMBALANCE + RETURNS])
def test_nothing_predicts_without_signal(unlearnable, features):
    r_squared, t_value = out_of_sample(unlearnable, features)
    assert r_squared < 0.003
    assert t_value < 2


def test_bid_ask_bounce_is_negligible_against_five_minute_volatility(unlearnable):
    noise = unlearnable[3]
    assert noise.var() < 0.01 * 300 * VOLATILITY**2


def test_prices_stay_within_a_plausible_range(learnable):
    last = learnable[2]
    assert np.isfinite(last).all()
    assert np.abs(np.diff(last, axis=1)).max() < 10 * np.sqrt(60 + 5 * 60) * VOLATILITY


def test_the_state_has_mean_zero_variance_one_and_the_asked_half_life():
    path = LatentPath(100.0, 1.0, half_life_seconds=420.0, stream=new_stream("test"))
    states, _ = path.advance(4_000_000)  # about 3,300 independent values: a standard error of 0.025
    assert states.mean() == pytest.approx(0, abs=0.1)
    assert states.var() == pytest.approx(1, abs=0.1)
    assert np.mean(states[:-420] * states[420:]) == pytest.approx(0.5, abs=0.1)


def test_the_efficient_price_drifts_with_the_state_by_the_formula():
    path = LatentPath(100.0, 2.0, half_life_seconds=420.0, stream=new_stream("test"))
    states, log_prices = path.advance(1_000_000)
    returns = np.diff(log_prices)
    assert log_prices[0] == pytest.approx(np.log(100.0))
    drift = (states[:-1] @ returns) / (states[:-1] @ states[:-1])
    assert drift == pytest.approx(2 * DRIFT, abs=4 * VOLATILITY / 1_000_000**0.5)
    assert (returns - drift * states[:-1]).std() == pytest.approx(VOLATILITY, rel=0.01)


def test_without_signal_the_efficient_price_is_independent_of_state_and_flow():
    path = LatentPath(100.0, 0.0, half_life_seconds=420.0, stream=new_stream("test"))
    states, log_prices = path.advance(1_000_000)
    returns = np.diff(log_prices)
    assert abs(np.corrcoef(states[:-1], returns)[0, 1]) < 4 / 1000
    assert abs(np.corrcoef(returns[:-1], returns[1:])[0, 1]) < 4 / 1000


def test_the_random_stream_draws_the_distributions_it_names():
    stream = new_stream("test")
    draws = {
        draw: np.array([draw(stream) for draw in [draw] * 100_000])
        for draw in (next_uniform, next_exponential, next_normal)
    }
    for draw, mean, variance in ((next_uniform, 1 / 2, 1 / 12), (next_exponential, 1, 1), (next_normal, 0, 1)):
        assert draws[draw].mean() == pytest.approx(mean, abs=0.02)
        assert draws[draw].var() == pytest.approx(variance, abs=0.04)


def test_splitmix_equals_its_published_reference_values():
    """First outputs for seed 1234567, from https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64."""
    stream = np.array([1234567], dtype=np.uint64)
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    for number in published:
        assert next_uniform(stream) == ((number >> 11) + 0.5) / 2**53
