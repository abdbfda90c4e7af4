"""The comparison against values by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from models.row_differences import ROW, Change, Differences, find_differences

NAN = float("nan")


def changed(first, second, key=("k",), **options):
    found = find_differences(pa.table(first), pa.table(second), key, **options)
    return [(c.column, c.n_rows, *c.key.values(), c.before, c.after) for c in found.changes]


def test_equal_tables_in_any_order_have_no_difference():
    first = pa.table({"k": [1, 2, 3], "x": [0.5, None, NAN]})
    assert find_differences(first, first.take([2, 0, 1]), ["k"]) == Differences(3, 1, ())


def test_each_changed_column_is_told_with_its_first_row_and_both_values():
    first = {"k": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0], "y": ["a", "b", "c", "d"], "z": [1, 1, 1, 1]}
    second = {"k": [4, 3, 2, 1], "x": [4.5, 3.0, 2.5, 1.0], "y": ["d", "C", "b", "a"], "z": [1, 1, 1, 1]}
    assert changed(first, second) == [("x", 2, 2, 2.0, 2.5), ("y", 1, 3, "c", "C")]


def test_the_first_row_is_that_of_the_first_table():
    first, second = {"k": [3, 1, 2], "x": [30, 10, 20]}, {"k": [1, 2, 3], "x": [11, 20, 33]}
    assert changed(first, second) == [("x", 2, 3, 30, 33)]


def test_rows_that_went_or_came_are_told():
    first, second = {"k": [1, 2, 3], "x": [1, 2, 3]}, {"k": [3, 4], "x": [3, 4]}
    assert changed(first, second) == [(ROW, 2, 1, "there", "not there"), (ROW, 1, 4, "not there", "there")]
    assert changed(first, second, may_lack=True) == [(ROW, 1, 4, "not there", "there")]
    assert find_differences(pa.table(first), pa.table(second), ["k"]).n_rows == 1


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        (None, None, False),
        (None, 0.0, True),
        (0.0, None, True),
        (NAN, NAN, False),
        (NAN, None, True),
        (NAN, 1.0, True),
        (1.0, NAN, True),
        (float("inf"), float("inf"), False),
        (float("inf"), float("-inf"), True),
        (float("inf"), 1e38, True),
        (-0.0, 0.0, False),
        (0.1 + 0.2, 0.3, True),  # the last bit counts
    ],
)
@pytest.mark.parametrize("number", [pa.float64(), pa.float32()])
def test_null_equals_null_nan_equals_nan_and_nothing_else(before, after, is_change, number):
    if number == pa.float32() and before == 0.1 + 0.2:
        is_change = False  # one number in single precision
    first, second = (pa.table({"k": [1], "x": pa.array([v], number)}) for v in (before, after))
    assert bool(find_differences(first, second, ["k"]).changes) == is_change
    assert bool(find_differences(first, second, ["k"], tolerance=1e-17).changes) == is_change


def test_a_tolerance_is_a_share_of_the_larger_number():
    first, second = {"k": [1, 2, 3], "x": [1e6, 1e-6, 0.0]}, {"k": [1, 2, 3], "x": [1e6 + 1, 1e-6 + 1e-9, 1e-300]}
    assert [row[1] for row in changed(first, second)] == [3]
    assert changed(first, second, tolerance=2e-6) == [("x", 2, 2, 1e-6, 1e-6 + 1e-9)]
    assert changed(first, second, tolerance=2e-3) == [("x", 1, 3, 0.0, 1e-300)]


def test_other_types_are_compared_exactly():
    t = datetime(2024, 1, 2, tzinfo=UTC)
    first = {"k": [1, 2], "n": [2**53, 2**53 + 1], "d": [Decimal("0.10"), None], "t": [t, t], "l": [[1.0, NAN], None]}
    second = {
        "k": [1, 2],
        "n": [2**53, 2**53],
        "d": [Decimal("0.10"), Decimal("0.00")],
        "t": [t, t + timedelta(microseconds=1)],
        "l": [[1.0, NAN], [1.0]],
    }
    assert changed(first, second) == [
        ("n", 1, 2, 2**53 + 1, 2**53),
        ("d", 1, 2, None, Decimal("0.00")),
        ("t", 1, 2, t, t + timedelta(microseconds=1)),
        ("l", 1, 2, None, [1.0]),
    ]


def test_a_struct_is_compared_field_by_field():
    first = {"k": [1, 2], "f": [{"a": 1.0, "g": {"b": 2}}, {"a": 1.0, "g": {"b": 3}}]}
    second = {"k": [1, 2], "f": [{"a": 1.0, "g": {"b": 2}}, {"a": 1.0, "g": {"b": 4}}]}
    assert changed(first, second) == [("f.g.b", 1, 2, 3, 4)]


def test_a_key_may_be_null_of_several_columns_and_a_large_integer():
    first = {"k": [2**62, None, 2**62 + 1], "s": ["a", None, "a"], "x": [1, 2, 3]}
    second = {"k": [2**62 + 1, 2**62, None], "s": ["a", "a", None], "x": [3, 1, 5]}
    assert changed(first, second, key=("k", "s")) == [("x", 1, None, None, 2, 5)]


def test_rows_that_share_a_key_are_compared_as_a_set():
    first = {"k": [1, 1, 2, 1], "x": [3.0, 1.0, 9.0, None], "y": ["c", "a", "z", "b"]}
    assert changed(first, {"k": [1, 2, 1, 1], "x": [None, 9.0, 1.0, 3.0], "y": ["b", "z", "a", "c"]}) == []
    assert changed(first, {"k": [1, 2, 1, 1], "x": [None, 9.0, 1.0, 4.0], "y": ["b", "z", "a", "c"]}) == [
        ("x", 1, 1, 3.0, 4.0)
    ]
    fewer = {"k": [1, 2, 1], "x": [None, 9.0, 1.0], "y": ["b", "z", "a"]}
    assert (ROW, 1, 1, "there", "not there") in changed(first, fewer)


def test_a_column_that_is_not_always_there_counts_as_null():
    assert changed({"k": [1, 2], "x": [5, None]}, {"k": [1, 2]}) == [("x", 1, 1, 5, None)]
    assert changed({"k": [1, 2]}, {"k": [1, 2], "x": [5, None]}) == [("x", 1, 1, None, 5)]


def test_one_row_and_no_row():
    none = pa.table({"k": pa.array([], pa.int64()), "x": pa.array([], pa.float64())})
    one = pa.table({"k": [1], "x": [2.0]})
    assert find_differences(none, none, ["k"]) == Differences(0, 1, ())
    assert find_differences(one, one, ["k"]) == Differences(1, 1, ())
    assert find_differences(one, none, ["k"]).changes == (Change(ROW, 1, {"k": 1}, "there", "not there"),)
    assert find_differences(one, one, []) == Differences(1, 2, ())
