import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from models.unlikeness import FARTHEST, fit_training_distance

RNG = np.random.default_rng(0)
MIX = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 300.0], [0.0, 0.0, 10.0]])  # the last two almost depend on each other
TRAINED_ON = RNG.normal(size=(2000, 3)) @ MIX + [5.0, -2.0, 1000.0]


def test_the_distance_is_that_of_mahalanobis_under_the_covariance_of_ledoit_and_wolf():
    mean, deviation = TRAINED_ON.mean(axis=0), TRAINED_ON.std(axis=0)
    precision = LedoitWolf().fit((TRAINED_ON - mean) / deviation).precision_
    rows = TRAINED_ON[:50] + RNG.normal(size=(50, 3)) * deviation
    expected = [mahalanobis((row - mean) / deviation, np.zeros(3), precision) for row in rows]
    np.testing.assert_allclose(fit_training_distance(TRAINED_ON).distance(rows), expected, rtol=1e-9)


def test_one_in_a_hundred_training_rows_is_farther_out_than_one():
    assert np.mean(fit_training_distance(TRAINED_ON).unlikeness(TRAINED_ON) > 1) == pytest.approx(0.01, abs=0.001)


def test_a_row_that_moves_away_becomes_more_unlike():
    fitted = fit_training_distance(TRAINED_ON)
    shifts = np.array([0.0, 1.0, 2.0, 5.0, 20.0, 1000.0])[:, None] * TRAINED_ON.std(axis=0) * [1, -1, 1]
    unlikeness = fitted.unlikeness(TRAINED_ON.mean(axis=0) + shifts)
    assert unlikeness[0] == pytest.approx(0, abs=1e-9)
    assert (np.diff(unlikeness) > 0).all()


def test_a_row_that_breaks_a_dependence_is_unlike_though_each_value_is_usual():
    x = RNG.normal(size=1000)
    fitted = fit_training_distance(np.column_stack([x, 2 * x]))
    usual, broken = fitted.unlikeness(np.array([[1.0, 2.0], [1.0, -2.0]]))
    assert usual < 1 < broken < FARTHEST


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e9])
def test_a_changed_constant_is_unlike_and_an_unchanged_one_is_not(constant):
    rows = np.column_stack([RNG.normal(size=500), np.full(500, constant)])
    fitted = fit_training_distance(rows)
    same, changed = fitted.unlikeness(np.array([[0.0, constant], [0.0, constant * 1.001 + 0.001]]))
    assert same < 1 < changed <= FARTHEST
    assert np.isfinite(fitted.whitening).all()


@pytest.mark.parametrize("n_rows", [1, 5])
def test_training_rows_that_are_all_equal_make_every_other_row_unlike(n_rows):
    fitted = fit_training_distance(np.full((n_rows, 2), 3.0))
    one_more = 1.0 / 3e-6  # in millionths of the constant 3
    assert fitted.unlikeness(np.array([[3.0, 3.0], [3.0, 4.0]])).tolist() == [0.0, pytest.approx(one_more)]


def test_the_largest_number_is_as_unlike_as_can_be():
    largest = np.finfo(np.float64).max
    fitted = fit_training_distance(TRAINED_ON)
    assert fitted.unlikeness(np.array([[largest, -largest, largest]])).tolist() == [FARTHEST]


def test_a_sequence_is_as_unlike_as_its_farthest_step():
    windows = TRAINED_ON.reshape(500, 4, 3)
    fitted = fit_training_distance(windows)
    by_step = fitted.unlikeness(TRAINED_ON).reshape(500, 4)
    assert fitted.unlikeness(windows).tolist() == by_step.max(axis=1).tolist()
    assert np.mean(fitted.unlikeness(windows) > 1) == pytest.approx(0.01, abs=0.001)


def test_a_row_gets_the_same_number_whatever_rows_come_with_it():
    fitted = fit_training_distance(TRAINED_ON)
    whole = fitted.unlikeness(TRAINED_ON).tolist()
    for n_rows in (1, 3, 64):
        parts = [fitted.unlikeness(TRAINED_ON[start : start + n_rows]) for start in range(0, 192, n_rows)]
        assert np.concatenate(parts).tolist() == whole[:192]
