"""Recordings of websockets, of level 2 and of LOBSTER: what each line became, and the book against the exchange's own."""

import gzip
import json
from collections import Counter
from decimal import Decimal
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sortedcontainers import SortedDict

from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions, BookReplay
from jobs.readers.file_reader import FileTask, read_file
from jobs.sources import Source

NOW_US = 4_000_000_000_000_000
OPTIONS = BookOptions(is_contiguous=False, depth_seconds=0)
COINBASE = "ws_coinbase/coinbase_exchange_ws_2026-07-07T2258Z_btc-eth_60s.ndjson.gz"
BINANCE = "ws_binance/binance_spot_btcusdt_2024080{}.gz"
LOBSTER = "lobster/AAPL_2012-06-21_34200000_57600000_{}_10_first999.csv"
BEST = (("bids", -1), ("asks", 0))
GDAX_MAPPING = """
file_name: 'gdax_(?P<product>[a-z]+-[a-z]+)_(?P<date>[0-9-]{10})_(?P<part>snapshot_bids|snapshot_asks|l2update_[0-9]+)\\.csv\\.gz'
epoch: date
sequence: {parts: [snapshot_bids, snapshot_asks, 'l2update_[0-9]+']}
fields: {event_time: time, price: price, size: {column: size, decimals: 8}, side: side}
cases: {column: part, values: %s}
"""
GDAX_CASES = {
    "snapshot_bids": {"event": {"constant": "snapshot"}, "event_time": {"constant": "2018-04-24T03:52:17.201Z"}},
    **{f"l2update_{n}": {"event": {"constant": "update"}} for n in range(1, 5)},
}
GDAX_CASES["snapshot_asks"] = GDAX_CASES["snapshot_bids"]


def lines_of(path, format_, **facts):
    """Rows of ``READ_SCHEMA`` of a file."""
    source = Source(path=str(path), format=format_, exchange="venue", **facts)
    task = FileTask(file_index=0, path=str(path), n_bytes=path.stat().st_size)
    return pa.Table.from_batches(list(read_file(task, source, NOW_US, source.load_mapping())))


def events_of(*tables):
    """Events of files, by symbol, in their sequence."""
    events = pa.concat_tables(tables)
    events = events.filter(pc.equal(events["kind"], "event")).sort_by("sequence")
    symbols = events["symbol"].unique().to_pylist()
    return {symbol: events.filter(pc.equal(events["symbol"], symbol)) for symbol in symbols}


def outcomes(table):
    """Number of lines by event, or by code where refused."""
    kinds, events, codes = (table[name].to_pylist() for name in ("kind", "event", "code"))
    return Counter(code or event for kind, event, code in zip(kinds, events, codes, strict=True) if kind != "report")


def replay(events, options=OPTIONS):
    book = BookReplay(options)
    batches = events.select(EVENT_COLUMNS).combine_chunks().to_batches()
    return book, pa.Table.from_batches([quotes for batch in batches for quotes in book.replay(batch)])


