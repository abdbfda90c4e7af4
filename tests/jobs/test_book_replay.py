"""The compiled book against a plain one: any stream of events, cut anywhere, gives the same rows in every column."""

import json
from decimal import Decimal
from itertools import pairwise
from random import Random

import pyarrow as pa
import pytest
from book_streams import ORDERS, UUID, arrow, assert_rows_are_those_of_the_plain_book, replayed, row, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.book.replay import BookOptions, BookReplay
from models.errors import DataContractError

# Orders of one stream: UUIDs, numbers, texts that differ in case, length or their far end only, and none at all.
IDS = [UUID.format(digit) for digit in "0123"] + [UUID.format("b").upper(), "7", "07", "x" * 15, "x" * 16, "x" * 17, ""]
sides = st.sampled_from(["buy", "sell"])
prices = st.integers(1, 5).map(Decimal)
sizes = st.integers(0, 4).map(lambda n: Decimal(n) / 4)
levels = st.lists(st.tuples(prices, sizes), max_size=4)


def events_about(ids):
    """Any event about some of these orders, likely or not."""
    id_ = st.sampled_from(ids)
    names = ("order_id", "side", "price", "remaining_size")
    opened = st.tuples(
        st.just("open"), st.tuples(id_, sides, prices, sizes).map(lambda v: dict(zip(names, v, strict=True)))
    )
    later = st.tuples(id_, sides, st.none() | prices, st.none() | sizes).map(lambda v: dict(zip(names, v, strict=True)))
    match = st.tuples(st.none() | id_.filter(bool), sides, prices, sizes.map(lambda size: size + Decimal("0.25")))
    matched = match.map(lambda v: dict(zip(("maker_order_id", "side", "price", "size"), v, strict=True)))
    taken = match.map(lambda v: dict(zip(("order_id", "side", "price", "size"), v, strict=True)))
    shown = st.tuples(levels, levels, st.booleans()).map(lambda v: {"snapshot": as_json(*v)})
    return st.one_of(
        opened,
        opened,
        st.tuples(st.just("change"), later),
        st.tuples(st.just("change"), later),
        st.tuples(st.just("done"), later),
        st.tuples(st.just("match"), matched),
        st.tuples(st.just("partial_cancel"), taken.filter(lambda fields: fields["order_id"])),
        st.tuples(st.just("received"), later),
        st.tuples(st.just("snapshot"), shown),
    )


options = st.builds(
    BookOptions, st.booleans(), st.integers(1, 4), st.sampled_from([0, 0.5, 3.0]), st.sampled_from([0.0, 5.0])
)


def as_json(bids, asks, with_ids):
    def side(shown, sign):
        found = sorted(((p, z) for p, z in dict(shown).items() if z), key=lambda level: sign * level[0])
        return [[str(p), str(z), *([f"seed{sign}{p}"] if with_ids else [])] for p, z in found]

    return json.dumps({"bids": side(bids, -1), "asks": side(asks, 1)})


@st.composite
def streams(draw):
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True))
    n = draw(st.integers(1, 50))
    rows, sequence, time = [], draw(st.integers(-5, 5)), draw(st.integers(0, 10**7))
    for name, fields in draw(st.lists(events_about(ids), min_size=n, max_size=n)):
        sequence += draw(st.sampled_from([1] * 15 + [2]))
        time += draw(st.sampled_from([1, 0, 250_000, 1_000_000, 7_000_000, -300_000]))
        rows.append(dict.fromkeys(ORDERS.names) | {"sequence": sequence, "event": name, "event_time": time} | fields)
    return rows


@settings(max_examples=100, deadline=None)
@given(streams(), options)
def test_any_stream_of_events_gives_the_rows_of_the_plain_book(rows, options):
    assert_rows_are_those_of_the_plain_book(rows, options)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(streams(), options)
def test_many_more_streams_give_the_rows_of_the_plain_book(rows, options):
    assert_rows_are_those_of_the_plain_book(rows, options)


