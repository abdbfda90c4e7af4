"""Who sends which order when: Poisson limit orders, market orders and cancels around the efficient price v.

Limit orders and market orders arrive at constant rates, and each resting order is canceled at a constant rate
(Smith, Farmer, Gillemot and Krishnamurthy 2003, "Statistical theory of the continuous double auction"; Cont, Stoikov
and Talreja 2010, "A stochastic model for order book dynamics"). All rates follow a mild U over the UTC day.

* A limit order is placed at the relative distance d from v, outside of it: d = MIN_DISTANCE + a power-law tail.
* An aggressive order buys with probability 1 / (1 + exp(-2 * strength * SIDE_BIAS * x)), x the informed-flow state of
  ``latent.py``. A quarter of them are limit orders through the best price, the others market orders.
* Liquidity providers watch v: a quote that v has passed is withdrawn before anything else happens, and before an
  aggressive order a quote not farther than MAX_DISTANCE from v exists. So trades happen at v plus a noise that is
  small against the volatility of a minute, and at strength 0 nothing of the past predicts a return.
* All but one in twenty aggressive orders take at most what the best order offers (Farmer, Gillemot, Lillo, Mike and
  Sen 2004, "What really causes large price changes?").
* One cancel in twenty only reduces the order (message ``change``).
"""

import math
from typing import NamedTuple

from jobs.simulator.book_kernel import (
    CLOCK_US,
    N_ASKS,
    N_BIDS,
    NEXT_US,
    ORDERS,
    SECOND_END_US,
    SIZE,
    best_price,
    cancel,
    shrink,
    submit_limit,
    submit_market,
)
from jobs.simulator.messages import BUY, SELL
from jobs.simulator.random_stream import next_exponential, next_normal, next_uniform
from models.compiled import kernel, part

MESSAGES_PER_SECOND = 1.35  # what the rates below produce, measured over 20 days
AGGRESSIVE_RATE = 0.14  # orders a second that want to trade at once
LIMIT_RATE = 0.2  # orders a second that want to wait
CANCEL_RATE = 1 / 300  # a second and resting order
SIDE_BIAS = 0.6
MIN_DISTANCE = 0.3e-4
MAX_DISTANCE = 1.0e-4
TAIL_SCALE = 6.0e-4
TAIL_EXPONENT = 1.5
FARTHEST = 100e-4
AGGRESSIVE_SIZE = 0.35  # median against that of limit orders
SWEEP_PROBABILITY = 0.05  # of taking more than the best order offers
SIZE_SPREAD = 0.8  # standard deviation of log size
SIZE_STEP = 100  # units of 1e-8
SEED_ORDERS = 20  # orders a side that open the book
ACTIVITY_SWING = 0.25  # busier at midnight UTC and quieter at noon by this share
EVENT_ROOM = 4096  # more messages than one event can cause
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


class FlowParameters(NamedTuple):
    """What differs between symbols and runs: speed (1 = the rates above), strength, tick and median size in 1e-8."""

    speed: float
    signal_strength: float
    tick: int
    median_size: float


@part
def _draw_size(stream, median):  # type: ignore[no-untyped-def]
    size = int(median * math.exp(SIZE_SPREAD * next_normal(stream)) / SIZE_STEP) * SIZE_STEP
    return max(size, SIZE_STEP)


@part
def _price_at(flow, efficient, side, distance):  # type: ignore[no-untyped-def]
    # Rounded away from the efficient price, so an order never crosses it.
    if side == BUY:
        return max(math.floor(efficient * (1.0 - distance) / flow.tick), 1) * flow.tick
    return math.ceil(efficient * (1.0 + distance) / flow.tick) * flow.tick


@part
def _tick_clock(counters, stream):  # type: ignore[no-untyped-def]
    # Reactions take microseconds and stay inside their second.
    later = counters[CLOCK_US] + 1 + int(300 * next_uniform(stream))
    counters[CLOCK_US] = max(counters[CLOCK_US], min(later, counters[SECOND_END_US]))


@part
def _withdraw_passed_quotes(out, n, counters, book, efficient, stream):  # type: ignore[no-untyped-def]
    for side in (BUY, SELL):
        sign = 1 - 2 * side
        while counters[N_BIDS + side] > 0 and sign * best_price(book, counters, side) > sign * efficient:
            n = cancel(out, n, counters, book, side, counters[N_BIDS + side] - 1)
            _tick_clock(counters, stream)
    return n


@part
def _place(flow, out, n, counters, book, efficient, stream, side):  # type: ignore[no-untyped-def]
    tail = TAIL_SCALE * (next_uniform(stream) ** (-1.0 / TAIL_EXPONENT) - 1.0)
    price = _price_at(flow, efficient, side, min(MIN_DISTANCE + tail, FARTHEST))
    return submit_limit(out, n, counters, book, side, price, _draw_size(stream, flow.median_size))


