"""Bars of files by stretches of time, against sums of Python: each bar once, whatever lies in which file."""

from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bar_sums import START, batch_of, check, expected_bars, found_bars, orders, schema_of, trade, trades
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import bar_stretches
from jobs.bar_parts import COLUMNS
from jobs.bar_stretches import bars_of_files, count_stretch, plan_stretches
from jobs.bars import file_batches
from jobs.bars.bar_schema import BAR_SCHEMA

MINUTE_US = 60_000_000
TIMES = {"trades": "trade_time", "orders": "event_time"}


def write(folder, source, rows, row_group_size=1000, **options):
    """A file of these rows."""
    path = folder / f"{source}_{len(list(folder.iterdir()))} of é.parquet"
    table = pa.Table.from_batches([batch_of(source, rows)])
    pq.write_table(table, path, row_group_size=row_group_size, store_decimal_as_integer=True, **options)
    return str(path)


def of_minutes(*minutes, **other):
    """A trade at the tenth second of each of these minutes."""
    return [trade(60 * minute + 10, sequence=minute, **other) for minute in minutes]


def opened(seconds):
    """An order that enters the book so many seconds from the start."""
    told = {"exchange": "x", "symbol": "A", "event": "open", "side": "buy", "size": Decimal(1)}
    return dict.fromkeys(COLUMNS["orders"]) | told | {"event_time": START + timedelta(seconds=seconds)}


def bars_of(stretches, seconds=60, received=()):
    """All bars of the stretches, as one batch."""
    batches = [batch for stretch in stretches for batch in count_stretch(stretch, seconds, received)]
    (whole,) = pa.Table.from_batches(batches, schema=BAR_SCHEMA).combine_chunks().to_batches() or [batch_of_none()]
    return whole


def batch_of_none():
    """No bars."""
    return pa.RecordBatch.from_pylist([], schema=BAR_SCHEMA)


@settings(max_examples=100, deadline=None)
@given(
    trades,
    orders,
    st.sampled_from([1, 7, 60, 86_400]),
    st.sets(st.sampled_from(["x", "y"])),
    st.tuples(*[st.integers(1, 40)] * 4),
    st.booleans(),
)
def test_stretches_of_any_files_equal_sums_of_python(
    tmp_path_factory, trade_rows, order_rows, seconds, received, sizes, is_sorted
):
    n_tasks, in_a_file, in_a_group, step_rows = sizes
    folder, files = tmp_path_factory.mktemp("files"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bar_stretches, "_MOST_READ", 1e9)  # files that overlap as well
        patch.setattr(bar_stretches, "_MOST_BARS", 1)  # bars are handed on before the end
        patch.setattr(file_batches, "_BATCH_ROWS", step_rows)
        for source, rows in (("trades", trade_rows), ("orders", order_rows)):
            in_order = sorted(rows, key=lambda row: row[TIMES[source]]) if is_sorted else rows
            cuts = [in_order[at : at + in_a_file] for at in range(0, len(rows), in_a_file)]
            files[source] = [write(folder, source, cut, in_a_group) for cut in cuts]
        stretches = plan_stretches(files, seconds * 1_000_000, n_tasks)
        assert len(stretches) <= n_tasks
        found = found_bars(bars_of(stretches, seconds, received), seconds)
    check(found, expected_bars(trade_rows, order_rows, seconds, received))


def test_each_task_gets_its_share_and_borders_lie_between_bars(tmp_path):
    files = [write(tmp_path, "trades", of_minutes(*range(start, start + 10))) for start in range(0, 80, 10)]
    stretches = plan_stretches({"trades": files[::-1], "orders": []}, MINUTE_US, 2)
    start_us = round(START.timestamp() * 1e6)
    border = start_us + 40 * MINUTE_US
    assert [(s.begin_us, s.end_us) for s in stretches] == [(-(2**63), border), (border, 2**63 - 1)]
    assert [[piece.path for _, piece in stretch.pieces] for stretch in stretches] == [files[:4], files[4:]]


def test_a_bar_that_two_files_share_is_counted_once(tmp_path):
    rows = [trade(30 * i, sequence=i) for i in range(21)]
    files = [write(tmp_path, "trades", rows[at : at + 3]) for at in range(0, 21, 3)]
    stretches = plan_stretches({"trades": files}, MINUTE_US, 1)
    assert len(stretches) == 1
    bars = bars_of(stretches)
    assert bars["n_trades"].to_pylist() == [2] * 10 + [1]


def test_files_that_all_cover_the_same_time_are_not_read_by_stretches(tmp_path):
    files = [write(tmp_path, "trades", of_minutes(*range(10), symbol=symbol)) for symbol in "ABCD"]
    assert plan_stretches({"trades": files}, MINUTE_US, 2) is None


@pytest.mark.parametrize("options", [{"write_statistics": False}, {"use_deprecated_int96_timestamps": True}])
def test_a_file_that_does_not_say_its_times_is_not_read_by_stretches(tmp_path, options):
    files = [write(tmp_path, "trades", of_minutes(0, 1), **options)]
    assert plan_stretches({"trades": files}, MINUTE_US, 1) is None