def random_stream(random):
    """As ``streams``, but drawn in a fraction of the time."""
    ids, rows, time = random.sample(IDS, 4), [], 0
    kinds = ["open"] * 3 + ["change"] * 2 + ["done", "match", "received", "snapshot", "partial_cancel"]
    for sequence in range(random.randint(20, 80)):
        name, side = random.choice(kinds), random.choice(["buy", "sell"])
        price, size = Decimal(random.randint(1, 5)), Decimal(random.randint(0, 4)) / 4
        fields = {"order_id": random.choice(ids), "side": side, "price": price, "remaining_size": size}
        if name in ("change", "done"):
            fields |= {field: None for field in ("price", "remaining_size") if random.random() < 0.3}
        if name == "partial_cancel":
            fields |= {"size": size + Decimal("0.25"), "order_id": random.choice([i for i in ids if i])}
        if name == "match":
            fields |= {"maker_order_id": random.choice([i for i in ids if i]), "size": size + Decimal("0.25")}
        if name == "snapshot":
            bids, asks = ([(Decimal(random.randint(1, 5)), size) for _ in range(random.randint(0, 4))] for _ in "ba")
            fields = {"snapshot": as_json(bids, asks, random.random() < 0.5)}
        time += random.choice([0, 1, 250_000, 1_000_000, 7_000_000, -300_000])
        jump = sequence + 100 * (random.random() < 0.01)
        rows.append(dict.fromkeys(ORDERS.names) | {"sequence": jump, "event": name, "event_time": time} | fields)
    return sorted({row["sequence"]: row for row in rows}.values(), key=lambda row: row["sequence"])


@pytest.mark.parametrize("is_contiguous", [True, False])
def test_thousands_of_streams_give_the_rows_of_the_plain_book(is_contiguous):
    for seed in range(1000):
        rows = random_stream(Random(seed))
        options = BookOptions(is_contiguous, 1 + seed % 4, (0, 0.5, 3.0)[seed % 3], (0.0, 5.0)[seed % 2])
        assert_rows_are_those_of_the_plain_book(rows, options)


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_book_with_thousands_of_orders_and_hundreds_of_prices(seed):
    random, rows, open_ids = Random(seed), [], []
    for n in range(9000):
        side, time = random.choice(["buy", "sell"]), n * 100_000
        price = Decimal(random.randint(1, 700) if side == "buy" else random.randint(650, 1400))
        size = Decimal(random.randint(1, 9))
        kind = random.random()
        fields = {"side": side, "price": price, "remaining_size": size, "size": size}
        if kind < 0.6 or not open_ids:
            open_ids.append(f"d50ec984-77a8-460a-b958-66f1{n:08x}")
            name, fields["order_id"] = "open", open_ids[-1]
        else:
            place = random.randrange(len(open_ids))
            name = "change" if kind < 0.7 else "match" if kind < 0.8 else "done"
            order = open_ids.pop(place) if name == "done" else open_ids[place]
            fields["maker_order_id" if name == "match" else "order_id"] = order
        rows.append(dict.fromkeys(ORDERS.names) | {"sequence": n, "event": name, "event_time": time} | fields)
    assert len(open_ids) > 2 * 1024, "the book must have outgrown its first arrays twice"
    assert_rows_are_those_of_the_plain_book(rows, BookOptions(depth_levels=150, depth_seconds=20))


@settings(max_examples=60, deadline=None)
@given(streams(), options, st.lists(st.integers(0, 60), max_size=6))
def test_cutting_a_stream_and_saving_the_book_at_each_cut_changes_nothing(rows, options, cuts):
    whole = BookReplay(options)
    expected, found, state = replayed(whole, rows), [], None
    for start, end in pairwise([0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]):
        piece = BookReplay(options, state)
        found += replayed(piece, rows[start:end])
        state = piece.save()
    assert found == expected
    assert state == whole.save()
    assert piece.counts == whole.counts


def opened(sequence, order_id, side, price, size, seconds=0):
    fields = {"order_id": order_id, "side": side, "price": Decimal(price), "remaining_size": Decimal(size)}
    return row(sequence, "open", seconds, **fields)


