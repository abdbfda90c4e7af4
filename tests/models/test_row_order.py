"""Rows in the order of their content, compared with NumPy's sort by all keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.row_order import order_by

FEW = st.sampled_from([-1.5, -0.0, 0.0, 2.0, float("nan"), float("inf")])


@given(arrays.arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 30)), elements=FEW))
def test_rows_are_in_the_order_of_all_keys(keys):
    order = order_by(iter(keys), keys.shape[1])
    expected = np.lexsort(keys[::-1]) if len(keys) else np.arange(keys.shape[1])
    assert order.tolist() == expected.tolist()


def test_times_with_equal_rows_among_them_are_told_apart_by_the_next_key():
    times, values = np.array([5, 1, 5, 1, 5]), np.array([2.0, 9.0, 1.0, 9.0, np.nan])
    assert order_by([times, values], 5).tolist() == [1, 3, 2, 0, 4]


def test_a_key_is_not_asked_for_where_no_rows_are_equal():
    def keys():
        yield np.array([3, 1, 2])
        pytest.fail("asked for the second key")

    assert order_by(keys(), 3).tolist() == [1, 2, 0]


def test_texts_and_truth_values_are_keys_too():
    assert order_by([np.array(["b", "a", "b"]), np.array([True, False, False])], 3).tolist() == [1, 2, 0]


@pytest.mark.parametrize("n_rows", [0, 1])
def test_none_and_one_row_are_in_order(n_rows):
    assert order_by([np.zeros(n_rows)], n_rows).tolist() == list(range(n_rows))
