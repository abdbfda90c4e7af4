import doctest

import numpy as np
import pandas as pd
import pytest

from jobs import report_format, report_numbers
from jobs.report_data import EVALUATION_COLUMNS, ReportData
from jobs.report_format import Unit
from jobs.report_headline import verdict
from jobs.report_numbers import (
    Series,
    calibration,
    champion,
    cumulative_gain,
    feature_summary,
    histograms,
    shown_series,
)

BPS = Unit("bps", 1e4)
RIDGE = Series("ridge", 2, True)


def evaluated(difference, lower, upper):
    zero = dict.fromkeys(EVALUATION_COLUMNS) | {"model": "zero change", "n": 100, "mse": 4e-8}
    ridge = zero | {"model": "ridge", "version": 2, "mse": 4e-8 + difference}
    ridge |= {"mse_difference": difference, "difference_lower": lower, "difference_upper": upper}
    return pd.DataFrame([ridge, zero], columns=EVALUATION_COLUMNS)


def test_the_examples_in_the_docstrings_hold():
    for module in (report_format, report_numbers):
        assert doctest.testmod(module).failed == 0


def test_the_verdict_claims_skill_where_the_interval_lies_below_zero():
    sentence, kind = verdict(evaluated(-1e-8, -2e-8, -0.5e-8), RIDGE, BPS)
    assert kind == "better"
    assert sentence.startswith("On held-out time ridge/2 beats always predicting zero change")
    assert "−1.00 bps² (−25.00\N{NO-BREAK SPACE}%), 95 % block-bootstrap interval −2.00 to −0.500 bps²" in sentence


@pytest.mark.parametrize(("lower", "upper"), [(-2e-8, 1e-9), (-2e-8, 0.0), (0.0, 2e-8)])
def test_the_verdict_sees_no_skill_where_the_interval_touches_zero(lower, upper):
    sentence, kind = verdict(evaluated(-1e-8, lower, upper), RIDGE, BPS)
    assert kind == "none"
    assert sentence.startswith("There is no evidence of skill: on held-out time ridge/2 cannot be told from")
    assert "the interval includes zero" in sentence


def test_the_verdict_says_worse_where_the_interval_lies_above_zero():
    sentence, kind = verdict(evaluated(1e-8, 0.5e-8, 2e-8), RIDGE, BPS)
    assert (kind, "is worse than always predicting zero change" in sentence) == ("worse", True)


def test_the_verdict_does_not_judge_a_champion_that_was_not_compared():
    assert verdict(evaluated(-1e-8, -2e-8, -1e-9), Series("ridge", 3, True), BPS) == (
        "ridge/3 has not been compared with zero change on held-out time.",
        "none",
    )


def test_the_champion_comes_first_and_of_other_models_the_newest_version_with_predictions():
    scored = pd.DataFrame({"model": ["a", "a", "b", "b"], "version": [1, 2, 9, 10]})
    models = pd.DataFrame({"model": ["b", "b", "c"], "version": [9, 10, 1], "is_champion": [True, False, False]})
    data = ReportData("return_5m", predictions=scored, models=models)
    assert champion(data) == Series("b", 9, True)
    assert [series.name for series in shown_series(data)] == ["b/9", "a/2"]


def test_calibration_gives_the_mean_of_each_tenth():
    predicted = np.arange(100.0)
    groups = calibration(predicted, 2 * predicted)
    assert groups["predicted"].tolist() == [10 * i + 4.5 for i in range(10)]
    assert groups["actual"].tolist() == [20 * i + 9.0 for i in range(10)]
    assert groups["n"].tolist() == [10] * 10


def test_calibration_intervals_do_not_shrink_when_neighbours_repeat_each_other():
    rng = np.random.default_rng(0)
    predicted, actual = rng.normal(size=100), rng.normal(size=100)
    once = calibration(predicted, actual)
    twenty_times = calibration(np.repeat(predicted, 20), np.repeat(actual, 20))
    width, repeated = ((groups["upper"] - groups["lower"]).mean() for groups in (once, twenty_times))
    assert repeated == pytest.approx(width, rel=0.1)


def test_calibration_of_independent_outcomes_has_the_textbook_interval():
    rng = np.random.default_rng(1)
    groups = calibration(rng.normal(size=20_000), rng.normal(size=20_000))
    width = (groups["upper"] - groups["lower"]).mean()
    assert width == pytest.approx(2 * 1.96 / 2_000**0.5, rel=0.1)


def test_calibration_needs_two_rows_for_each_tenth():
    assert calibration(np.arange(19.0), np.arange(19.0)).empty


def test_cumulative_gain_rises_by_what_the_model_saves_and_stays_where_a_value_is_missing():
    predicted = np.array([1.0, 2.0, np.nan, 0.0, 1.0])
    actual = np.array([1.0, -1.0, 5.0, 3.0, np.nan])
    assert cumulative_gain(predicted, actual).tolist() == [1.0, 1.0 + 1.0 - 9.0, -7.0, -7.0, -7.0]


def test_feature_summary_counts_nan_as_null_and_splits_the_correlation_by_time():
    features = pd.DataFrame(
        {
            "is_training": [True, True, True, False, False, False],
            "label": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
            "trend": [1.0, 2.0, 3.0, 3.0, 2.0, 1.0],
            "holes": [np.nan, None, 4.0, np.inf, 1.0, 1.0],
        }
    )
    trend, holes = feature_summary(features).to_dict("records")
    assert (trend["n"], trend["share_null"], trend["mean"], trend["median"]) == (6, 0, 2.0, 2.0)
    assert trend["sd"] == pytest.approx((4 / 5) ** 0.5)
    assert (trend["correlation_training"], trend["correlation_held_out"]) == pytest.approx((1, -1))
    assert (holes["n"], holes["share_null"], holes["min"], holes["max"], holes["mean"]) == (3, 0.5, 1.0, 4.0, 2.0)
    assert np.isnan(holes["correlation_training"])


def test_each_part_of_a_histogram_adds_up_to_one_with_the_extremes_in_the_last_bins():
    values = np.append(np.linspace(0, 1, 1_000), [1e9, -1e9, np.nan])
    is_training = np.arange(len(values)) % 4 > 0
    training, held_out = histograms(values, is_training, n_bins=4)
    assert training == pytest.approx([0.25] * 4, abs=0.01)
    assert held_out == pytest.approx([0.25] * 4, abs=0.01)
