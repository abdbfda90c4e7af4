"""Books of feeds that send price levels instead of orders: any stream against the plain book, and the rules by hand."""

import json
from decimal import Decimal
from random import Random

import pytest
from book_streams import UUID, assert_rows_are_those_of_the_plain_book, replayed, row

from jobs.book.replay import BookOptions, BookReplay

OPTIONS = BookOptions(is_contiguous=False, depth_seconds=0)


def levels_text(bids=(), asks=(), **numbers):
    sides = {"bids": bids, "asks": asks}
    return json.dumps({name: [[str(p), str(z)] for p, z in levels] for name, levels in sides.items()} | numbers)


def update(sequence, bids=(), asks=(), **numbers):
    return row(sequence, "update", snapshot=levels_text(bids, asks, **numbers))


def snapshot(sequence, bids=(), asks=(), replaces="all", **numbers):
    return row(sequence, "snapshot", snapshot=levels_text(bids, asks, replaces=replaces, **numbers))


def level(sequence, event, side, price, size):
    return row(sequence, event, side=side, price=Decimal(price), size=Decimal(size))


def random_sides(random, is_update):
    """Bids and asks, best first."""
    sizes = [Decimal(n) / 4 for n in range(0 if is_update else 1, 5)]
    sides = ({random.randint(1, 5): random.choice(sizes) for _ in range(random.randint(0, 4))} for _ in range(2))
    return [sorted(side.items(), reverse=is_bid) for side, is_bid in zip(sides, (True, False), strict=True)]


def random_stream(random, is_numbered):
    """Snapshots as text or by rows, updates of one level or many, matches; some updates numbered wrongly."""
    rows, number = [], 1
    for sequence in range(random.randint(5, 60)):
        kind = random.choice(["update", "update", "update", "level", "match", "snapshot", "showing"])
        side, price, size = random.choice(["buy", "sell"]), random.randint(1, 5), Decimal(random.randint(0, 4)) / 4
        if kind == "match":
            fields = {"side": side, "price": Decimal(price), "size": size + 1, "maker_order_id": UUID.format("7")}
            rows.append(row(sequence, "match", **fields))
        elif kind == "level":
            rows.append(level(sequence, "update", side, price, size))
        elif kind == "showing":
            rows.append(level(sequence, "snapshot", side, price, size))
        else:
            numbers, (bids, asks) = {}, random_sides(random, kind == "update")
            if is_numbered:
                first = max(1, number + random.choice([0] * 9 + [1, -1]))
                number = first + random.randint(1, 3)
                numbers = {"first_update": first, "last_update": number - 1}
            if kind == "snapshot":
                shown = max(0, number - random.randint(1, 8))
                numbers = {"last_update": shown} if is_numbered else {}
                rows.append(snapshot(sequence, bids, asks, random.choice(["all", "shown"]), **numbers))
            else:
                rows.append(update(sequence, bids, asks, **numbers))
    return rows


@pytest.mark.parametrize("is_numbered", [True, False])
@pytest.mark.parametrize("seeds", [range(100), pytest.param(range(100, 5000), marks=pytest.mark.slow)])
def test_any_stream_of_levels_gives_the_rows_of_the_plain_book(seeds, is_numbered):
    for seed in seeds:
        options = BookOptions(False, 1 + seed % 4, (0, 0.5)[seed % 2], (0.0, 5.0)[seed % 3 > 0])
        assert_rows_are_those_of_the_plain_book(random_stream(Random(seed), is_numbered), options)


@pytest.mark.parametrize("seed", range(60))
def test_a_book_of_levels_saved_anywhere_goes_on_as_if_never_cut(seed):
    random = Random(seed)
    rows = random_stream(random, is_numbered=True)
    cut, whole, first = random.randint(0, len(rows)), BookReplay(OPTIONS), BookReplay(OPTIONS)
    expected, found = replayed(whole, rows), replayed(first, rows[:cut])
    second = BookReplay(OPTIONS, first.save())
    assert found + replayed(second, rows[cut:]) == expected
    assert second.save() == whole.save()


def best(rows):
    return [(r["state"], r["bid_price"], r["bid_size"], r["ask_price"], r["ask_size"]) for r in rows]


def test_updates_set_what_waits_at_a_price():
    rows = [
        snapshot(1, [(9, 2), (8, 1)], [(10, 3)]),
        update(2, [(9, 1)]),  # smaller
        update(3, [(9, 5)]),  # larger
        update(4, [(9, 0)], [(10, 0), (11, 4)]),  # a level goes on each side, in one step
        row(5, "match", side="buy", price=Decimal(8), size=Decimal(1), maker_order_id=UUID.format("1")),
        level(6, "update", "buy", 8, 7),
    ]
    book = BookReplay(OPTIONS)
    assert best(replayed(book, rows)) == [
        ("valid", 9, 2, 10, 3),
        ("valid", 9, 1, 10, 3),
        ("valid", 9, 5, 10, 3),
        ("valid", 8, 1, 11, 4),
        ("valid", 8, 7, 11, 4),
    ]
    assert (book.counts.n_unknown, book.counts.n_contradictions) == (0, 0)


