"""The book job: what it writes, what it leaves, and that increments end where a rebuild would."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from book_groups import (
    EVENING,
    FIELDS,
    KEY,
    SETTINGS,
    by_hand,
    events,
    from_nothing,
    micros,
    quotes_of,
    states_of,
)

from jobs import cli
from jobs.pipeline import book_step
from jobs.rebuild_books import rebuild_books
from jobs.tables import table_version
from models.errors import NothingToDo


def add(spark, rows):
    schema = spark.table("orders").schema
    rows = [{"source_file": "f", "byte_offset": 0, "run_id": "r"} | row for row in rows]
    data = [[row.get(field.name) for field in schema] for row in rows]
    spark.createDataFrame(data, schema).coalesce(1).write.insertInto("orders")


def stored(spark, table):
    rows = [row.asDict() for row in spark.table(table).orderBy(*KEY).collect()]
    return [row | {"event_time": micros(row["event_time"])} for row in rows]


def assert_tables_say(spark, rows):
    replayed = from_nothing(rows)
    assert stored(spark, "quotes") == quotes_of(replayed)
    assert [(*(row[name] for name in KEY), row["saved_book"]) for row in stored(spark, "book_states")] == states_of(
        replayed
    )


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_books_one_after_the_other_are_those_of_the_plain_book(batch_rows):
    rows = events(1, "A") + events(2, "B") + events(3, "A", "y")
    replayed = from_nothing(rows, batch_rows)
    assert quotes_of(replayed) == by_hand(rows)
    before_midnight = int((datetime(2024, 1, 3, tzinfo=UTC) - EVENING).total_seconds()) // 4 - 1
    assert [row[:4] for row in states_of(replayed)] == [
        (exchange, symbol, 0, sequence)
        for exchange, symbol in (("x", "A"), ("x", "B"), ("y", "A"))
        for sequence in (before_midnight, 119)
    ]


def test_a_saved_book_in_front_of_the_events_is_gone_on_from():
    rows = events(1)
    whole = from_nothing(rows)
    for *key, saved_book in states_of(whole):
        after = key[3]
        seed = dict(zip(KEY, key, strict=True)) | {"event_time": EVENING, "saved_book": saved_book}
        replayed = from_nothing([seed] + [row for row in rows if row["sequence"] > after])
        assert quotes_of(replayed) == [row for row in quotes_of(whole) if row["sequence"] > after]
        assert states_of(replayed) == [row for row in states_of(whole) if row[3] >= after]


def test_a_first_run_writes_the_quotes_and_a_second_one_nothing(spark, schema):
    rows = events(1, "A") + events(2, "B")
    add(spark, rows)
    summary = rebuild_books(spark, SETTINGS, "s")
    assert stored(spark, "quotes") == by_hand(rows)
    assert_tables_say(spark, rows)
    assert (summary.n_quotes, summary.n_states) == (len(by_hand(rows)), 4)
    versions = [table_version(spark, table) for table in ("quotes", "book_states")]
    for since in (summary.inputs, None):
        again = rebuild_books(spark, SETTINGS, "s", since)
        assert (again.n_quotes, again.n_states) == (0, 0)
    assert [table_version(spark, table) for table in ("quotes", "book_states")] == versions


@pytest.fixture(params=["by file", "sorted"])
def way(request, monkeypatch):
    """Both ways to bring the events of a book together."""
    if request.param == "sorted":
        monkeypatch.setattr("jobs.rebuild_books.plain_files", lambda *_: None)


def test_new_late_and_deleted_events_end_where_a_rebuild_would(spark, schema, way):
    rows = events(1, "A") + events(2, "B")
    late = [row for row in rows if row["symbol"] == "B" and row["sequence"] in (3, 40)]
    first = [row for row in rows if row["sequence"] < 60 and row not in late]
    add(spark, first)
    since = rebuild_books(spark, SETTINGS, "s").inputs
    assert_tables_say(spark, first)
    new = [row for row in rows if row["symbol"] == "A" and row["sequence"] >= 60]
    steps = [new, late, [row for row in rows if row not in first + new + late]]
    landed = list(first)
    for step in steps:
        add(spark, step)
        landed += step
        since = rebuild_books(spark, SETTINGS, "s", since).inputs
        assert_tables_say(spark, landed)
    spark.sql("DELETE FROM orders WHERE symbol = 'A' AND sequence = 70")
    spark.sql("DELETE FROM orders WHERE symbol = 'B'")
    landed = [row for row in landed if row["symbol"] == "A" and row["sequence"] != 70]
    rebuild_books(spark, SETTINGS, "s", since)
    assert_tables_say(spark, landed)


def test_a_book_goes_on_with_the_files_that_came_since_and_with_no_other(spark, schema, monkeypatch):
    rows, read = events(1, "A") + events(2, "B"), []
    monkeypatch.setattr("jobs.rebuild_books.replay_of_files", lambda part, paths, *more: read.append(paths))
    add(spark, [row for row in rows if row["sequence"] < 100])
    since = rebuild_books(spark, SETTINGS, "s").inputs
    first = {path for row in spark.table("orders").inputFiles() for path in [row.removeprefix("file:")]}
    add(spark, [row for row in rows if row["sequence"] >= 100])
    rebuild_books(spark, SETTINGS, "s", since)
    assert set(read[0]) == first
    assert len(read[1]) == 1
    assert not set(read[1]) & first
    assert_tables_say(spark, rows)  # what cannot be read by file is sorted


@pytest.mark.slow
def test_other_settings_replay_all_books_and_back_again(spark, schema, make_app):
    rows = events(1)
    add(spark, rows)
    one = make_app(schema=schema, book=SETTINGS.model_dump())
    other = make_app(schema=schema, book={"depth_seconds": 0, "warm_seconds": 0})
    assert book_step(one) == [{"exchange": "x", "symbol": "A", "rows": len(by_hand(rows))}]
    assert book_step(other) != []
    assert {row["bid_depth_prices"] for row in stored(spark, "quotes")} == {None}
    book_step(one)
    assert_tables_say(spark, rows)
    with pytest.raises(NothingToDo):
        book_step(one)
    assert spark.table("published_quotes").count() == len(by_hand(rows))


def test_lines_of_a_log_may_have_holes_and_a_snapshot_seeds_the_book(spark, schema):
    snapshot = json.dumps({"bids": [["9", "1"]], "asks": [["11", "2"]]})
    base = {"exchange": "log", "symbol": "A", "epoch": 7, "event_time": EVENING}
    opened = {"event": "open", "order_id": "1", "side": "buy", "price": Decimal(9), "remaining_size": Decimal(1)}
    add(spark, [base | opened | {"sequence": 1}, base | {"sequence": 5, "event": "snapshot", "snapshot": snapshot}])
    rebuild_books(spark, SETTINGS, "s")
    found = [(row["state"], row["bid_size"], row["ask_size"], row["is_usable"]) for row in stored(spark, "quotes")]
    assert found == [("unseeded", 1, None, False), ("valid", 1, 2, True)]


@pytest.mark.slow
def test_an_exchange_that_turns_out_to_number_its_events_is_replayed_as_one(spark, schema):
    rows = events(1, n=20)
    opened = [row for row in rows if row["event"] != "received" and row["sequence"] not in (8, 9)]
    assert len(opened) < 18, "the numbers must have holes"
    add(spark, opened)
    since = rebuild_books(spark, SETTINGS, "s").inputs
    assert {(row["is_contiguous"], row["n_gaps"]) for row in stored(spark, "book_states")} == {(False, 0)}
    received = [row for row in rows if row["event"] == "received"]
    add(spark, received)
    rebuild_books(spark, SETTINGS, "s", since)
    assert {row["is_contiguous"] for row in stored(spark, "book_states")} == {True}
    assert_tables_say(spark, opened + received)


def test_a_dry_run_prints_the_settings_and_wrong_ones_are_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["--json", "book", "--depth-levels", "20", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == {"depth_levels": 20, "depth_seconds": 10, "warm_seconds": 1800}
    (tmp_path / "foretable.yml").write_text("book: {warm_seconds: 0}\n")
    assert cli.run(["--json", "book", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == {"depth_levels": 10, "depth_seconds": 10, "warm_seconds": 0}
    assert cli.run(["book", "--depth-levels", "0"]) == 2
    (tmp_path / "foretable.yml").write_text("book: {depth: 1}\n")
    assert cli.run(["book", "--dry-run"]) == 2
    assert "book.depth: is not a known key" in capsys.readouterr().err


def levels(sequence, event, bids, asks, **facts):
    text = json.dumps(
        {"bids": [[str(p), str(z)] for p, z in bids], "asks": [[str(p), str(z)] for p, z in asks]} | facts
    )
    time = EVENING + timedelta(seconds=sequence)
    return dict(zip(FIELDS[:6], ("x", "A", 0, sequence, event, time), strict=True)) | {"snapshot": text}


@pytest.mark.slow
def test_updates_of_an_earlier_run_wait_for_a_snapshot_of_a_later_one(spark, schema):
    rows = [
        levels(1, "update", [(9, 1)], [(12, 1)], first_update=11, last_update=12),
        levels(2, "update", [(9, 2)], [], first_update=13, last_update=15),
        levels(3, "snapshot", [(9, 7), (8, 1)], [(10, 1)], replaces="all", last_update=12),
        levels(4, "update", [(8, 3)], [(10, 0), (11, 5)], first_update=16, last_update=17),
        levels(5, "update", [(9, 0)], [], first_update=19, last_update=19),  # 18 is missing
    ]
    since = None
    for batch in (rows[:2], rows[2:4], rows[4:]):
        add(spark, batch)
        since = rebuild_books(spark, SETTINGS, "digest", since).inputs
    found = stored(spark, "quotes")
    assert found == by_hand(rows)
    assert [(row["state"], row["bid_price"], row["bid_size"]) for row in found[-3:]] == [
        ("valid", 9, 2),
        ("valid", 9, 2),
        ("invalid_after_gap", None, None),
    ]
