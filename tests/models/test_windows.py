import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UsageError
from models.windows import sliding_windows


def column(*values):
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def test_a_window_holds_the_rows_up_to_its_last_one_oldest_first():
    windows, last_rows = sliding_windows(column(1, 2, 3, 4), np.zeros(4), np.arange(4), 3)
    assert windows[:, :, 0].tolist() == [[1, 2, 3], [2, 3, 4]]
    assert last_rows.tolist() == [2, 3]


def test_no_window_crosses_into_another_group():
    windows, last_rows = sliding_windows(column(1, 2, 3, 4), np.array(["A", "A", "B", "B"]), np.array([0, 1, 2, 3]), 2)
    assert windows[:, :, 0].tolist() == [[1, 2], [3, 4]]
    assert last_rows.tolist() == [1, 3]


def test_no_window_crosses_a_missing_step():
    _, last_rows = sliding_windows(column(1, 2, 3, 4), np.zeros(4), np.array([0, 1, 3, 4]), 2)
    assert last_rows.tolist() == [1, 3]


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_no_window_holds_a_value_that_is_not_finite(missing):
    windows, last_rows = sliding_windows(column(1, 2, missing, 4, 5), np.zeros(5), np.arange(5), 2)
    assert windows[:, :, 0].tolist() == [[1, 2], [4, 5]]
    assert last_rows.tolist() == [1, 4]


def test_windows_of_one_step_are_the_rows():
    windows, last_rows = sliding_windows(column(1, np.nan, 3), np.zeros(3), np.arange(3), 1)
    assert windows[:, :, 0].tolist() == [[1], [3]]
    assert last_rows.tolist() == [0, 2]


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_fewer_rows_than_steps_give_no_window_but_the_right_shape(n_rows):
    windows, last_rows = sliding_windows(np.zeros((n_rows, 4)), np.zeros(n_rows), np.arange(n_rows), 3)
    assert windows.shape == (0, 3, 4)
    assert last_rows.shape == (0,)


def test_rows_out_of_order_are_refused_by_row():
    with pytest.raises(UsageError, match="Row 2 is not after the row before it in the same group; order rows by group"):
        sliding_windows(column(1, 2, 3), np.zeros(3), np.array([0, 1, 1]), 2)


def test_a_window_of_no_steps_is_refused():
    with pytest.raises(UsageError, match="at least 1 step, got 0; set sequence_length to 1 or more"):
        sliding_windows(column(1), np.zeros(1), np.arange(1), 0)


@st.composite
def ordered_rows(draw):
    """Rows of up to three groups with holes in time and values that are not finite."""
    groups, steps = [], []
    for group in range(draw(st.integers(0, 3))):
        own = sorted(draw(st.sets(st.integers(0, 12), max_size=10)))
        groups += [group] * len(own)
        steps += own
    values = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, np.nan]), min_size=len(steps), max_size=len(steps)))
    return np.array(values).reshape(-1, 1), np.array(groups, dtype=np.int64), np.array(steps, dtype=np.int64)


@given(ordered_rows(), st.integers(1, 4))
def test_exactly_the_rows_with_enough_unbroken_past_get_a_window(rows, n_steps):
    X, groups, steps = rows
    at = {(group, step): value for group, step, value in zip(groups, steps, X[:, 0], strict=True)}
    expected = []
    for row, (group, step) in enumerate(zip(groups, steps, strict=True)):
        past = [at.get((group, step - back), np.nan) for back in range(n_steps - 1, -1, -1)]
        if np.isfinite(past).all():
            expected.append((row, past))
    windows, last_rows = sliding_windows(X, groups, steps, n_steps)
    assert [
        (row, window) for row, window in zip(last_rows.tolist(), windows[:, :, 0].tolist(), strict=True)
    ] == expected
