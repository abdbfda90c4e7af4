import json
import math

import numpy as np
import pytest

from models import training_profile
from models.artifact import PROFILE, load_scorer, save_artifact
from models.errors import ModelContractError
from models.families import build_model
from models.protocol import ModelSpec
from models.training_profile import TrainingProfile, profile_training

X = np.array([[1.0, 10.0], [2.0, 10.0], [9.0, 10.0], [4.0, 10.0]])
Y = np.array([1.0, 2.0, 3.0, 6.0])
# The 9 residuals -1 … 7 of a model that predicts 1: the 9th smallest absolute one covers 0.9.
LATER = (np.zeros((9, 2)), np.arange(0.0, 9.0))


class PredictsOne:
    """A fitted model for what only needs predictions and shapes."""

    feature_names = ("a", "b")
    label = "y"
    spec = ModelSpec("m", "ridge", "y")

    def __init__(self, classes=None, sequence_length=1):
        self.classes = classes
        self.sequence_length = sequence_length

    def predict(self, X):
        return np.ones(len(X))


def fitted(family="ridge", task="regression", y=Y):
    return build_model(ModelSpec("m", family, "return_5m", task), ("a", "b")).fit(X, y)


def stored(folder, profile, model=None):
    return load_scorer(folder, save_artifact(model or fitted(), folder, profile))


@pytest.fixture
def profile():
    return profile_training(PredictsOne(), X, Y, LATER)


def test_a_profile_holds_the_centre_of_each_feature_and_of_the_label(profile):
    assert profile.mean.tolist() == [4.0, 10.0]
    assert profile.median.tolist() == [3.0, 10.0]
    assert (profile.label_mean, profile.class_shares, profile.n_rows) == (3.0, (), 4)


def test_a_profile_holds_the_width_of_the_interval(profile):
    assert (profile.coverage, profile.half_width, profile.n_calibration) == (0.9, 7.0, 9)
    assert math.isnan(profile_training(PredictsOne(), X, Y, None).half_width)


def test_a_classifier_has_shares_and_no_interval():
    labels = np.array(["up", "down", "up", "up"], dtype=object)
    made = profile_training(PredictsOne(np.array(["down", "up"])), X, labels, (X, labels))
    assert (made.class_shares, made.label_mean) == ((0.25, 0.75), None)
    assert math.isnan(made.half_width)
    assert made.n_calibration == 0


def test_a_sequence_counts_every_step():
    made = profile_training(PredictsOne(sequence_length=2), X.reshape(2, 2, 2), Y[:2], None)
    assert (made.mean.tolist(), made.median.tolist(), made.n_rows) == ([4.0, 10.0], [3.0, 10.0], 2)


def test_of_many_rows_a_fixed_sample_is_profiled(monkeypatch):
    monkeypatch.setattr(training_profile, "_MOST_ROWS", 400)
    many = np.random.default_rng(0).normal(size=(20_000, 2))
    made = profile_training(PredictsOne(), many, np.zeros(20_000), None)
    assert made.n_rows == 20_000
    assert 0 < abs(made.mean - many.mean(axis=0)).max() < 5 / 400**0.5
    assert made.to_json() == profile_training(PredictsOne(), many, np.zeros(20_000), None).to_json()


def test_a_profile_comes_back_bit_for_bit(profile, tmp_path):
    for before in (profile, profile_training(PredictsOne(), X / 3, Y, None)):
        after = TrainingProfile.from_json(before.to_json())
        assert after.to_json() == before.to_json()
        assert after.distance.unlikeness(X * 1.7).tolist() == before.distance.unlikeness(X * 1.7).tolist()
        assert json.loads(before.to_json(), parse_constant=pytest.fail)["n_rows"] == 4
    assert stored(tmp_path / "m", profile).profile.to_json() == profile.to_json()


def test_the_digest_covers_the_profile(profile, tmp_path):
    digest = save_artifact(fitted(), tmp_path / "m", profile)
    assert digest != save_artifact(fitted(), tmp_path / "without")
    file = tmp_path / "m" / PROFILE
    file.write_text(file.read_text().replace('"n_rows": 4', '"n_rows": 5'))
    with pytest.raises(ModelContractError, match="was changed after it was registered"):
        load_scorer(tmp_path / "m", digest)


def test_an_interval_lies_around_the_prediction(profile, tmp_path):
    lower, upper = stored(tmp_path / "m", profile).interval(np.array([0.0, 10.0]), X[:2])
    assert (lower.tolist(), upper.tolist()) == ([-7.0, 3.0], [7.0, 17.0])


def test_a_missing_value_is_replaced_by_the_median_of_its_feature(profile, tmp_path):
    scorer = stored(tmp_path / "m", profile)
    assert scorer.impute(np.array([[np.nan, 1.0], [5.0, np.nan]])).tolist() == [[3.0, 1.0], [5.0, 10.0]]
    assert scorer.impute(np.empty((0, 2))).shape == (0, 2)


def test_a_model_without_a_profile_scores_and_says_what_it_lacks(tmp_path):
    scorer = stored(tmp_path / "m", None)
    assert scorer.profile is None
    assert np.isnan(scorer.unlikeness(X)).tolist() == [True] * 4
    assert np.isnan(scorer.interval(scorer.predict(X), X)).all()
    with pytest.raises(ModelContractError, match=r"return_5m was stored without the medians .*; train the model again"):
        scorer.impute(X)


def test_a_classifier_has_no_interval(tmp_path):
    labels = np.array(["a", "b", "a", "b"])
    model = fitted("logistic", "classification", labels)
    scorer = stored(tmp_path / "m", profile_training(model, X, labels, None), model)
    lower, upper = scorer.interval(scorer.predict(X), X)
    assert np.isnan([lower, upper]).all()
    assert lower.shape == (4,)


def test_input_of_another_shape_is_refused(profile, tmp_path):
    scorer = stored(tmp_path / "m", profile)
    for ask in (scorer.unlikeness, scorer.impute, scorer.explain):
        with pytest.raises(ModelContractError, match=r"shape \(rows, 2\), got \(3, 1\)"):
            ask(np.zeros((3, 1)))
