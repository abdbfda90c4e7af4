"""The book rebuilt from recordings, against what the exchange itself showed, and from a simulated market's orders."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from book_reference import ReferenceBook

from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions, BookReplay
from jobs.readers.file_reader import FileTask, read_file
from jobs.simulator.coinbase_format import CoinbaseFormat
from jobs.simulator.generator import generate
from jobs.simulator.instruments import INSTRUMENTS
from jobs.simulator.market import Market
from jobs.simulator.truth import market_truth
from jobs.sources import Source

NOW_US = 4_000_000_000_000_000
HALF_HOUR_US = 1_800_000_000


def orders_of(path, source):
    """Rows of ``orders`` of a file, by symbol, in their order."""
    task = FileTask(file_index=0, path=str(path), n_bytes=path.stat().st_size)
    lines = pa.Table.from_batches(list(read_file(task, source, NOW_US)))
    orders = lines.filter(pc.equal(lines["kind"], "event")).sort_by(
        [("symbol", "ascending"), ("sequence", "ascending")]
    )
    symbols = orders["symbol"].unique().to_pylist()
    return {symbol: orders.filter(pc.equal(orders["symbol"], symbol)).select(EVENT_COLUMNS) for symbol in symbols}


def bitstamp(recordings):
    path = recordings / "l3_bitstamp" / "bitstamp_btcusd_2015-05-01_0000-0300Z.log.gz"
    source = Source(path=str(path), format="bitstamp_log", exchange="bitstamp", symbol="BTC-USD")
    return orders_of(path, source)["BTC-USD"]


def coinbase(recordings):
    path = recordings / "l3_coinbase_full" / "coinbase_full_2018-03-25T0000Z_60s.jsonl.gz"
    return orders_of(path, Source(path=str(path), format="coinbase_full", exchange="coinbase"))


def replayed(book, orders):
    batches = [quotes for batch in orders.combine_chunks().to_batches() for quotes in book.replay(batch)]
    return pa.Table.from_batches(batches)


def rows_of(quotes):
    return [row | {"event_time": round(row["event_time"].timestamp() * 1e6)} for row in quotes.to_pylist()]


def plain_rows(orders, **options):
    plain, rows = ReferenceBook(**options), []
    for event in orders.to_pylist():
        rows.append(plain.apply(event | {"event_time": round(event["event_time"].timestamp() * 1e6)}))
    return [row for row in rows if row is not None]


def test_the_best_prices_are_those_of_bitstamps_own_order_book(recordings):
    orders = bitstamp(recordings)
    times = orders["event_time"].cast(pa.int64()).to_numpy()
    split = int(np.searchsorted(times, times[0] + HALF_HOUR_US))
    book = BookReplay(BookOptions(is_contiguous=False))
    replayed(book, orders.slice(0, split))
    early = book.counts
    replayed(book, orders.slice(split))
    n = book.counts.n_snapshots - early.n_snapshots, early.n_snapshots
    n_agreed = book.counts.n_snapshots_agreed - early.n_snapshots_agreed, early.n_snapshots_agreed
    print(f"\nfirst half hour {n_agreed[1]} of {n[1]} snapshots agree, later {n_agreed[0]} of {n[0]}")
    assert sum(n) == 3249  # of which the first finds an empty book
    assert n_agreed[1] / n[1] >= 0.975
    assert n_agreed[0] / n[0] >= 0.998
    assert book.counts.n_contradictions == 0


def test_every_column_of_the_recordings_is_that_of_the_plain_book(recordings):
    orders = bitstamp(recordings).slice(0, 6000)
    quotes = replayed(BookReplay(BookOptions(is_contiguous=False)), orders)
    assert rows_of(quotes) == plain_rows(orders, is_contiguous=False)
    for symbol, symbol_orders in coinbase(recordings).items():
        book = BookReplay(BookOptions(depth_seconds=1))
        assert rows_of(replayed(book, symbol_orders)) == plain_rows(symbol_orders, depth_us=1_000_000), symbol


def test_a_minute_of_coinbase_has_no_contradiction_and_never_crosses(recordings):
    orders = coinbase(recordings)
    assert set(orders) == {"BTC-USD", "ETH-BTC", "BTC-EUR"}
    for symbol, symbol_orders in orders.items():
        book = BookReplay(BookOptions())
        quotes = replayed(book, symbol_orders)
        assert (book.counts.n_gaps, book.counts.n_contradictions) == (0, 0), symbol
        assert not any(quotes["is_crossed"].to_pylist()), symbol  # an order that is known is really there
        assert not any(quotes["is_usable"].to_pylist()), symbol  # a minute without a seed shows too little of the book


def test_the_book_of_a_simulated_market_has_the_best_prices_of_its_oracle(tmp_path):
    market = Market(symbols=tuple(INSTRUMENTS)[:2], duration_seconds=3600, seed=5)
    truth = market_truth(market).quotes
    lines = CoinbaseFormat(market.symbols, market.seed, market.start_us)
    path = tmp_path / "simulated.jsonl"
    path.write_bytes(b"".join(bytes(lines.lines(chunk.messages)) for chunk in generate(market)))
    orders = orders_of(path, Source(path=str(path), format="coinbase_full", exchange="simulated"))
    for symbol in market.symbols:
        book = BookReplay(BookOptions(warm_seconds=0))
        quotes = replayed(book, orders[symbol])
        expected = truth[truth["symbol"] == symbol]
        held = np.searchsorted(quotes["sequence"].to_numpy(), expected["sequence"].to_numpy(), side="right") - 1
        for ours, theirs in (("bid_price", "best_bid"), ("ask_price", "best_ask")):
            prices = np.array([np.nan if price is None else float(price) for price in quotes[ours].to_pylist()])
            np.testing.assert_array_equal(prices[held], expected[theirs].to_numpy(), err_msg=f"{symbol} {ours}")
        counts = book.counts
        assert (counts.n_unknown, counts.n_contradictions, counts.n_gaps) == (0, 0, 0)
        assert counts.n_events == len(expected) > 3_000


def test_no_event_of_a_simulated_market_may_be_lost_unnoticed(tmp_path):
    market = Market(symbols=("BTC-USD",), duration_seconds=120, seed=6)
    lines = CoinbaseFormat(market.symbols, market.seed, market.start_us)
    path = tmp_path / "simulated.jsonl"
    path.write_bytes(b"".join(bytes(lines.lines(chunk.messages)) for chunk in generate(market)))
    orders = orders_of(path, Source(path=str(path), format="coinbase_full", exchange="simulated"))["BTC-USD"]
    for lost in range(1, orders.num_rows - 1):
        kept = pa.concat_tables([orders.slice(lost - 1, 1), orders.slice(lost + 1, 1)])
        book = BookReplay(BookOptions())
        assert replayed(book, kept)["state"].to_pylist()[-1] == "invalid_after_gap"
        assert book.counts.n_gaps == 1
