import numpy as np
import pytest

from models.bootstrap import Interval, mean_interval, squared_error_difference
from models.errors import UsageError


def moving_sums(rng, n_rows, length):
    """Values that overlap like returns over ``length`` rows: their mean's variance grows by about ``length``."""
    return np.convolve(rng.normal(size=n_rows + length - 1), np.ones(length), mode="valid")


def test_independent_values_get_the_interval_of_the_normal_formula():
    values = np.random.default_rng(1).normal(2.0, 3.0, 4000)
    interval = mean_interval(values, block_length=1)
    half = 1.96 * values.std() / 4000**0.5
    assert interval.mean == pytest.approx(values.mean())
    assert interval.lower == pytest.approx(values.mean() - half, abs=0.08 * half)
    assert interval.upper == pytest.approx(values.mean() + half, abs=0.08 * half)


def test_blocks_widen_the_interval_to_that_of_the_long_run_variance():
    # The mean of sums over 10 rows has the deviation 10 / sqrt(n); the Bartlett-like weights of blocks lose a little.
    values = moving_sums(np.random.default_rng(2), 20_000, 10)
    half = 1.96 * 10 / 20_000**0.5
    blocks = mean_interval(values, block_length=100)
    single = mean_interval(values, block_length=1)
    assert (blocks.upper - blocks.lower) / 2 == pytest.approx(half, rel=0.2)
    assert (single.upper - single.lower) / 2 == pytest.approx(half / 10**0.5, rel=0.1)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    n_covered = 0
    for seed in range(200):
        interval = mean_interval(moving_sums(rng, 1000, 5), block_length=40, n_resamples=400, level=0.9, seed=seed)
        n_covered += interval.lower <= 0 <= interval.upper
    assert 0.80 <= n_covered / 200 <= 0.97


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(4).normal(size=300)
    assert mean_interval(values, 10, seed=5) == mean_interval(values, 10, seed=5)
    assert mean_interval(values, 10, seed=5) != mean_interval(values, 10, seed=6)


def test_a_block_as_long_as_the_series_is_allowed_and_constant_values_have_no_width():
    assert mean_interval(np.full(7, 2.5), 7) == Interval(2.5, 2.5, 2.5)


def test_an_interval_excludes_zero_only_where_it_lies_on_one_side():
    sides = [Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0.5, -1, 2), Interval(1, 0, 2)]
    assert [interval.excludes_zero for interval in sides] == [True, True, False, False]


def test_the_difference_is_positive_where_the_model_is_nearer_than_the_baseline():
    difference = squared_error_difference(np.array([3.0, 3.0]), np.array([2.0, 7.0]), np.array([0.0, 1.0]))
    assert difference.tolist() == [9 - 1, 4 - 16]


@pytest.mark.parametrize("block_length", [0, 6])
def test_a_block_length_out_of_range_is_refused(block_length):
    with pytest.raises(UsageError, match=f"from 1 to the number of rows 5, got {block_length}"):
        mean_interval(np.zeros(5), block_length)


def test_a_level_out_of_range_is_refused():
    with pytest.raises(UsageError, match=r"between 0 and 1, got 95; try 0\.95"):
        mean_interval(np.zeros(5), 1, level=95)
