"""A solver that has not converged is told in one sentence; other warnings stay warnings."""

import warnings

import numpy as np
import pytest

from models.convergence import fit_and_tell
from models.families import build_model
from models.protocol import ModelSpec
from models.training_record import TrainingRecord

X = np.random.default_rng(0).normal(size=(200, 3))
Y = np.where(X @ [3.0, -2.0, 1.0] > 0, "up", "down")
SENTENCE = "side has not converged: raise max_iter, or bring the features to one scale"


class OwnWarning(UserWarning):
    pass


class Estimator:
    def fit(self, X, y, **options):
        warnings.warn("of its own", OwnWarning, stacklevel=2)


@pytest.fixture
def told(tmp_path):
    """``told(max_iter)``: what a user reads while a logistic regression is fitted."""

    def fit(max_iter):
        said = []
        spec = ModelSpec("side", "logistic", "side", "classification", {"max_iter": max_iter})
        build_model(spec, ("a", "b", "c")).fit(X, Y, None, TrainingRecord(tmp_path, said.append))
        return said

    return fit


def test_a_solver_at_its_limit_is_told_in_a_sentence(told):
    assert told(1) == [SENTENCE]


def test_a_solver_that_converges_is_not_worth_a_word(told):
    assert told(500) == []


def test_other_warnings_are_given():
    with pytest.warns(OwnWarning, match="of its own"):
        assert fit_and_tell(Estimator(), X, Y)
