import math

import numpy as np
import pytest

from models.conformal import conformal_half_width


@pytest.mark.parametrize(
    ("n_rows", "coverage", "rank"),
    [(9, 0.9, 9), (19, 0.9, 18), (20, 0.9, 19), (4, 0.8, 4), (99, 0.5, 50), (1, 0.5, 1)],
)
def test_the_half_width_is_the_residual_of_the_rank_that_the_theorem_names(n_rows, coverage, rank):
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, n_rows + 1)) * np.tile([1, -1], n_rows)[:n_rows]
    assert conformal_half_width(residuals, coverage) == rank


@pytest.mark.parametrize(("n_rows", "coverage"), [(0, 0.9), (8, 0.9), (3, 0.8)])
def test_too_few_rows_have_no_width(n_rows, coverage):
    assert math.isnan(conformal_half_width(np.ones(n_rows), coverage))


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_covers_as_often_as_it_says_whatever_the_distribution(seed):
    random = np.random.default_rng(seed)
    outcomes = random.standard_t(2, size=40_000) * random.choice([0.1, 5.0], size=40_000)
    half_width = conformal_half_width(outcomes[:4000], coverage=0.9)
    assert np.mean(np.abs(outcomes[4000:]) <= half_width) == pytest.approx(0.9, abs=0.02)
