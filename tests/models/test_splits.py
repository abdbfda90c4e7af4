import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UsageError
from models.splits import split_by_share, split_by_time

INSTANTS = np.arange(0, 100, 10)


def test_rows_with_a_label_that_reaches_into_the_next_part_are_purged():
    split = split_by_time(INSTANTS, INSTANTS + 15, validation_start=50, test_start=80)
    assert INSTANTS[split.train].tolist() == [0, 10, 20, 30]
    assert INSTANTS[split.validation].tolist() == [50, 60]
    assert INSTANTS[split.test].tolist() == [80, 90]


def test_a_label_known_at_the_border_itself_belongs_to_the_next_part():
    split = split_by_time(INSTANTS, INSTANTS + 10, validation_start=50, test_start=80)
    assert INSTANTS[split.train].tolist() == [0, 10, 20, 30]


def test_the_embargo_leaves_out_the_first_rows_after_each_border():
    split = split_by_time(INSTANTS, INSTANTS, validation_start=30, test_start=60, embargo=10)
    assert INSTANTS[split.train].tolist() == [0, 10, 20]
    assert INSTANTS[split.validation].tolist() == [40, 50]
    assert INSTANTS[split.test].tolist() == [70, 80, 90]


def test_shares_cut_the_time_span_not_the_number_of_rows():
    instants = np.array([0, 1, 2, 3, 4, 5, 50, 65, 85, 99])
    split = split_by_share(instants, instants, validation_share=0.2, test_share=0.2)
    assert instants[split.validation].tolist() == [65]
    assert instants[split.test].tolist() == [85, 99]


def test_rows_need_no_order_and_keep_theirs():
    instants = np.array([90, 0, 60, 10])
    split = split_by_time(instants, instants, validation_start=50, test_start=80)
    assert (split.train.tolist(), split.validation.tolist(), split.test.tolist()) == ([1, 3], [2], [0])


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 200)), max_size=50),
    st.integers(0, 1000),
    st.integers(0, 500),
    st.integers(0, 100),
)
def test_no_label_reaches_into_a_later_part(rows, validation_start, width, embargo):
    available_at = np.array([start for start, _ in rows], dtype=np.int64)
    label_end = available_at + np.array([horizon for _, horizon in rows], dtype=np.int64)
    test_start = validation_start + width
    split = split_by_time(available_at, label_end, validation_start, test_start, embargo)
    assert all(label_end[row] < validation_start for row in split.train)
    assert all(label_end[row] < test_start for row in split.validation)
    assert all(available_at[row] >= validation_start + embargo for row in split.validation)
    assert all(available_at[row] >= test_start + embargo for row in split.test)
    parts = [set(split.train), set(split.validation), set(split.test)]
    assert sum(map(len, parts)) == len(set().union(*parts))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_start": 80, "test_start": 50}, "starts at 80, after the test part at 50; put it before"),
        ({"validation_start": 50, "test_start": 80, "embargo": -1}, "must not be negative, got -1"),
    ],
)
def test_borders_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        split_by_time(INSTANTS, INSTANTS, **arguments)


def test_a_label_before_its_features_is_refused():
    with pytest.raises(UsageError, match="label of row 0 ends before its features are known"):
        split_by_time(INSTANTS, INSTANTS - 1, 50, 80)


@pytest.mark.parametrize(("validation", "test"), [(0, 0.2), (0.2, 0), (0.5, 0.5)])
def test_shares_that_leave_a_part_empty_are_refused(validation, test):
    with pytest.raises(UsageError, match=r"try 0\.2 and 0\.2"):
        split_by_share(INSTANTS, INSTANTS, validation, test)


def test_a_part_that_purging_empties_is_named():
    with pytest.raises(UsageError, match="The validation part has no rows after purge and embargo; take more time"):
        split_by_share(INSTANTS, INSTANTS + 30)


def test_no_rows_are_refused():
    with pytest.raises(UsageError, match="no rows to split; widen the time range"):
        split_by_share(INSTANTS[:0], INSTANTS[:0])
