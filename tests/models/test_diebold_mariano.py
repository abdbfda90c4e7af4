import math

import numpy as np
import pytest
from scipy import stats

from models.diebold_mariano import Comparison, diebold_mariano
from models.errors import UsageError


def overlapping(rng, n, horizon):
    """Gains of labels that look ``horizon`` steps ahead: their mean's variance grows by about the horizon."""
    return np.convolve(rng.normal(size=n + horizon - 1), np.ones(horizon), mode="valid")


def test_one_step_ahead_it_is_students_test_of_the_mean_but_for_the_divisor_of_the_variance():
    gain = np.random.default_rng(0).normal(0.1, 1.0, 50)
    expected = stats.ttest_1samp(gain, 0)  # divides by n - 1; the correction (n - 1) / n makes up for it
    found = diebold_mariano(gain, horizon_steps=1, n_lags=0)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)


def test_two_lags_by_hand():
    # Mean 2.5; deviations -1.5, -0.5, 0.5, 1.5: covariances 5/4, 1.25/4, -1.5/4; weights 2/3 and 1/3.
    variance = 1.25 + 2 * (2 / 3 * 0.3125 + 1 / 3 * -0.375)
    statistic = 2.5 / math.sqrt(variance / 4) * math.sqrt((4 + 1 - 4 + 2 * 1 / 4) / 4)
    found = diebold_mariano(np.array([1.0, 2.0, 3.0, 4.0]), horizon_steps=2, n_lags=2)
    assert found.statistic == pytest.approx(statistic, rel=1e-12)
    assert found.p_value == pytest.approx(2 * stats.t.sf(statistic, 3), rel=1e-12)


def test_a_model_that_loses_has_the_opposite_sign_and_the_same_probability():
    gain = np.random.default_rng(1).normal(0.3, 1.0, 80)
    better, worse = (diebold_mariano(sign * gain, 3, 10) for sign in (1, -1))
    assert better.statistic == -worse.statistic > 0
    assert better.p_value == worse.p_value


@pytest.mark.parametrize(("horizon", "n_lags"), [(1, 0), (5, 25)])
def test_equal_predictions_are_called_different_about_as_often_as_the_level_says(horizon, n_lags):
    rng = np.random.default_rng(2)
    found = [diebold_mariano(overlapping(rng, 1_000, horizon), horizon, n_lags).p_value < 0.05 for _ in range(400)]
    assert 0.02 <= np.mean(found) <= 0.10


def test_neglecting_the_overlap_would_call_chance_a_skill():
    rng = np.random.default_rng(3)
    found = [diebold_mariano(overlapping(rng, 1_000, 5), 5, 0).p_value < 0.05 for _ in range(200)]
    assert np.mean(found) > 0.25


@pytest.mark.parametrize("gain", [[], [1.0], [2.0, 2.0, 2.0], [0.0, 0.0]])
def test_values_without_variance_have_no_outcome(gain):
    found = diebold_mariano(np.array(gain), horizon_steps=1, n_lags=1)
    assert math.isnan(found.statistic)
    assert math.isnan(found.p_value)


def test_more_lags_than_values_are_all_lags():
    gain = np.array([1.0, -2.0, 4.0, 0.5])
    assert diebold_mariano(gain, 1, 99) == diebold_mariano(gain, 1, 3)
    assert isinstance(diebold_mariano(gain, 1, 3), Comparison)


@pytest.mark.parametrize(("horizon", "n_lags"), [(0, 1), (1, -1)])
def test_impossible_steps_are_refused(horizon, n_lags):
    with pytest.raises(UsageError, match="Steps ahead must be at least 1 and lags at least 0"):
        diebold_mariano(np.ones(3), horizon, n_lags)
