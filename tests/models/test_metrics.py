import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn import metrics as reference

from models.baselines import last_value, zero_change
from models.metrics import calibration_error, classification_metrics, mean_ranks, pinball_loss, regression_metrics

RNG = np.random.default_rng(0)


def test_regression_metrics_are_those_of_scikit_learn_and_scipy():
    actual = RNG.normal(size=500)
    predicted = np.round(0.3 * actual + RNG.normal(size=500), 1)
    found = regression_metrics(actual, predicted)
    assert found["mse"] == pytest.approx(reference.mean_squared_error(actual, predicted))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(actual, predicted))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(actual, predicted))
    assert found["r2"] == pytest.approx(reference.r2_score(actual, predicted))
    assert found["information_coefficient"] == pytest.approx(spearmanr(actual, predicted).statistic)


def test_directional_accuracy_counts_only_rows_that_moved():
    found = regression_metrics(np.array([1.0, 2.0, -1.0, 0.0]), np.array([3.0, -1.0, -2.0, 5.0]))
    assert found["directional_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_loss_of_a_quantile_is_that_of_scikit_learn(quantile):
    actual, predicted = RNG.normal(size=(2, 200))
    expected = reference.mean_pinball_loss(actual, predicted, alpha=quantile)
    assert pinball_loss(actual, predicted, quantile) == pytest.approx(expected)


def test_metrics_without_a_meaning_are_nan():
    found = regression_metrics(np.zeros(3), np.array([1.0, 2.0, 3.0]))
    assert found["mse"] == pytest.approx(14 / 3)
    undefined = [name for name, value in found.items() if np.isnan(value)]
    assert undefined == ["r2", "directional_accuracy", "information_coefficient"]


@given(st.lists(st.integers(-3, 3), min_size=1))
def test_mean_ranks_are_those_of_scipy(values):
    assert mean_ranks(np.array(values)).tolist() == rankdata(values).tolist()


def test_metrics_of_two_classes_are_those_of_scikit_learn():
    actual = np.where(RNG.random(300) < 0.4, "down", "up")
    second = np.round(np.clip(RNG.random(300) + 0.2 * (actual == "up"), 0.01, 0.99), 2)
    found = classification_metrics(actual, np.column_stack([1 - second, second]), np.array(["down", "up"]))
    assert found["accuracy"] == pytest.approx(np.mean(np.where(second > 0.5, "up", "down") == actual))
    assert found["log_loss"] == pytest.approx(reference.log_loss(actual == "up", second))
    assert found["brier"] == pytest.approx(reference.brier_score_loss(actual == "up", second))
    assert found["auc"] == pytest.approx(reference.roc_auc_score(actual == "up", second))


def test_metrics_of_three_classes_are_those_of_scikit_learn():
    classes = np.array([-1, 0, 1])
    actual = RNG.choice(classes, 300)
    probability = RNG.dirichlet([1, 1, 1], 300)
    found = classification_metrics(actual, probability, classes)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(actual, classes[probability.argmax(axis=1)]))
    assert found["log_loss"] == pytest.approx(reference.log_loss(actual, probability))
    assert found["brier"] == pytest.approx(reference.brier_score_loss(actual, probability, labels=classes))
    assert "auc" not in found


def test_the_calibration_error_is_the_mean_distance_of_share_and_confidence_in_ten_bins():
    confidence, is_right = np.round(RNG.uniform(0.5, 1.0, 400), 3), (RNG.random(400) < 0.6).astype(float)
    expected = 0.0
    for lowest in range(10):
        inside = (np.floor(confidence * 10) == lowest) | ((lowest == 9) & (confidence == 1.0))
        if inside.any():
            expected += inside.mean() * abs(is_right[inside].mean() - confidence[inside].mean())
    assert calibration_error(confidence, is_right) == pytest.approx(expected)
    assert calibration_error(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.0


def test_the_area_under_the_curve_of_one_class_is_nan():
    found = classification_metrics(np.array([1, 1]), np.array([[0.4, 0.6], [0.3, 0.7]]), np.array([0, 1]))
    assert np.isnan(found["auc"])


def test_zero_change_predicts_no_return():
    assert zero_change(3).tolist() == [0.0, 0.0, 0.0]


def test_last_value_repeats_what_was_realized_and_predicts_no_return_where_nothing_was():
    assert last_value(np.array([0.5, np.nan, -0.25])).tolist() == [0.5, 0.0, -0.25]
