"""Ingest into tables, with handmade files: accounting, repetitions, conflicts, holes, trades, limits and crashes."""

import gzip
import json
from decimal import Decimal

import pytest

import jobs.ingest
from jobs.ingest import ingest
from jobs.sources import Source
from models.errors import DataContractError

TABLES = ("orders", "trades", "gaps", "orders__quarantine", "ingested_files")


def message(sequence, price="100", symbol="BTC-USD", **changes):
    fields = {
        "type": "open",
        "side": "buy",
        "price": price,
        "order_id": f"o{sequence}",
        "remaining_size": "1",
        "product_id": symbol,
        "sequence": sequence,
        "time": f"2018-03-25T00:00:{sequence % 60:02d}Z",
    }
    return json.dumps(fields | changes)


def match(sequence, price, trade_id, maker_side="sell"):
    return message(
        sequence,
        price,
        type="match",
        trade_id=trade_id,
        maker_order_id="m",
        taker_order_id="t",
        side=maker_side,
        size="1",
    )


def trade(ms, price, number):
    return f'{ms} trade {{"price": {price}, "amount": 1.0, "id": {number}}}'


class Feed:
    """A folder of files, and ingest over them."""

    def __init__(self, spark, folder):
        self.spark, self.folder, self.n_runs = spark, folder, 0

    def write(self, name, *lines, end="\n"):
        data = ("\n".join(lines) + (end if lines else "")).encode()
        (self.folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    def coinbase(self, path="*", limit=1.0, **options):
        return self.run(
            Source(path=str(self.folder / path), format="coinbase_full", exchange="coinbase"), limit, **options
        )

    def bitstamp(self, path="*", limit=1.0):
        source = Source(path=str(self.folder / path), format="bitstamp_log", exchange="bitstamp", symbol="BTC-USD")
        return self.run(source, limit)

    def run(self, source, limit, **options):
        self.n_runs += 1
        return ingest(self.spark, source, limit, f"run-{self.n_runs}", **options)

    def rows(self, statement):
        return [tuple(row) for row in self.spark.sql(statement).collect()]

    def content(self):
        """Every row of every table but for the name of the run."""
        return {name: sorted(map(repr, self.spark.table(name).drop("run_id").collect())) for name in TABLES}


@pytest.fixture
def feed(spark, schema, tmp_path):
    return Feed(spark, tmp_path)


def counts(account):
    return (account.n_read, account.n_good, account.n_quarantined, account.n_duplicate, account.n_pending)


def test_one_run_over_good_repeated_conflicting_and_bad_lines_counts_every_one(feed):
    lines = [message(1), match(2, "100", 7), message(1), match(2, "200", 7), match(2, "200", 7), "{bad", '{"cut']
    feed.write("a.jsonl", *lines, match(8, "99.5", 8, "buy"))
    b = [message(3), lines[1], "", message(4, price="NaN"), message(1, client_oid="other"), message(5)[:50]]
    feed.write("b.jsonl.gz", *b, end="")
    feed.write("c_same_bytes_as_a.jsonl", *lines, match(8, "99.5", 8, "buy"))
    feed.write("d_empty.jsonl")
    summary = feed.coinbase()
    assert [counts(file) for file in summary.files] == [(8, 3, 4, 1, 0), (6, 1, 2, 2, 1), (0, 0, 0, 0, 0)]
    assert (counts(summary), summary.skipped_files) == ((14, 4, 6, 3, 1), ("c_same_bytes_as_a.jsonl",))
    assert feed.rows("SELECT sequence, price, source_file, byte_offset FROM orders ORDER BY 1") == [
        (1, Decimal(100), "a.jsonl", 0),
        (2, Decimal(100), "a.jsonl", len(lines[0]) + 1),
        (3, Decimal(100), "b.jsonl.gz", 0),
        (8, Decimal("99.5"), "a.jsonl", sum(map(len, lines)) + 7),
    ]
    assert feed.rows("SELECT source_file, line_number, code FROM orders__quarantine ORDER BY 1, 2") == [
        ("a.jsonl", 4, "KEY_CONFLICT"),
        ("a.jsonl", 5, "KEY_CONFLICT"),
        ("a.jsonl", 6, "NOT_JSON"),
        ("a.jsonl", 7, "NOT_JSON"),
        ("b.jsonl.gz", 3, "BLANK_LINE"),
        ("b.jsonl.gz", 4, "BAD_NUMBER"),
    ]
    raw = "SELECT DISTINCT raw_text, reason FROM orders__quarantine WHERE code = 'KEY_CONFLICT'"
    ((text, reason),) = feed.rows(raw)
    assert text == lines[3]
    assert reason.startswith("sequence 2 of BTC-USD: Another event already holds this sequence number")
    columns = "source_file, state, n_read, n_good, n_quarantined, n_duplicate, n_pending, unknown_fields"
    assert feed.rows(f"SELECT {columns} FROM ingested_files ORDER BY 1") == [
        ("a.jsonl", "complete", 8, 3, 4, 1, 0, []),
        ("b.jsonl.gz", "truncated", 6, 1, 2, 2, 1, []),
        ("d_empty.jsonl", "empty", 0, 0, 0, 0, 0, []),
    ]
    taker_sides = "SELECT trade_id, price, size, taker_side, is_side_inferred FROM trades ORDER BY 1"
    assert feed.rows(taker_sides) == [
        (7, Decimal(100), Decimal(1), "buy", False),
        (8, Decimal("99.5"), Decimal(1), "sell", False),
    ]


def test_a_known_file_is_skipped_and_a_grown_or_recompressed_one_brings_only_what_is_new(feed):
    feed.write("a.jsonl", message(1), message(2), message(3)[:50], end="")
    assert counts(feed.coinbase()) == (3, 2, 0, 0, 1)
    before = feed.content()
    again = feed.coinbase()
    assert (again.is_nothing_new, again.skipped_files, again.is_published) == (True, ("a.jsonl",), False)
    assert feed.content() == before
    feed.write("a.jsonl", message(1), message(2), message(3), message(2, price="7"))
    feed.write("b.jsonl.gz", message(3), message(2), message(1))
    assert [counts(file) for file in feed.coinbase().files] == [(4, 1, 1, 2, 0), (3, 0, 0, 3, 0)]
    assert feed.rows("SELECT sequence, price FROM orders ORDER BY 1") == [(1, 100), (2, 100), (3, 100)]
    assert feed.rows("SELECT code, source_file, line_number FROM orders__quarantine") == [
        ("KEY_CONFLICT", "a.jsonl", 4)
    ]


def test_holes_are_recorded_shrink_and_disappear_when_late_files_fill_them(feed):
    harmless = ["", '{"type":"heartbeat"}', '{"type":"subscriptions","channels":[]}']
    feed.write("1.jsonl", message(12), message(10), *harmless, message(15), message(3, symbol="ETH-USD"))
    summary = feed.coinbase("1.jsonl", limit=0.0)
    assert counts(summary) == (7, 4, 3, 0, 0)
    holes = "SELECT symbol, first_missing, last_missing, n_missing FROM gaps ORDER BY 1, 2"
    assert feed.rows(holes) == [("BTC-USD", 11, 11, 1), ("BTC-USD", 13, 14, 2)]
    assert (summary.n_gaps, summary.n_missing) == (2, 3)
    feed.write("2.jsonl", message(11), message(13), message(20_000_000), message(5, symbol="ETH-USD"))
    feed.coinbase("2.jsonl", limit=0.0)
    eth, far = ("ETH-USD", 4, 4, 1), ("BTC-USD", 16, 19_999_999, 19_999_984)
    assert feed.rows(holes) == [("BTC-USD", 14, 14, 1), far, eth]
    times = "SELECT string(last_time_before), string(first_time_after) FROM gaps WHERE first_missing = 14"
    assert feed.rows(times) == [("2018-03-25 00:00:13", "2018-03-25 00:00:15")]
    feed.write("3.jsonl", message(8), message(14))
    feed.coinbase("3.jsonl", limit=0.0)
    assert feed.rows(holes) == [("BTC-USD", 9, 9, 1), far, eth]


@pytest.mark.slow
def test_the_tick_test_gives_a_log_that_was_mended_and_grew_the_same_sides_as_one_file(feed):
    start = 1430438404518
    lines = [trade(start + i, price, i) for i, price in enumerate([100, 100, 90, 95, 95, 94, 94, 99])]
    feed.write("a.log", *lines[:2], lines[2].replace("}", "x}"), *lines[3:5])
    assert counts(feed.bitstamp()) == (5, 4, 1, 0, 0)
    sides = "SELECT taker_side FROM trades ORDER BY trade_id"
    assert feed.rows(sides) == [(None,), (None,), ("sell",), ("sell",)]
    feed.write("a.log", *lines, lines[2])
    assert counts(feed.bitstamp()) == (9, 4, 0, 5, 0)
    after = [None, None, "sell", "buy", "buy", "sell", "sell", "buy"]
    assert feed.rows(sides) == [(side,) for side in after]
    assert feed.rows("SELECT DISTINCT is_side_inferred, epoch FROM trades") == [(True, start)]
    assert feed.rows("SELECT count(*) FROM gaps") == [(0,)]


def test_a_line_of_a_log_is_known_again_above_all_others_that_can_be_read(feed):
    start = 1430438404518
    first, second, third = (trade(start + i, 100 + i, i) for i in range(3))
    feed.write("a.log", first, second, third)
    assert counts(feed.bitstamp()) == (3, 3, 0, 0, 0)
    damaged = f"{start} trade {{}}"  # its time still tells which recording this is
    feed.write("a.log", damaged, damaged, damaged, second, first)  # no key of these lines is held by another
    assert counts(feed.bitstamp()) == (5, 0, 3, 2, 0)
    feed.write("a.log", damaged, damaged, second)  # its place is held by the third
    assert counts(feed.bitstamp()) == (3, 0, 2, 1, 0)
    assert feed.rows("SELECT sequence, price FROM orders ORDER BY 1") == [(1, 100), (2, 101), (3, 102)]
    assert feed.rows("SELECT count(*) FROM orders__quarantine WHERE code = 'KEY_CONFLICT'") == [(0,)]


def test_hundreds_of_symbols_in_one_run_are_told_apart(feed):
    symbols = [f"S{i}-USD" for i in range(300)]
    feed.write("a.jsonl", *[message(i, symbol=symbol) for i, symbol in enumerate(symbols)])
    assert counts(feed.coinbase()) == (300, 300, 0, 0, 0)
    repeated = [message(i, symbol=symbol) for i, symbol in enumerate(symbols)]
    later = [message(i + 2, symbol=symbol) for i, symbol in enumerate(symbols[:150])]
    feed.write("b.jsonl", *repeated, *later)
    assert counts(feed.coinbase("b.jsonl")) == (450, 150, 0, 300, 0)
    wanted = [(symbol, i + 1) for i, symbol in enumerate(symbols[:150])]
    assert sorted(feed.rows("SELECT symbol, first_missing FROM gaps")) == sorted(wanted)


def test_above_the_limit_nothing_is_published_and_the_commonest_codes_are_named(feed):
    bad = [message(8, price="x"), message(9, price="0"), "", message(9, "0")]
    feed.write("a.jsonl", *[message(i) for i in range(8)], *bad)
    with pytest.raises(DataContractError) as e:
        feed.coinbase(limit=0.2)
    said = str(e.value)
    assert said.startswith("3 of 11 lines are refused, more than --max-bad 0.2 allows, so nothing was published: ")
    assert '2 x BAD_PRICE (a.jsonl:10: price = "0.00000000"' in said
    assert '1 x BAD_NUMBER (a.jsonl:9: price = "x"' in said
    summary = feed.coinbase(limit=0.3, is_dry_run=True)
    assert (counts(summary), summary.is_published) == ((12, 8, 4, 0, 0), False)
    assert all(not rows for rows in feed.content().values())


def test_a_path_without_files_is_named(feed):
    with pytest.raises(DataContractError, match=r"no file matches .*nowhere\*\.jsonl: check the path"):
        feed.coinbase("nowhere*.jsonl")


class PowerCutError(Exception):
    pass


@pytest.mark.slow
def test_crashes_after_each_write_and_a_rerun_end_like_one_unbroken_run(feed, monkeypatch):
    lines = [message(1), match(2, "100", 7), message(5), message(1), message(2), "{"]
    feed.write("a.jsonl", *lines)
    for name in ("write_orders", "write_trades", "write_gaps", "write_quarantine"):
        with monkeypatch.context() as patch:
            patch.setattr(jobs.ingest, name, dying_after(getattr(jobs.ingest, name)))
            with pytest.raises(PowerCutError):
                feed.coinbase()
    assert counts(feed.coinbase()) == (6, 3, 2, 1, 0)
    assert feed.rows("SELECT sequence, byte_offset, run_id FROM orders ORDER BY 1") == [
        (1, 0, "run-5"),
        (2, len(lines[0]) + 1, "run-5"),
        (5, len(lines[0]) + len(lines[1]) + 2, "run-5"),
    ]
    assert feed.rows("SELECT trade_id, taker_side FROM trades") == [(7, "buy")]
    assert feed.rows("SELECT first_missing, last_missing FROM gaps") == [(3, 4)]
    assert feed.rows("SELECT line_number, run_id FROM orders__quarantine ORDER BY 1") == [(5, "run-5"), (6, "run-5")]
    assert feed.rows("SELECT run_id, n_good, n_duplicate FROM ingested_files") == [("run-5", 3, 1)]
    feed.write("a.jsonl", *lines[:3], message(6))
    assert counts(feed.coinbase()) == (4, 1, 0, 3, 0)


def dying_after(write):
    def write_and_die(*arguments):
        write(*arguments)
        raise PowerCutError

    return write_and_die
