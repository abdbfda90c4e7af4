"""Cuts of small histories that can be checked by hand."""

import numpy as np
import pytest

from models.cut_points import Cut, choose_cuts, choose_starts
from models.errors import DataContractError


def times(*values):
    return np.array(values, dtype=np.int64)


def at(cuts, place):
    return [cut.instant for cut in cuts if cut.place == place]


def one_group(instants):
    return np.zeros(len(instants))


def test_random_cuts_are_instants_of_rows_after_the_first_tenth_and_leave_a_future():
    instants = np.arange(0, 1000, 10)
    cuts = choose_cuts(instants, one_group(instants), n_random=10, seed=3)
    drawn = at(cuts, "random")
    assert len(drawn) == 10 == len(cuts)
    assert drawn == sorted(set(drawn))
    assert set(drawn) <= set(range(90, 990, 10))
    assert cuts == choose_cuts(instants[::-1], one_group(instants), n_random=10, seed=3)
    assert cuts != choose_cuts(instants, one_group(instants), n_random=10, seed=4)


def test_every_instant_but_the_last_is_cut_when_there_are_few():
    assert choose_cuts(times(5, 7, 5, 9), one_group(range(4))) == (Cut(5, "random"), Cut(7, "random"))


@pytest.mark.parametrize("instants", [[], [5], [5, 5, 5]])
def test_a_history_without_a_future_is_refused(instants):
    with pytest.raises(DataContractError, match=r"rows at two instants at least are needed .*, got [01]"):
        choose_cuts(times(*instants), one_group(instants))


def test_both_ends_of_the_widest_hole_of_a_group_are_cut():
    # pooled, the other group hides the hole of the first one between 30 and 90
    first, second = times(0, 10, 20, 30, 90, 100), np.arange(0, 110, 10)
    groups = np.repeat([0, 1], [len(first), len(second)])
    cuts = choose_cuts(np.concatenate([first, second]), groups, n_random=0)
    assert cuts == (Cut(30, "gap"), Cut(89, "gap"))


def test_a_regular_history_has_no_gap():
    assert choose_cuts(np.arange(0, 100, 10), one_group(range(10)), n_random=0) == ()


def test_borders_and_the_instants_before_them_are_cut():
    instants = np.arange(0, 130, 7)  # 0, 7, … 126
    cuts = choose_cuts(instants, one_group(instants), bucket=60, n_random=0)
    assert [cut.instant for cut in cuts] == [59, 60, 119, 120]
    assert {cut.place for cut in cuts} == {"border"}


def test_a_missing_value_of_each_column_is_cut():
    instants = np.arange(0, 100, 10)
    cuts = choose_cuts(instants, one_group(instants), [times(30), times(), times(70), times(90)], n_random=0)
    assert cuts == (Cut(30, "null"), Cut(70, "null"))  # after the last row there is no future


def test_starts_lie_in_the_first_half_after_the_first_instant():
    starts = choose_starts(np.arange(0, 100, 10), n_starts=3)
    assert len(starts) == 3
    assert set(starts) <= {10, 20, 30, 40}
    assert choose_starts(times(1, 2)) == (2,)
    assert choose_starts(times(1)) == ()