def plain_book(messages, sides_of):
    """Best bid and ask with sizes after each message, by sorted dictionaries: nothing of ours."""
    book = {"bids": SortedDict(), "asks": SortedDict()}
    for message in messages:
        is_whole, sides = sides_of(message)
        for side, levels in sides.items():
            if is_whole:
                book[side].clear()
            for price, size in levels:
                book[side][Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del book[side][Decimal(price)]
        best_bid, best_ask = (book[side].peekitem(at) if book[side] else (None, None) for side, at in BEST)
        yield *best_bid, *best_ask


def bests(quotes):
    columns = (quotes[name].to_pylist() for name in ("bid_price", "bid_size", "ask_price", "ask_size"))
    return list(zip(*columns, strict=True))


def without_repetition(rows):
    rows = list(rows)
    return [row for at, row in enumerate(rows) if at == 0 or row != rows[at - 1]]


def coinbase_sides(message):
    if message["type"] == "snapshot":
        return True, {"bids": message["bids"], "asks": message["asks"]}
    names = {"buy": "bids", "sell": "asks"}
    return False, {name: [c[1:] for c in message["changes"] if names[c[0]] == name] for name in ("bids", "asks")}


def test_coinbase_level_2_is_the_book_of_dictionaries(recordings):
    table = lines_of(recordings / COINBASE, "coinbase_websocket")
    assert outcomes(table) == {"update": 1898, "match": 435, "snapshot": 2, "NOT_AN_ORDER_EVENT": 121}
    with gzip.open(recordings / COINBASE, "rt") as lines:
        messages = [m for m in map(json.loads, lines) if m["type"] in ("snapshot", "l2update")]
    for symbol, events in events_of(table).items():
        book, quotes = replay(events)
        expected = plain_book((m for m in messages if m["product_id"] == symbol), coinbase_sides)
        assert bests(quotes) == without_repetition(expected)
        assert set(quotes["state"].to_pylist()) == {"valid"}
        assert not any(quotes["is_crossed"].to_pylist())
        assert (book.counts.n_unknown, book.counts.n_contradictions, book.counts.n_gaps) == (0, 0, 0)


def test_trades_of_coinbase_keep_their_maker(recordings):
    events = events_of(lines_of(recordings / COINBASE, "coinbase_websocket"))["BTC-USD"]
    trade = events.filter(pc.equal(events["trade_id"], 1052119289)).to_pylist()[0]
    assert (trade["price"], trade["size"], trade["side"]) == (Decimal("63514.6"), Decimal("0.2"), "sell")
    assert trade["maker_order_id"] == "15bc13f2-e38c-4693-8c0b-e8c6152b9c1d"
    assert trade["event_time"].isoformat() == "2026-07-07T22:58:17.164892+00:00"


def binance_messages(recordings):
    for day in (8, 9):
        with gzip.open(recordings / BINANCE.format(day), "rt") as lines:
            for line in lines:
                received_ns, _, text = line.partition(" ")
                message = json.loads(text)
                yield int(received_ns), message.get("data", message)


@pytest.fixture(scope="module")
def binance(recordings):
    """Lines of both files, their events, and the book."""
    tables = [lines_of(recordings / BINANCE.format(day), "binance_websocket") for day in (8, 9)]
    events = events_of(*tables)["BTCUSDT"]
    return tables, events, *replay(events)


def test_both_files_of_binance_are_one_recording(binance):
    tables, events, book, _ = binance
    found = sum(map(outcomes, tables), Counter())
    assert found == {"update": 6495, "match": 19904, "snapshot": 1, "NOT_AN_ORDER_EVENT": 73174}
    assert set(events["epoch"].to_pylist()) == {0}
    assert (book.counts.n_gaps, book.counts.n_contradictions, book.counts.n_snapshots) == (0, 0, 1)


def test_the_best_prices_of_binance_are_those_of_its_own_ticker(recordings, binance):
    """``bookTicker`` tells the best prices with the number of the update after which they hold."""
    messages = list(binance_messages(recordings))
    ticker = {m["u"]: (m["b"], m["B"], m["a"], m["A"]) for _, m in messages if "B" in m}
    last_update = {ns: m["u"] for ns, m in messages if m.get("e") == "depthUpdate"}
    _, events, _, quotes = binance
    held = iter(zip(quotes["sequence"].to_pylist(), quotes["state"].to_pylist(), bests(quotes), strict=True))
    n_same, n_compared, now, then = 0, 0, None, next(held)
    for sequence in events["sequence"].to_pylist():
        while then is not None and then[0] <= sequence:
            now, then = then, next(held, None)
        shown = ticker.get(last_update.get(sequence))
        if shown and now[1] == "valid":
            n_compared += 1
            n_same += now[2] == tuple(map(Decimal, shown))
    print(f"\n{n_same} of {n_compared} best bids and asks with sizes are those of bookTicker")
    assert n_compared > 500
    assert n_same == n_compared


def test_a_recording_that_lacks_an_update_says_so_from_there_on(recordings, tmp_path):
    with gzip.open(recordings / BINANCE.format(8), "rt") as lines:
        kept = [line for line in islice(lines, 8_000) if "bookTicker" not in line]
    n_updates = [at for at, line in enumerate(kept) if "depthUpdate" in line]
    for lost in (n_updates[100], n_updates[300], n_updates[-2]):
        path = tmp_path / "capture.txt"
        path.write_text("".join(line for at, line in enumerate(kept) if at != lost))
        book, quotes = replay(events_of(lines_of(path, "binance_websocket"))["BTCUSDT"])
        assert book.counts.n_gaps == 1
        assert quotes["state"][-1].as_py() == "invalid_after_gap"


def test_lobster_agrees_with_its_own_books(recordings):
    """The book of the messages alone is compared with each row of the book file before that is put into it."""
    messages, books = (lines_of(recordings / LOBSTER.format(name), "lobster") for name in ("message", "orderbook"))
    assert outcomes(messages) == {"open": 470, "done": 369, "match": 159}  # the last line has no newline: pending
    assert outcomes(books) == {"snapshot": 998}
    book, quotes = replay(events_of(messages, books)["AAPL"])
    counts = book.counts
    print(f"\n{counts.n_snapshots_agreed} of {counts.n_snapshots} books of LOBSTER have our best prices and sizes")
    assert counts.n_snapshots_agreed / counts.n_snapshots > 0.95
    with (recordings / LOBSTER.format("orderbook")).open() as rows:
        last = rows.readlines()[997].split(",")
    expected = [Decimal(value) / 10_000 for value in (last[2], last[0])]
    assert [quotes["bid_price"][-1].as_py(), quotes["ask_price"][-1].as_py()] == expected
    assert [quotes["bid_size"][-1].as_py(), quotes["ask_size"][-1].as_py()] == [Decimal(last[3]), Decimal(last[1])]


def test_times_of_lobster_are_those_of_new_york(recordings):
    message = events_of(lines_of(recordings / LOBSTER.format("message"), "lobster"))["AAPL"].slice(0, 1).to_pylist()[0]
    assert message["event_time"].isoformat() == "2012-06-21T13:30:00.004241+00:00"  # 34200.004241176 s, daylight time
    assert (message["price"], message["remaining_size"], message["side"]) == (Decimal("585.33"), 18, "buy")


def test_trades_without_an_id_get_one_each(recordings):
    events = events_of(lines_of(recordings / LOBSTER.format("message"), "lobster"))["AAPL"]
    ids = events.filter(pc.equal(events["event"], "match"))["trade_id"].to_pylist()
    assert len(set(ids)) == 159
    assert ids == sorted(ids)


@pytest.fixture(scope="module")
def gdax(recordings, tmp_path_factory):
    mapping = tmp_path_factory.mktemp("gdax") / "gdax.yml"
    mapping.write_text(GDAX_MAPPING % json.dumps(GDAX_CASES))
    folder = recordings / "l2_coinbase"
    files = [*sorted(folder.glob("*snapshot*")), *sorted(folder.glob("*l2update*"))]
    return [lines_of(file, "csv", mapping=str(mapping), symbol="BTC-USD") for file in files]


def test_level_2_in_six_files_is_one_book_that_never_crosses(gdax):
    found = sum(map(outcomes, gdax), Counter())
    assert found == {"snapshot": 13_741 + 14_078, "update": 4 * 48_462, "HEADER_LINE": 6}
    book, quotes = replay(events_of(*gdax)["BTC-USD"])
    quotes = quotes.filter(pc.equal(quotes["state"], "valid"))
    assert not any(quotes["is_crossed"].to_pylist())
    assert (book.counts.n_gaps, book.counts.n_contradictions) == (0, 0)
    assert bests(quotes)[0][:3] == (Decimal(9192), Decimal("7.48040715"), Decimal("9192.01"))


def test_level_2_in_six_files_is_the_book_of_dictionaries(gdax):
    events = events_of(*gdax)["BTC-USD"]
    rows = events.slice(0, 60_000).select(["event", "side", "price", "size"]).to_pylist()
    names = {"buy": "bids", "sell": "asks"}
    expected = plain_book(rows, lambda row: (False, {names[row["side"]]: [(row["price"], row["size"])]}))
    _, quotes = replay(events.slice(0, 60_000))
    assert without_repetition(bests(quotes)) == without_repetition(expected)


def test_bitflyer_executions_are_trades_with_the_side_of_the_maker(recordings):
    table = lines_of(recordings / "trades_bitflyer/bitflyer.execution.20180121.BTC_JPY.csv.gz", "bitflyer_executions")
    assert outcomes(table) == {"match": 143_107, "HEADER_LINE": 1}
    first = table.slice(1, 1).to_pylist()[0]
    assert (first["trade_id"], first["sequence"], first["side"]) == (118745850, 118745850, "sell")  # the taker bought
    assert first["event_time"].isoformat() == "2018-01-20T15:00:11.173000+00:00"
    assert first["maker_order_id"].endswith("154517")
    blank = pc.sum(pc.is_null(table.filter(pc.equal(table["kind"], "event"))["side"])).as_py()
    assert 0 < blank < 10