def test_a_small_book_by_hand():
    rows = [
        opened(1, "a", "buy", "99", "1", seconds=1),
        opened(2, "b", "sell", "101", "2", seconds=2),
        opened(3, "c", "buy", "99", "3", seconds=4),
        opened(4, "d", "buy", "98", "5", seconds=4),  # not the best: no row
        row(5, "match", 5, maker_order_id="a", side="buy", price=Decimal(99), size=Decimal(1)),
        row(6, "done", 5, order_id="a", side="buy", price=Decimal(99), remaining_size=Decimal(0)),  # gone already
        row(7, "change", 6, order_id="c", side="buy", price=Decimal(99), remaining_size=Decimal(2)),
        row(8, "done", 8, order_id="c", side="buy", price=Decimal(99), remaining_size=Decimal(2)),
    ]
    found = replayed(BookReplay(BookOptions(depth_seconds=0, warm_seconds=3)), rows)
    touch = [
        (r["sequence"], r["bid_price"], r["bid_size"], r["bid_orders"], r["ask_price"], r["ask_size"]) for r in found
    ]
    assert touch == [
        (1, 99, 1, 1, None, None),
        (2, 99, 1, 1, 101, 2),
        (3, 99, 4, 2, 101, 2),
        (5, 99, 3, 1, 101, 2),
        (7, 99, 2, 1, 101, 2),
        (8, 98, 5, 1, 101, 2),
    ]
    assert [r["bid_queue_ahead"] for r in found] == [0, None, 1, 0, 0, 0]
    assert [r["bid_first_age_seconds"] for r in found] == [0, 1, 3, 1, 2, 4]
    assert [r["bid_mean_age_seconds"] for r in found] == [0, 1, 1.5, 1, 2, 4]
    assert [r["is_usable"] for r in found] == [False, False, True, True, True, True]  # 3 s after the first event
    assert {r["state"] for r in found} == {"unseeded"}


def test_order_flow_is_what_came_to_the_bid_less_what_came_to_the_ask():
    rows = [
        opened(1, "a", "buy", "99", "4"),
        opened(2, "b", "sell", "101", "5"),
        opened(3, "c", "buy", "99", "2"),  # the bid grows from 4 to 6
        opened(4, "d", "buy", "100", "1"),  # a better bid of 1
        row(5, "match", maker_order_id="d", side="buy", price=Decimal(100), size=Decimal(1)),  # and it is gone
        opened(6, "e", "sell", "100", "3"),  # a better ask of 3
        row(7, "done", order_id="e", side="sell", price=Decimal(100), remaining_size=Decimal(3)),
        row(8, "change", order_id="b", side="sell", price=Decimal(101), remaining_size=Decimal(2)),  # from 5 to 2
        opened(9, "f", "sell", "99", "1"),  # crossed
        row(10, "done", order_id="f", side="sell", price=Decimal(99), remaining_size=Decimal(1)),
        opened(11, "g", "buy", "98", "9"),  # no best price changes: no row
        row(12, "snapshot", snapshot=json.dumps({"bids": [["99", "6"]], "asks": [["101", "2"]]})),  # the state changes
        opened(13, "h", "buy", "99", "0.00000001"),
    ]
    found = replayed(BookReplay(BookOptions(depth_seconds=0, warm_seconds=0)), rows)
    assert [(r["sequence"], r["order_flow"]) for r in found] == [
        (1, None), (2, None), (3, 2), (4, 1), (5, -1), (6, -3), (7, 3), (8, 3), (9, None), (10, None), (12, None),
        (13, Decimal("0.00000001")),
    ]  # fmt: skip


