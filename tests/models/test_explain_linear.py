import numpy as np
import pytest


def adds_up(explanation):
    sums = explanation.attributions.sum(axis=1) + explanation.baseline
    np.testing.assert_allclose(sums, explanation.explained, rtol=1e-6, atol=1e-12)
    return True


def test_a_term_of_ridge_is_the_coefficient_times_the_distance_from_the_training_mean(store, rows):
    model, scorer = store("ridge")
    X = rows[0][:300] * 3 + 1
    scaler, ridge = model.estimator
    explanation = scorer.explain(X)
    np.testing.assert_allclose(explanation.attributions, ridge.coef_ / scaler.scale_ * (X - rows[0].mean(axis=0)))
    assert explanation.explained.tolist() == scorer.predict(X).tolist()
    np.testing.assert_allclose(explanation.baseline, scorer.predict(rows[0].mean(axis=0)[None, :])[0])
    assert adds_up(explanation)


def test_the_terms_of_a_linear_model_are_its_shapley_values(store, rows, shapley_values):
    _, scorer = store("ridge")
    row, mean = rows[0][3], rows[0].mean(axis=0)

    def value(known):
        return scorer.predict(np.array([[row[i] if i in known else mean[i] for i in range(4)]]))[0]

    np.testing.assert_allclose(scorer.explain(row[None, :]).attributions[0], shapley_values(value, 4), atol=1e-12)


def test_of_two_classes_the_log_odds_of_the_predicted_one_are_explained(store, rows):
    _, scorer = store("logistic", classes=["down", "up"])
    probability = scorer.predict_probability(rows[0])
    explanation = scorer.explain(rows[0])
    predicted = probability.max(axis=1)
    np.testing.assert_allclose(explanation.explained, np.log(predicted / (1 - predicted)), atol=1e-9)
    assert adds_up(explanation)
    assert len(set(explanation.baseline)) == 2


def test_of_more_classes_the_score_of_the_predicted_one_is_explained(store, rows):
    model, scorer = store("logistic", classes=["a", "b", "c"])
    explanation = scorer.explain(rows[0])
    np.testing.assert_allclose(explanation.explained, model.estimator.decision_function(rows[0]).max(axis=1))
    assert adds_up(explanation)


@pytest.mark.parametrize("family", ["ridge", "random_forest"])
def test_no_rows_have_no_explanation(store, family):
    explanation = store(family)[1].explain(np.empty((0, 4)))
    assert (explanation.attributions.shape, explanation.baseline.shape) == ((0, 4), (0,))
