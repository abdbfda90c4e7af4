"""Numbers of an exploration by hand, and against pandas and SciPy."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from models.exploration import (
    Track,
    at_offset,
    autocorrelation,
    describe,
    forward_return,
    hourly_means,
    information_coefficient_ahead,
)


def track(values, position=None, close=None):
    values = np.asarray(values, dtype=float)
    position = np.arange(len(values)) if position is None else np.asarray(position)
    return Track(position, values, np.full(len(values), 100.0) if close is None else np.asarray(close, dtype=float))


def test_a_description_equals_scipy():
    values = np.random.default_rng(1).gamma(2.0, size=1000)
    values[::10] = np.nan
    known, found = values[np.isfinite(values)], describe(values)
    assert (found["n"], found["share_null"]) == (900, pytest.approx(0.1))
    expected = {"mean": known.mean(), "deviation": pd.Series(known).std(), "skewness": scipy.stats.skew(known),
                "kurtosis": scipy.stats.kurtosis(known), "median": np.median(known)}  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize(("values", "n"), [([], 0), ([np.nan], 0), ([3.0], 1), ([2.0, 2.0, np.inf], 2)])
def test_few_or_constant_values_have_what_can_be_said(values, n):
    found = describe(np.array(values, dtype=float))
    assert found["n"] == n
    assert np.isnan(found["skewness"])
    assert np.isnan(found["mean"]) == (n == 0)


def test_an_offset_never_reaches_over_a_hole():
    values, position = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1, 3, 4])
    np.testing.assert_array_equal(at_offset(values, position, 1), [2, np.nan, 4, np.nan])
    np.testing.assert_array_equal(at_offset(values, position, -2), [np.nan, np.nan, 2, np.nan])
    assert len(at_offset(values[:1], position[:1], 1)) == 1


def test_memory_equals_pandas_for_one_symbol_and_ignores_the_levels_of_two():
    random = np.random.default_rng(2)
    values = np.zeros(5000)
    for i in range(1, 5000):
        values[i] = 0.8 * values[i - 1] + random.normal()
    for n_bars in (1, 5):
        expected = pd.Series(values).autocorr(n_bars)
        assert autocorrelation([track(values)], n_bars) == pytest.approx(expected, rel=1e-12)
    apart = [track(values[:2500]), track(values[2500:] + 1000)]
    assert autocorrelation(apart, 1) == pytest.approx(0.8, abs=0.03)
    assert np.isnan(autocorrelation([track(np.ones(100))], 1))
    assert np.isnan(autocorrelation([track(values[:20])], 1))  # too few


def test_a_return_ahead_by_hand():
    found = forward_return(track([0, 0, 0], position=[0, 1, 3], close=[100, 110, 121]), 1)
    np.testing.assert_allclose(found, [np.log(1.1), np.nan, np.nan])


def market(n, skill, seed):
    """A variable that tells ``skill`` of the next return, and the closes."""
    random = np.random.default_rng(seed)
    values, noise = random.normal(size=n), random.normal(size=n)
    returns = np.concatenate([[0.0], (skill * values + noise)[:-1]])
    return track(values, close=100 * np.exp(0.001 * np.cumsum(returns)))


def test_information_equals_spearman_of_scipy_and_covers_it():
    one = market(3000, skill=0.2, seed=3)
    ahead = forward_return(one, 1)
    expected = scipy.stats.spearmanr(one.values[:-1], ahead[:-1]).statistic
    found = information_coefficient_ahead([one], 1)
    assert found.mean == pytest.approx(expected, rel=1e-9)
    assert found.excludes_zero
    assert found.lower < 0.19 < found.upper


def test_a_variable_without_information_is_told_so_19_times_in_20():
    found = [information_coefficient_ahead([market(1000, 0.0, seed)], 5) for seed in range(60)]
    assert sum(one.excludes_zero for one in found) <= 9  # 60 * 0.05 = 3, and overlapping returns in few blocks


def test_symbols_that_move_together_count_once():
    one = market(2000, skill=0.1, seed=4)
    alone, twice = information_coefficient_ahead([one], 1), information_coefficient_ahead([one, one], 1)
    assert twice == alone


def test_too_few_rows_or_no_variation_say_nothing():
    assert information_coefficient_ahead([market(100, 0.5, 5)], 60) is None
    assert information_coefficient_ahead([track(np.ones(500))], 1) is None
    assert information_coefficient_ahead([], 1) is None


def test_the_hour_is_that_at_which_the_bar_is_known():
    hourly = hourly_means([track([1.0, 3.0, 5.0, np.nan], position=[22, 23, 47, 48])], 3600)
    assert hourly[23] == 1.0
    assert hourly[0] == 4.0  # the last bars of two days end at midnight
    assert np.isnan(hourly[1])
    assert np.isnan(hourly).sum() == 22