def test_a_gap_makes_the_book_invalid_until_the_next_snapshot():
    rows = [
        opened(1, "a", "buy", "99", "1"),
        opened(2, "b", "sell", "101", "1"),
        opened(4, "c", "buy", "98", "1"),
        row(5, "snapshot", snapshot=json.dumps({"bids": [["97", "2", "p"]], "asks": [["102", "1", "q"]]})),
        row(6, "done", order_id="p", side="buy", price=Decimal(97), remaining_size=Decimal(2)),
    ]
    found = replayed(BookReplay(BookOptions(depth_seconds=0, warm_seconds=0)), rows)
    assert [(r["state"], r["bid_price"], r["ask_price"], r["is_usable"]) for r in found] == [
        ("unseeded", 99, None, False),
        ("unseeded", 99, 101, True),
        ("invalid_after_gap", 98, None, False),
        ("valid", 97, 102, True),
        ("valid", None, 102, False),
    ]


def test_numbers_of_lines_may_have_holes():
    rows = [opened(1, "a", "buy", "99", "1"), opened(5, "b", "sell", "101", "1")]
    found = replayed(BookReplay(BookOptions(is_contiguous=False)), rows)
    assert [r["state"] for r in found] == ["unseeded", "unseeded"]


def test_crossed_and_locked_books_are_flagged_and_never_usable():
    rows = [opened(1, "a", "buy", "99", "1"), opened(2, "b", "sell", "99", "1"), opened(3, "c", "sell", "98", "1")]
    found = replayed(BookReplay(BookOptions(warm_seconds=0)), rows)
    assert [(r["is_locked"], r["is_crossed"], r["is_usable"]) for r in found] == [
        (False, False, False),
        (True, False, False),
        (False, True, False),
    ]


def test_a_level_that_no_column_can_hold_makes_the_book_invalid():
    most = Decimal("9999999999.99999999")
    rows = [
        opened(1, "a", "buy", "99", most),
        opened(2, "b", "buy", "99", "0.00000001"),
        opened(3, "c", "buy", "1", "1"),
    ]
    found = replayed(BookReplay(BookOptions()), rows)
    assert [(r["state"], r["bid_price"], r["bid_size"]) for r in found] == [
        ("unseeded", 99, most),
        ("invalid_too_large", None, None),
        ("invalid_too_large", 1, 1),
    ]


def test_broken_snapshots_are_counted_and_change_nothing():
    texts = [
        None,
        "",
        "[1]",
        '{"bids": 1, "asks": 2}',
        '{"bids": [["x", "1"]], "asks": []}',
        '{"bids": []}',
        '{"bids": [["1e30", "1"]], "asks": []}',
    ]
    rows = [row(1 + n, "snapshot", snapshot=text) for n, text in enumerate(texts)]
    book = BookReplay(BookOptions())
    assert len(replayed(book, rows)) == 1
    assert (book.counts.n_contradictions, book.counts.n_snapshots) == (len(texts), 0)


@pytest.mark.parametrize("sequences", [(2, 1), (2, 2)])
def test_events_out_of_order_are_refused(sequences):
    with pytest.raises(DataContractError, match=f"{sequences[1]} after {sequences[0]}"):
        replayed(BookReplay(BookOptions()), [row(sequence, "received") for sequence in sequences])


@pytest.mark.parametrize("state", [b"", b"something else", b"foretable book 1" + b"\0" * 8])
def test_bytes_that_are_no_book_are_refused(state):
    with pytest.raises(DataContractError, match="--rebuild"):
        BookReplay(BookOptions(), state)


def test_columns_may_be_slices_and_dictionaries():
    rows = [opened(n, f"order {n}", "buy" if n % 3 else "sell", 50 + n % 7, 1 + n) for n in range(1, 40)]
    expected = replayed(BookReplay(BookOptions()), rows[5:30])
    sliced = arrow(rows).slice(5, 25)
    assert rows_of(BookReplay(BookOptions()).replay(sliced)) == expected
    as_words = pa.Table.from_batches([sliced])
    for place, name in ((1, "event"), (4, "side")):
        as_words = as_words.set_column(place, name, as_words[name].dictionary_encode())
    assert rows_of(BookReplay(BookOptions()).replay(as_words.to_batches()[0])) == expected