@part
def _quote(flow, out, n, counters, book, efficient, stream, side):  # type: ignore[no-untyped-def]
    # A liquidity provider makes sure that the side has a quote near the efficient price.
    if counters[N_BIDS + side] > 0:
        distance = abs(best_price(book, counters, side) / efficient - 1.0)
        if distance <= max(MAX_DISTANCE, flow.tick / efficient):
            return n
    distance = MIN_DISTANCE + (MAX_DISTANCE - MIN_DISTANCE) * next_uniform(stream)
    price = _price_at(flow, efficient, side, distance)
    n = submit_limit(out, n, counters, book, side, price, _draw_size(stream, flow.median_size))
    _tick_clock(counters, stream)
    return n


@part
def _trade(flow, out, n, counters, book, efficient, state, stream):  # type: ignore[no-untyped-def]
    buy_probability = 1.0 / (1.0 + math.exp(-2.0 * flow.signal_strength * SIDE_BIAS * state))
    side = BUY if next_uniform(stream) < buy_probability else SELL
    n = _quote(flow, out, n, counters, book, efficient, stream, 1 - side)
    size = _draw_size(stream, AGGRESSIVE_SIZE * flow.median_size)
    if next_uniform(stream) >= SWEEP_PROBABILITY:
        size = min(size, book[1 - side, counters[N_BIDS + 1 - side] - 1, SIZE])
    if next_uniform(stream) < 0.75:
        return submit_market(out, n, counters, book, side, size)
    through = flow.tick * int(3.0 * next_uniform(stream))
    price = max(best_price(book, counters, 1 - side) + (1 - 2 * side) * through, flow.tick)
    return submit_limit(out, n, counters, book, side, price, size)


@part
def _withdraw_any(out, n, counters, book, stream):  # type: ignore[no-untyped-def]
    row = int((counters[N_BIDS] + counters[N_ASKS]) * next_uniform(stream))
    side = BUY
    if row >= counters[N_BIDS]:
        row -= counters[N_BIDS]
        side = SELL
    half = book[side, row, SIZE] // (2 * SIZE_STEP) * SIZE_STEP
    if next_uniform(stream) < 0.05 and half > 0:
        return shrink(out, n, counters, book, side, row, half)
    return cancel(out, n, counters, book, side, row)


@part
def _total_rate(flow, counters):  # type: ignore[no-untyped-def]
    activity = 1.0 + ACTIVITY_SWING * math.cos(2.0 * math.pi * (counters[CLOCK_US] % DAY_US) / DAY_US)
    resting = counters[N_BIDS] + counters[N_ASKS]
    return flow.speed * activity, AGGRESSIVE_RATE + LIMIT_RATE + CANCEL_RATE * resting


@kernel
def advance_flow(flow, first_us, states, log_prices, counters, book, stream, out):  # type: ignore[no-untyped-def]
    """Play the seconds from ``first_us`` on and write their messages.

    Args:
        flow: FlowParameters.
        first_us: Start of the first second, microseconds since 1970.
        states: Informed-flow state per second, float64.
        log_prices: Log efficient price per second, float64.
        counters: Carried on from call to call, see ``book_kernel``.
        book: Carried on, see ``book_kernel``.
        stream: Random stream, carried on.
        out: MESSAGE records to fill.

    Returns:
        Messages written. Not all seconds are done while ``counters[NEXT_US]`` is before their end: ``out`` was full.
    """
    n = 0
    end_us = first_us + len(states) * SECOND_US
    if counters[ORDERS] == 0:
        counters[CLOCK_US] = first_us
        for _ in range(SEED_ORDERS):
            for side in (BUY, SELL):
                efficient = math.exp(log_prices[0]) * 1e8
                n = _place(flow, out, n, counters, book, efficient, stream, side)
    while counters[NEXT_US] < end_us and n + EVENT_ROOM <= len(out):
        second = (counters[NEXT_US] - first_us) // SECOND_US
        counters[CLOCK_US] = counters[NEXT_US]
        counters[SECOND_END_US] = first_us + (second + 1) * SECOND_US - 1
        efficient = math.exp(log_prices[second]) * 1e8
        n = _withdraw_passed_quotes(out, n, counters, book, efficient, stream)
        speed, rate = _total_rate(flow, counters)
        kind = rate * next_uniform(stream)
        if kind < AGGRESSIVE_RATE:
            n = _trade(flow, out, n, counters, book, efficient, states[second], stream)
        elif kind < AGGRESSIVE_RATE + LIMIT_RATE or counters[N_BIDS] + counters[N_ASKS] == 0:
            side = BUY if next_uniform(stream) < 0.5 else SELL
            n = _place(flow, out, n, counters, book, efficient, stream, side)
        else:
            n = _withdraw_any(out, n, counters, book, stream)
        speed, rate = _total_rate(flow, counters)
        wait_us = int(SECOND_US * next_exponential(stream) / (speed * rate))
        counters[NEXT_US] = max(counters[NEXT_US] + wait_us, counters[CLOCK_US])
    return n
