"""Inputs of a training in parts, against the same rows in one array."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.statements.input_parts import InputParts

VALUES = np.random.default_rng(0).normal(size=(23, 3))
VALUES[[2, 9, 22], [0, 1, 2]] = np.nan, np.inf, np.nan
CUTS = st.lists(st.integers(0, len(VALUES)), max_size=4).map(sorted)


def parts_of(columns, cuts=(), sequence_length=1):
    batch = pa.RecordBatch.from_arrays(columns, names=[f"f{i}" for i in range(len(columns))])
    borders = [0, *cuts, len(batch)]
    return InputParts([batch.slice(start, end - start) for start, end in pairwise(borders)], sequence_length)


def rows_in_parts(cuts=()):
    return parts_of([pa.array(column, from_pandas=True) for column in VALUES.T], cuts)


@given(CUTS, st.lists(st.integers(0, len(VALUES) - 1), min_size=1, unique=True))
def test_chosen_rows_come_in_their_order_wherever_the_parts_are_cut(cuts, rows):
    np.testing.assert_array_equal(rows_in_parts(cuts).gathered(np.array(rows)), VALUES[rows])


@given(CUTS)
def test_each_place_of_an_input_is_a_column_of_all_rows(cuts):
    np.testing.assert_array_equal(np.stack(list(rows_in_parts(cuts).values_by_place()), axis=1), VALUES)


@pytest.mark.parametrize(("is_imputing", "unusable"), [(False, [2, 9, 22]), (True, [9])])
def test_a_row_with_a_missing_feature_is_usable_where_it_is_imputed_and_an_infinite_one_never(is_imputing, unusable):
    found = rows_in_parts([5, 5, 20]).are_usable(is_imputing)
    assert np.flatnonzero(~found).tolist() == unusable


def test_of_sequences_the_last_steps_are_taken_and_short_ones_are_unusable():
    steps = pa.array([[9.0, 1.0, 2.0], [3.0], [4.0, 5.0]], pa.list_(pa.float64()))
    parts = parts_of([steps, steps], [1], sequence_length=2)
    assert parts.are_usable(is_imputing=False).tolist() == [True, False, True]
    assert parts.gathered(np.array([2, 0])).tolist() == [[[4, 4], [5, 5]], [[1, 1], [2, 2]]]
    places = [column[[0, 2]].tolist() for column in parts.values_by_place()]
    assert places == [[1, 4], [1, 4], [2, 5], [2, 5]]


def test_no_rows_have_no_usable_ones():
    assert InputParts([], 1).are_usable(is_imputing=True).tolist() == []
