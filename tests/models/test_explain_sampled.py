from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import ModelContractError
from models.explain_sampled import SampledExplainer, permutations

N_STEPS = 3
RNG = np.random.default_rng(0)


def asked(function, n_features, classes=None):
    """Scorer of a function of windows, with the training means 0.1, 0.2, …"""
    return SimpleNamespace(
        manifest=SimpleNamespace(label="y"),
        profile=SimpleNamespace(mean=np.arange(1, n_features + 1) / 10),
        classes=classes,
        predict=function,
        predict_probability=function,
    )


def mixed(windows):
    """A function with interactions of features within and across steps."""
    first, last = windows[:, 0], windows[:, -1]
    return first[:, 0] * last[:, 1] + last[:, 2] ** 2 - first[:, 1] * last[:, 2] * last[:, 0] + windows.sum(axis=(1, 2))


def definition(function, scorer, window, shapley_values):
    def value(known):
        is_known = np.isin(np.arange(window.shape[-1]), list(known))
        return function(np.where(is_known, window, scorer.profile.mean)[None])[0]

    return shapley_values(value, window.shape[-1])


@pytest.mark.parametrize("n_features", [3, 4])
def test_few_features_get_their_exact_shapley_values(n_features, shapley_values):
    scorer = asked(mixed, n_features)
    windows = RNG.normal(size=(5, N_STEPS, n_features))
    explanation = SampledExplainer(scorer).explain(windows)
    for window, attributions in zip(windows, explanation.attributions, strict=True):
        np.testing.assert_allclose(attributions, definition(mixed, scorer, window, shapley_values), atol=1e-12)


def test_a_network_of_one_row_gets_its_exact_shapley_values(shapley_values):
    def of_rows(rows):
        return mixed(rows[:, None, :])

    scorer = asked(of_rows, 3)
    rows = RNG.normal(size=(5, 3))
    explanation = SampledExplainer(scorer).explain(rows)
    for row, attributions in zip(rows, explanation.attributions, strict=True):
        np.testing.assert_allclose(attributions, definition(of_rows, scorer, row, shapley_values), atol=1e-12)
    np.testing.assert_allclose(explanation.baseline + explanation.attributions.sum(axis=1), of_rows(rows), atol=1e-12)


def test_many_features_get_estimates_near_their_shapley_values(shapley_values):
    scorer = asked(mixed, 6)
    windows = RNG.normal(size=(20, N_STEPS, 6))
    exact = np.array([definition(mixed, scorer, window, shapley_values) for window in windows])
    estimated = SampledExplainer(scorer).explain(windows).attributions
    assert np.sqrt(np.mean((estimated - exact) ** 2)) < 0.1 * exact.std()
    # The last three features only add up: any order gives what the definition gives.
    np.testing.assert_allclose(estimated[:, 3:], exact[:, 3:], atol=1e-12)


def test_the_sums_are_exact_though_the_parts_are_sampled():
    windows = RNG.normal(size=(3000, N_STEPS, 8))  # more than are asked at once
    explanation = SampledExplainer(asked(mixed, 8)).explain(windows)
    sums = explanation.attributions.sum(axis=1) + explanation.baseline
    np.testing.assert_allclose(sums, mixed(windows), rtol=1e-9, atol=1e-9)
    assert explanation.explained.tolist() == mixed(windows).tolist()
    assert len(set(explanation.baseline)) == 1


def test_a_classifier_explains_the_probability_of_the_class_that_it_predicts():
    def probability(windows):
        up = 1 / (1 + np.exp(-mixed(windows)))
        return np.column_stack([1 - up, up])

    windows = RNG.normal(size=(40, N_STEPS, 3))
    explanation = SampledExplainer(asked(probability, 3, classes=np.array(["down", "up"]))).explain(windows)
    np.testing.assert_allclose(explanation.explained, probability(windows).max(axis=1))
    np.testing.assert_allclose(explanation.attributions.sum(axis=1) + explanation.baseline, explanation.explained)


def test_each_drawn_order_comes_with_its_reverse_and_few_features_get_all_orders():
    drawn = permutations(9)
    assert drawn.shape == (32, 9)
    assert {tuple(order[::-1]) for order in drawn[:16]} == {tuple(order) for order in drawn[16:]}
    assert len({tuple(order) for order in permutations(4)}) == 24


def test_without_the_training_means_the_remedy_is_told():
    scorer = asked(mixed, 3)
    scorer.profile = None
    with pytest.raises(
        ModelContractError, match=r"stored without the means of its features, .*; train the model again"
    ):
        SampledExplainer(scorer)