def test_a_file_without_a_row_and_no_file_at_all_give_no_bar(tmp_path):
    empty = tmp_path / "empty.parquet"
    pq.write_table(schema_of("trades").empty_table(), empty)
    for files in ([str(empty)], []):
        (stretch,) = plan_stretches({"trades": files}, MINUTE_US, 2)
        assert bars_of([stretch]).num_rows == 0


def test_bars_are_handed_on_once_no_later_piece_can_touch_them(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_stretches, "_MOST_BARS", 1)
    rows = [of_minutes(0, 1), of_minutes(1, 2), of_minutes(5)]
    files = [write(tmp_path, "trades", part) for part in rows]
    (stretch,) = plan_stretches({"trades": files}, MINUTE_US, 1)
    starts = [[row["bar_start"] for row in batch.to_pylist()] for batch in count_stretch(stretch, 60)]
    minutes = [[(start - START) // timedelta(minutes=1) for start in batch] for batch in starts]
    assert [sorted(batch) for batch in minutes] == [[0], [1, 2], [5]]


def test_a_file_of_few_trades_waits_for_those_of_many_orders(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_stretches, "_MOST_BARS", 5)
    monkeypatch.setattr(file_batches, "_BATCH_ROWS", 4)
    orders = [opened(20 * i) for i in range(300)]
    files = {
        "trades": [write(tmp_path, "trades", of_minutes(*range(100)))],
        "orders": [write(tmp_path, "orders", orders[at : at + 30]) for at in range(0, 300, 30)],
    }
    (stretch,) = plan_stretches(files, MINUTE_US, 1)
    batches = list(count_stretch(stretch, 60))
    assert max(map(len, batches)) <= 2 * 5 + 4
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["n_trades"], row["n_limit_buys"]) for row in rows] == [(1, 3)] * 100


def test_a_file_sorted_by_symbol_first_is_read_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_stretches, "_MOST_BARS", 4)
    monkeypatch.setattr(file_batches, "_BATCH_ROWS", 4)
    rows = [one for symbol in "AB" for one in of_minutes(*range(100), symbol=symbol)]
    (stretch,) = plan_stretches({"trades": [write(tmp_path, "trades", rows)]}, MINUTE_US, 1)
    batches = list(count_stretch(stretch, 60))
    assert max(map(len, batches)) <= 2 * 4 + 4
    check(found_bars(bars_of([stretch]), 60), expected_bars(rows, [], 60, ()))


def test_a_bar_with_rows_at_both_ends_of_a_file_is_handed_on_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_stretches, "_MOST_BARS", 1)
    monkeypatch.setattr(file_batches, "_BATCH_ROWS", 1)
    (stretch,) = plan_stretches({"trades": [write(tmp_path, "trades", of_minutes(3, 9, 3, 12))]}, MINUTE_US, 1)
    assert bars_of([stretch])["n_trades"].to_pylist() == [2, 1, 1]


def test_a_file_whose_dictionary_of_texts_was_full_is_read_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(file_batches, "_BATCH_ROWS", 1000)
    rows = [trade(i, symbol=f"a symbol with the number {i}", sequence=i) for i in range(3000)]
    for one in (rows, rows[::-1]):
        full = {"dictionary_pagesize_limit": 2000, "write_batch_size": 10, "row_group_size": 3000}
        (stretch,) = plan_stretches({"trades": [write(tmp_path, "trades", one, **full)]}, MINUTE_US, 1)
        assert len(bars_of([stretch])) == 3000


def test_files_of_which_too_many_lie_at_one_instant_are_not_read_by_stretches(tmp_path, monkeypatch):
    parts = [of_minutes(0, 2), of_minutes(1, 3), of_minutes(2, 4), of_minutes(5, 6)]
    files = [write(tmp_path, "trades", part) for part in parts]
    for most_rows, is_read in ((6, True), (5, False)):
        monkeypatch.setattr(bar_stretches, "_MOST_OPEN", most_rows)
        assert (plan_stretches({"trades": files}, MINUTE_US, 1) is not None) == is_read


@pytest.mark.parametrize("order_rows", [[], [opened(5), opened(65)]])
def test_a_session_reads_files_by_stretches(spark, tmp_path, order_rows):
    rows = [trade(20 * i, symbol=symbol, sequence=i) for i in range(600) for symbol in "AB"]
    files = {"trades": [write(tmp_path, "trades", rows[at : at + 100]) for at in range(0, 1200, 100)]}
    files["orders"] = [write(tmp_path, "orders", order_rows)] if order_rows else []
    found = bars_of_files(spark, files, 60).toArrow().combine_chunks()
    (batch,) = found.cast(BAR_SCHEMA).to_batches()
    check(found_bars(batch, 60), expected_bars(rows, order_rows, 60, ()))
