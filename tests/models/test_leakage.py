"""What each feature alone tells of the label, against formulas and scikit-learn, and which features are a leak."""

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeRegressor

from models.errors import DataContractError
from models.leakage import check_leakage, independent_rows, single_feature_skill, suspicious_features

N = 4_000


@pytest.fixture
def market():
    """Returns of which the honest feature tells a tenth, their direction, and noise."""
    random = np.random.default_rng(3)
    known, noise, other = random.normal(size=(3, N))
    label = np.sqrt(0.1) * known + np.sqrt(0.9) * noise
    return known, label, other


def skill(columns, labels, task="regression"):
    """Skill by name, fitted on the first half and measured on the second."""
    inputs, cut = np.column_stack(list(columns.values())), len(labels) // 2
    return single_feature_skill(tuple(columns), (inputs[:cut], labels[:cut]), (inputs[cut:], labels[cut:]), task)


def test_a_copy_of_the_label_tells_all_an_honest_feature_little_and_noise_nothing(market):
    known, label, other = market
    told = skill({"known": known, "copy": -3 * label, "noise": other}, label)
    assert told["copy"] > 0.97
    assert 0.0 < told["known"] < 0.15
    assert told["noise"] == 0.0


def test_the_share_is_that_of_a_tree_of_scikit_learn_on_quantiles(market):
    _, label, other = market
    mixed = label + 0.5 * other
    known, later = mixed[: N // 2, None], mixed[N // 2 :, None]
    quantile = pd.Series(label[: N // 2]).rank(method="min").to_numpy() / (N // 2) - 2 / N
    quantile_later = np.array([np.mean(label[: N // 2] < value) for value in label[N // 2 :]])
    told = DecisionTreeRegressor(min_samples_leaf=40, random_state=0).fit(known, quantile).predict(later)
    share = 1 - np.sum((quantile_later - told) ** 2) / np.sum((quantile_later - quantile.mean()) ** 2)
    assert skill({"mixed": mixed}, label)["mixed"] == pytest.approx(share, rel=1e-6)


def test_a_copy_is_seen_in_few_rows_and_where_a_few_are_huge():
    label = np.random.default_rng(0).standard_t(2, size=200)
    assert skill({"copy": label}, label)["copy"] > 0.95


def test_a_leak_that_is_not_monotone_is_seen(market):
    _, label, _ = market
    folded = np.where(label > 0, label, 10 - label)  # up and down lie apart, and not in order
    assert skill({"folded": folded}, label)["folded"] > 0.9


def test_classes_are_told_by_their_sign_and_three_classes_by_their_bands(market):
    known, label, other = market
    columns = {"copy": label, "known": known, "noise": other}
    for classes in (np.where(label > 0, "up", "down"), np.digitize(label, [-0.5, 0.5])):
        told = skill(columns, classes, "classification")
        assert told["copy"] > 0.98
        assert told["known"] < 0.4
        assert told["noise"] < 0.05


def test_of_a_window_the_last_step_counts(market):
    _, label, other = market
    windows = np.stack([np.column_stack([label, other]), np.column_stack([other, label])], axis=1)
    told = single_feature_skill(
        ("a", "b"), (windows[: N // 2], label[: N // 2]), (windows[N // 2 :], label[N // 2 :]), "regression"
    )
    assert told["a"] == 0.0
    assert told["b"] > 0.97


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_one_label_for_all_is_told_by_nothing(task):
    labels = np.ones(40)
    assert skill({"a": np.arange(40.0)}, labels, task) == {"a": 0.0}


def test_no_rows_are_told_by_nothing():
    nothing = (np.empty((0, 1)), np.empty(0))
    assert single_feature_skill(("a",), nothing, nothing, "regression") == {"a": 0.0}


MANY = 1e9


def test_more_is_suspicious_of_what_lies_ahead_than_of_what_is_there():
    told = {"fair": 0.49, "half": 0.501, "near": 0.94, "same": 0.995}
    assert suspicious_features(told, "y", is_ahead=True, n_independent=MANY) == [
        "same alone tells 99.5% of y on rows it was not fitted on",
        "near alone tells 94.0% of y on rows it was not fitted on",
        "half alone tells 50.1% of y on rows it was not fitted on",
    ]
    assert [text.split()[0] for text in suspicious_features(told, "y", False, MANY)] == ["same"]


def test_few_rows_need_more_than_chance_gives_them():
    # Fisher: atanh(sqrt(0.7)) - 1.645 / sqrt(10 - 3) = 0.588, of which tanh squared is 0.279; of 100 rows it is 0.607.
    assert suspicious_features({"lucky": 0.7}, "y", is_ahead=True, n_independent=10) == []
    assert len(suspicious_features({"leak": 0.7}, "y", is_ahead=True, n_independent=100)) == 1
    assert len(suspicious_features({"copy": 0.97}, "y", is_ahead=True, n_independent=10)) == 1
    assert suspicious_features({"copy": 1.0}, "y", is_ahead=True, n_independent=4) == []
    assert len(suspicious_features({"copy": 1.0}, "y", is_ahead=False, n_independent=5)) == 1


def test_labels_that_overlap_count_for_fewer():
    random = np.random.default_rng(2)
    steps = random.normal(size=30_004)
    overlapping = np.convolve(steps, np.ones(5), mode="valid")  # r_k = 1 - k / 5: n / (1 + 2 * 2) rows are independent
    assert independent_rows(overlapping) == pytest.approx(30_000 / 5, rel=0.1)
    assert independent_rows(overlapping > 0) < 30_000 / 3
    assert independent_rows(steps) == pytest.approx(30_004, rel=0.05)
    assert independent_rows(np.ones(7)) == 7
    # Mean 2.5: deviations -1.5, -0.5, 0.5, 1.5 of power 5; lag 1: 0.75 - 0.25 + 0.75 = 1.25, lag 2: -1.5.
    assert independent_rows(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(4 / (1 + 2 * 0.25))
    assert independent_rows(np.cumsum(random.normal(size=300_000))) < 100  # of a level, in no time
    assert independent_rows(np.array(["a", "b", "b", "a"])) <= 4
    assert independent_rows(np.empty(0)) == independent_rows(np.empty(0, dtype=object)) == 0


def test_a_training_is_refused_where_that_is_asked_for():
    check_leakage("m", ["x alone tells 99.0% of y"], "warn")
    check_leakage("m", [], "fail")
    with pytest.raises(DataContractError, match=r"m is not trained: x alone tells 99.0% of y\. Leave out what is not"):
        check_leakage("m", ["x alone tells 99.0% of y"], "fail")
