import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.errors import UsageError
from models.folds import FOLD_SCHEMES, folds_before, purged_k_fold, walk_forward

INSTANTS = np.arange(0, 120, 10)


def test_walking_forward_each_stretch_is_measured_by_what_was_known_before_it():
    folds = walk_forward(INSTANTS, INSTANTS + 15, n_folds=2)
    assert [INSTANTS[fold.train].tolist() for fold in folds] == [[0, 10, 20], [0, 10, 20, 30, 40, 50, 60]]
    assert [INSTANTS[fold.test].tolist() for fold in folds] == [[40, 50, 60, 70], [80, 90, 100, 110]]


def test_walking_forward_the_embargo_leaves_out_the_first_rows_of_a_stretch():
    folds = walk_forward(INSTANTS, INSTANTS + 15, n_folds=2, embargo=15)
    assert [INSTANTS[fold.test].tolist() for fold in folds] == [[60, 70], [100, 110]]


def test_of_k_folds_rows_whose_label_overlaps_with_a_measured_one_are_purged_on_both_sides():
    folds = purged_k_fold(INSTANTS, INSTANTS + 15, n_folds=3)
    assert [INSTANTS[fold.test].tolist() for fold in folds] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110]]
    # The second stretch: the label of 30 is known at 45; the last measured label, of 70, at 85.
    assert INSTANTS[folds[1].train].tolist() == [0, 10, 20, 90, 100, 110]
    assert INSTANTS[folds[0].train].tolist() == [50, 60, 70, 80, 90, 100, 110]


def test_of_k_folds_the_embargo_follows_the_last_measured_label():
    folds = purged_k_fold(INSTANTS, INSTANTS + 15, n_folds=3, embargo=10)
    assert INSTANTS[folds[1].train].tolist() == [0, 10, 20, 100, 110]


def test_stretches_have_equally_many_instants_whatever_time_lies_between():
    instants = np.array([0, 1, 2, 1_000, 1_001, 1_002, 9_000, 9_001, 9_002])
    folds = purged_k_fold(instants, instants, n_folds=3)
    assert [instants[fold.test].tolist() for fold in folds] == [[0, 1, 2], [1_000, 1_001, 1_002], [9_000, 9_001, 9_002]]


def test_rows_need_no_order_and_symbols_share_an_instant():
    instants = np.array([30, 0, 20, 10, 30, 0, 20, 10])
    first, second = purged_k_fold(instants, instants, n_folds=2)
    assert (first.test.tolist(), second.test.tolist()) == ([1, 3, 5, 7], [0, 2, 4, 6])


def test_folds_before_an_instant_leave_later_labels_out_and_name_rows_as_all_rows_do():
    instants = INSTANTS[::-1]
    first, second = folds_before(60, "walk_forward", instants, instants, 2, 0)
    assert (first.train.tolist(), first.test.tolist()) == ([10, 11], [8, 9])
    assert (second.train.tolist(), second.test.tolist()) == ([8, 9, 10, 11], [6, 7])


@given(
    st.sampled_from(list(FOLD_SCHEMES)),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20)), min_size=20, max_size=60),
    st.integers(2, 4),
    st.integers(0, 15),
)
def test_no_fitted_label_knows_of_a_measured_row(scheme, rows, n_folds, embargo):
    start = np.array([first for first, _ in rows], dtype=np.int64)
    end = start + np.array([horizon for _, horizon in rows], dtype=np.int64)
    try:
        folds = FOLD_SCHEMES[scheme](start, end, n_folds, embargo)
    except UsageError:
        assume(False)
    assert len(folds) == n_folds
    for fold in folds:
        for i in fold.train:
            for j in fold.test:
                is_before, is_after = end[i] < start[j], start[i] > end[j]
                assert is_before or (is_after and scheme == "purged_k_fold")
                if is_after:
                    assert start[i] > end[j] + embargo
        if scheme == "walk_forward":
            assert start[fold.test].min() >= end[fold.train].max() + 1
    tested = np.concatenate([fold.test for fold in folds])
    assert len(set(tested.tolist())) == len(tested)
    if scheme == "purged_k_fold":
        assert sorted(tested.tolist()) == list(range(len(rows)))


@pytest.mark.parametrize("scheme", list(FOLD_SCHEMES))
@pytest.mark.parametrize(
    ("horizon", "n_folds", "message"),
    [
        (0, 1, "Folds are at least 2, got 1"),
        (0, 40, "40 folds need rows at 4[01] instants or more, got 12; take fewer"),
        (1_000, 3, "Fold 1 of 3 has 0 rows to fit on and 4|3 to measure on after purge and embargo; take fewer folds"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(scheme, horizon, n_folds, message):
    with pytest.raises(UsageError, match=message):
        FOLD_SCHEMES[scheme](INSTANTS, INSTANTS + horizon, n_folds, 0)
