"""The few quotes that a bar needs are those that plain Python finds, and say the same of the book."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.arrow_views import DECIMAL, INSTANT
from jobs.bars.bar_schema import SIZE
from jobs.bars.chosen_quotes import chosen_quotes
from jobs.bars.file_batches import read_batches
from jobs.bars.quote_schema import CHOSEN_SCHEMA, READ_COLUMNS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
KINDS = {
    "event_time": INSTANT,
    "epoch": pa.int64(),
    "sequence": pa.int64(),
    "is_usable": pa.bool_(),
    "order_flow": SIZE,
}
SCHEMA = pa.schema(
    [
        (
            name,
            KINDS.get(
                name,
                pa.list_(DECIMAL) if "depth" in name else DECIMAL if "bid" in name or "ask" in name else pa.string(),
            ),
        )
        for name in READ_COLUMNS
    ]
)


def units(random, most):
    return Decimal(random.randint(1, most)).scaleb(-8)


def a_quote(random, sequence):
    is_usable = random.random() < 0.6
    sides = {side: units(random, 10**18 - 1) if random.random() < 0.9 else None for side in ("bid", "ask")}
    if is_usable:
        sides = {"bid": Decimal(random.randint(90, 99)), "ask": Decimal(random.randint(101, 110))}
    quote = {
        "exchange": random.choice("xy"),
        "symbol": random.choice("AB"),
        "event_time": MIDNIGHT
        + timedelta(seconds=random.randint(-200, 200), microseconds=random.choice([0, 1, 999_999])),
        "epoch": random.choice([0, 1]),
        "sequence": sequence,
        "is_usable": is_usable,
        "order_flow": None if random.random() < 0.2 else units(random, 10**25) * random.choice([-1, 1]),
    }
    has_depth = random.random() < 0.5
    for side, price in sides.items():
        n = random.randint(0, 4)
        quote |= {
            f"{side}_price": price,
            f"{side}_size": None if price is None else units(random, 10**18 - 1),
            f"{side}_depth_prices": [Decimal(random.randint(90, 110)) for _ in range(n)] if has_depth else None,
            f"{side}_depth_sizes": [units(random, 10**18 - 1) for _ in range(n)] if has_depth else None,
        }
    for name in ("is_usable", "bid_price", "ask_size", "ask_depth_prices", "bid_depth_sizes"):
        if random.random() < 0.05:
            quote[name] = None  # a table says that these are there; a check of look-ahead makes them noise
    return quote


def tells_depth(quote):
    if quote["is_usable"]:
        return quote["bid_depth_prices"] is not None
    if quote["is_usable"] is None:
        return False
    bid, ask = quote["bid_price"], quote["ask_price"]
    return bid is not None and ask is not None and bid < ask


def order(quote):
    return quote["event_time"], quote["epoch"], quote["sequence"]


def bar(quote, seconds):
    return quote["exchange"], quote["symbol"], (quote["event_time"] - EPOCH) // timedelta(seconds=seconds)


def by_hand(quotes, seconds):
    """Sequence of each chosen quote, and the flow that it stands for."""
    bars = {}
    for quote in quotes:
        bars.setdefault(bar(quote, seconds), []).append(quote)
    chosen = {}
    for of_bar in bars.values():
        for quote in (max(of_bar, key=order), max(filter(tells_depth, of_bar), key=order, default=None)):
            if quote is not None:
                chosen.setdefault(quote["sequence"], None)
        flows = [quote["order_flow"] for quote in of_bar if quote["is_usable"] and quote["order_flow"] is not None]
        if flows:
            chosen[max(of_bar, key=order)["sequence"]] = sum(flows)
    return chosen


def batch_of(quotes):
    return pa.RecordBatch.from_pylist(quotes, schema=SCHEMA)


@pytest.mark.parametrize("seed", range(30))
def test_the_chosen_quotes_and_their_flow_are_those_found_by_hand(seed):
    random = Random(seed)
    quotes = [a_quote(random, sequence) for sequence in range(random.randint(1, 80))]
    random.shuffle(quotes)
    seconds = random.choice([1, 7, 60, 86_400])
    found = chosen_quotes(batch_of(quotes), seconds)
    assert found.schema == CHOSEN_SCHEMA
    assert {row["sequence"]: row["flow"] for row in found.to_pylist()} == by_hand(quotes, seconds)
    by_sequence = {quote["sequence"]: quote for quote in quotes}
    for row in found.to_pylist():
        assert_values(row, by_sequence[row["sequence"]])


def assert_values(row, quote):
    assert row["tells_depth"] == tells_depth(quote)
    best = ("bid_price", "bid_size", "ask_price", "ask_size")
    if not quote["is_usable"]:
        values = (*best, "mid", "microprice", "spread_bps", "bid_depth", "ask_depth", "bid_slope", "ask_slope")
        assert [row[name] for name in values] == [None] * len(values)
        return
    assert [row[name] for name in best] == [quote[name] for name in best]
    bid, bid_size, ask, ask_size = (quote[name] and Fraction(quote[name]) for name in best)
    mid = (bid + ask) / 2 if bid and ask else None
    assert row["mid"] == mid
    assert row["spread_bps"] == (mid and near((ask - bid) / mid * 10_000))
    has_all = mid and ask_size
    assert row["microprice"] == (near((bid * ask_size + ask * bid_size) / (bid_size + ask_size)) if has_all else None)
    for side in ("bid", "ask"):
        prices, sizes = quote[f"{side}_depth_prices"], quote[f"{side}_depth_sizes"]
        has_depth = prices is not None and sizes is not None
        assert row[f"{side}_depth"] == (sum(sizes, Decimal(0)) if has_depth else None)
        assert row[f"{side}_slope"] == (slope(prices, sizes, mid) if has_depth and mid else None)


def near(value):
    return pytest.approx(float(value), rel=1e-12)


def slope(prices, sizes, mid):
    distances = [abs(Fraction(price) - mid) / mid * 10_000 for price in prices]
    waiting = [sum(map(Fraction, sizes[: at + 1])) for at in range(len(sizes))]
    square = sum(distance**2 for distance in distances)
    moment = sum(distance * size for distance, size in zip(distances, waiting, strict=True))
    return near(moment / square) if square else None


def test_a_level_at_the_mid_has_no_slope():
    quote = a_quote(Random(1), 0) | {"is_usable": True, "bid_price": Decimal(9), "ask_price": Decimal(11)}
    quote |= {"bid_depth_prices": [Decimal(10)], "bid_depth_sizes": [Decimal(1)]}
    quote |= {"ask_depth_prices": [], "ask_depth_sizes": [], "bid_size": Decimal(0), "ask_size": Decimal(0)}
    (row,) = chosen_quotes(batch_of([quote]), 60).to_pylist()
    assert (row["bid_depth"], row["bid_slope"], row["ask_depth"], row["ask_slope"]) == (1, None, 0, None)
    assert (row["mid"], row["microprice"]) == (10.0, None)  # nothing waits: nothing weighs


def test_quotes_may_be_slices_and_come_from_any_version_of_parquet(tmp_path):
    random = Random(5)
    quotes = [a_quote(random, sequence) for sequence in range(50)]
    expected = chosen_quotes(batch_of(quotes[10:40]), 60)
    assert chosen_quotes(batch_of(quotes).slice(10, 30), 60) == expected
    for version, options in {
        "1": {},
        "2": {"use_dictionary": False, "column_encoding": {"symbol": "DELTA_BYTE_ARRAY"}},
    }.items():
        path = str(tmp_path / version)
        pq.write_table(pa.Table.from_batches([batch_of(quotes[10:40])]), path, **options)
        (batch,) = read_batches(path, READ_COLUMNS)
        assert pa.types.is_dictionary(batch.column("symbol").type) == (version == "1")
        assert chosen_quotes(batch, 60) == expected
