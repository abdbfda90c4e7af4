"""Which rows of a version are compared, and how a leak is worded: by hand, without Spark."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.lookahead_compare import Layout, Outcome, compare, rows_before
from jobs.lookahead_report import Checked, compared_rows, leak_rows, likely_cause
from jobs.lookahead_versions import Version
from models.cut_points import Cut
from models.row_differences import ROW, Change

WHOLE = pa.table({"k": [1, 2, 3, 4], "t": [10, 20, 20, None], "x": [1.0, 2.0, 3.0, 4.0]})
LAYOUT = Layout(("k",), "t")


def at(instant, test="truncated", place="random"):
    return Version(test, Cut(instant, place))


def test_only_rows_known_at_the_cut_are_compared_and_one_without_an_instant_never():
    other = pa.table({"k": [1, 2, 3, 4], "t": [10, 20, 20, None], "x": [1.0, 9.0, 9.0, 9.0]})
    assert compare(WHOLE, other, at(19), LAYOUT) == Outcome(at(19), 1, 2, ())
    (change,) = compare(WHOLE, other, at(20), LAYOUT).changes
    assert change == Change("x", 2, {"k": 2}, 2.0, 9.0)
    (change,) = compare(WHOLE, other, at(2**62), LAYOUT).changes
    assert change.n_rows == 2


def test_a_row_that_a_version_knows_earlier_or_later_is_a_change():
    later = pa.table({"k": [1, 2, 3, 4], "t": [30, 20, 20, None], "x": [1.0, 2.0, 3.0, 4.0]})
    assert compare(WHOLE, later, at(20), LAYOUT).changes == (Change(ROW, 1, {"k": 1}, "there", "not there"),)


def test_of_a_late_start_only_the_settled_rows_are_compared():
    layout = Layout(("k",), "t", is_settled=lambda rows: rows_before(rows, (), "t") >= 1)
    start = pa.table({"k": [2, 3], "t": [20, 20], "x": [9.0, 3.0]})
    assert compare(WHOLE, start, at(20, "start", "start"), layout) == Outcome(at(20, "start", "start"), 1, 2, ())
    assert compare(WHOLE, start, at(20, "start", "start"), LAYOUT).n_rows == 0  # where no warm-up is declared


def test_rows_that_wait_are_not_missed_but_counted():
    layout = Layout(("k",), "t", is_waiting=lambda whole, shorter: np.asarray(whole["k"]) == 3)
    shorter = WHOLE.slice(0, 2)
    assert compare(WHOLE, shorter, at(20), layout) == Outcome(at(20), 2, 2, (), n_waiting=1)
    assert compare(WHOLE, shorter, at(20), LAYOUT).changes != ()


def test_rows_before_a_row_are_counted_in_order_of_time_within_its_group():
    table = pa.table({"s": ["A", "B", "A", None, "A", None], "t": [30, 5, 10, 7, 20, 6]})
    assert rows_before(table, ("s",), "t").tolist() == [2, 0, 0, 1, 1, 0]
    assert rows_before(table, (), "t").tolist() == [5, 0, 3, 2, 4, 1]


def test_what_was_compared_is_told_by_test_and_kind_of_cut():
    change = Change("x", 3, {"k": 2}, 2.0, None)
    part = Checked(
        "query", [Outcome(at(1), 4, 2, ()), Outcome(at(2), 6, 2, (change,)), Outcome(at(2, "noise"), 6, 2, ())]
    )
    assert [tuple(row.values()) for row in compared_rows([part])] == [
        ("query", "truncated", "random", 2, 10, 2, 1),
        ("query", "noise", "random", 1, 6, 2, 0),
    ]


def test_the_example_of_a_leak_is_of_the_cut_that_changed_least():
    many, few = Change("x", 9, {"k": 1}, 1.0, 2.0), Change("x", 1, {"k": 2}, 3.5, None)
    part = Checked("query", [Outcome(at(10), 10, 1, (many,)), Outcome(at(20), 10, 1, (few,))], is_clock=False)
    (leak,) = leak_rows([part])
    assert (leak["row"], leak["cut"], leak["with_future"], leak["without_future"]) == ("k=2", "20", "3.5", "NULL")
    assert leak["cause"].startswith("a value over all rows")  # as some cut changed most rows


@pytest.mark.parametrize(
    ("version", "change", "reaches_far", "cause"),
    [
        (at(1, "start", "start"), Change("x", 1, {}, 1, 2), False, "it depends on rows before the declared warm-up"),
        (at(1, place="train_end"), Change("center", 1, {}, 1, 2), False, "the scale is fitted on rows after the end"),
        (at(1), Change(ROW, 1, {}, "there", "not there"), False, "the row is there only once later rows are"),
        (at(1), Change(ROW, 1, {}, "not there", "there"), False, "later rows make it vanish"),
        (at(1), Change("x", 90, {}, 1, 2), True, "a value over all rows, such as a global mean"),
        (at(1), Change("x", 1, {}, 1, None), False, "it comes from later rows (lead, a backfill, interpolation)"),
        (at(1, "noise"), Change("x", 1, {}, 1, None), False, "it reads rows after its own time"),
        (at(1), Change("x", 1, {}, 1, 2), False, "it reads rows after its own time"),
    ],
)
def test_the_likely_cause_of_a_leak(version, change, reaches_far, cause):
    assert likely_cause(Outcome(version, 100, 1, (change,)), change, reaches_far).startswith(cause)
