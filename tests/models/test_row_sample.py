"""A bounded sample of rows: fixed, and in the order of the rows."""

import numpy as np
import pytest

from models.row_sample import sample_rows

ROWS = np.arange(100, 130)


@pytest.mark.parametrize("most_rows", [30, 31])
def test_few_rows_are_all_taken(most_rows):
    assert sample_rows(ROWS, most_rows).tolist() == ROWS.tolist()


def test_of_many_rows_the_same_ones_are_taken_in_their_order():
    taken = sample_rows(ROWS, 10).tolist()
    assert len(taken) == 10
    assert sorted(set(taken)) == taken
    assert set(taken) < set(ROWS.tolist())
    assert sample_rows(ROWS, 10).tolist() == taken


def test_rows_of_several_columns_stay_whole():
    pairs = np.stack([ROWS, ROWS * 2], axis=1)
    taken = sample_rows(pairs, 7)
    assert taken.shape == (7, 2)
    assert (taken[:, 1] == 2 * taken[:, 0]).all()
