"""Rows of an array: those that numpy's own indexing gives, and a view where they follow each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.row_view import rows_of

VALUES = np.arange(24.0).reshape(8, 3)


@given(st.lists(st.integers(0, 7)) | st.tuples(st.integers(0, 7), st.integers(0, 8)).map(lambda ends: range(*ends)))
def test_the_rows_are_those_of_an_index(rows):
    rows = np.array(rows, dtype=np.int64)
    assert rows_of(VALUES, rows).tolist() == VALUES[rows].tolist()


@pytest.mark.parametrize("rows", [[0], [2, 3, 4], list(range(8))])
def test_rows_that_follow_each_other_are_not_copied_and_cannot_be_changed(rows):
    view = rows_of(VALUES, np.array(rows))
    assert np.shares_memory(view, VALUES)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0
    assert VALUES.flags.writeable


@pytest.mark.parametrize("rows", [[], [3, 2, 1], [0, 2, 2], [1, 3]])
def test_other_rows_are_a_copy(rows):
    assert not np.shares_memory(rows_of(VALUES, np.array(rows, dtype=np.int64)), VALUES)