def test_a_snapshot_of_one_row_a_level_is_whole_with_the_next_event():
    rows = [
        level(1, "snapshot", "buy", 9, 2),
        level(2, "snapshot", "sell", 10, 3),
        level(3, "update", "sell", 10, 1),
        level(4, "snapshot", "buy", 5, 1),  # another one begins anew
        level(5, "update", "sell", 6, 1),
    ]
    states = best(replayed(BookReplay(OPTIONS), rows))
    assert states == [
        ("unseeded", 9, 2, None, None),
        ("unseeded", 9, 2, 10, 3),
        ("valid", 9, 2, 10, 1),
        ("unseeded", 5, 1, None, None),
        ("valid", 5, 1, 6, 1),
    ]


def test_updates_that_came_before_their_snapshot_are_put_upon_it():
    rows = [
        update(1, [(9, 1)], first_update=11, last_update=12),
        update(2, [(9, 2)], [(12, 1)], first_update=13, last_update=15),
        update(3, [(9, 0)], first_update=16, last_update=16),
        snapshot(4, [(9, 7), (8, 1)], [(10, 1)], replaces="shown", last_update=13),  # holds a part of the second
        update(5, [(8, 3)], first_update=17, last_update=17),
    ]
    assert best(replayed(BookReplay(OPTIONS), rows))[-2:] == [("valid", 8, 1, 10, 1), ("valid", 8, 3, 10, 1)]


def test_a_snapshot_older_than_the_first_update_seeds_nothing():
    rows = [
        update(1, [(9, 1)], [(10, 1)], first_update=11, last_update=12),
        snapshot(2, [(8, 1)], [(11, 1)], last_update=9),
        snapshot(3, [(8, 1)], [(11, 1)], last_update=10),
    ]
    assert best(replayed(BookReplay(OPTIONS), rows)) == [("unseeded", 9, 1, 10, 1), ("valid", 9, 1, 10, 1)]


@pytest.mark.parametrize("first_update", [14, 20])
def test_a_missed_update_makes_the_book_invalid_until_the_next_snapshot(first_update):
    rows = [
        snapshot(1, [(9, 1)], [(10, 1)], last_update=12),
        update(2, [(9, 2)], first_update=first_update, last_update=first_update),
        snapshot(3, [(7, 1)], [(11, 1)], last_update=first_update),
        update(4, [(7, 2)], first_update=first_update + 1, last_update=first_update + 1),
    ]
    book = BookReplay(OPTIONS)
    assert best(replayed(book, rows)) == [
        ("valid", 9, 1, 10, 1),
        ("invalid_after_gap", 9, 2, None, None),
        ("valid", 7, 1, 11, 1),
        ("valid", 7, 2, 11, 1),
    ]
    assert book.counts.n_gaps == 1


def test_an_update_that_comes_twice_changes_nothing():
    again = update(2, [(9, 2)], first_update=13, last_update=13)
    later = update(3, [(9, 5)], first_update=14, last_update=14)
    rows = [snapshot(1, [(9, 1)], [(10, 1)], last_update=12), again, later, again | {"sequence": 4}]
    assert best(replayed(BookReplay(OPTIONS), rows))[-1] == ("valid", 9, 5, 10, 1)


def test_prices_beyond_what_a_snapshot_has_shown_are_not_trusted():
    rows = [
        snapshot(1, [(9, 1), (8, 1)], [(10, 1)], replaces="shown", last_update=1),
        update(2, [(9, 0), (8, 0), (5, 1)], first_update=2, last_update=2),
        update(3, [(8, 1)], first_update=3, last_update=3),
    ]
    states = [state for state, *_ in best(replayed(BookReplay(OPTIONS), rows))]
    assert states == ["valid", "unseeded", "valid"]


def test_taking_away_a_level_that_is_not_there_changes_nothing():
    book = BookReplay(OPTIONS)
    rows = replayed(book, [snapshot(1, [(9, 1)], [(10, 1)]), update(2, [(9.5, 0), (3, 0)], [(11, 0)])])
    assert len(rows) == 1
    assert (book.counts.n_unknown, book.counts.n_contradictions) == (0, 0)


def test_a_partial_cancel_keeps_the_place_in_the_queue():
    first = row(1, "open", order_id="a", side="buy", price=Decimal(9), remaining_size=Decimal(5))
    second = first | {"sequence": 2, "order_id": "b"}
    cut = row(3, "partial_cancel", order_id="a", side="buy", price=Decimal(9), size=Decimal(2))
    book = BookReplay(OPTIONS)
    last = replayed(book, [first, second, cut])[-1]
    assert (last["bid_size"], last["bid_orders"], last["bid_first_size"]) == (8, 2, 3)
    assert replayed(book, [cut | {"sequence": 4, "size": Decimal(3)}])[-1]["bid_orders"] == 1
    replayed(book, [cut | {"sequence": 5}, cut | {"sequence": 6, "order_id": "b", "size": Decimal(6)}])
    assert (book.counts.n_unknown, book.counts.n_contradictions) == (1, 1)
