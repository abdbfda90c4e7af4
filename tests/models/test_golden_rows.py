"""Golden rows: a stored model whose answers are no longer those of its training is refused by name of the change."""

import numpy as np
import pytest

import models.golden_rows
from models.artifact import GOLDEN_ROWS, load_copied_scorer, load_scorer, save_artifact
from models.errors import ModelContractError
from models.families import build_model
from models.format_skops import SkopsEngine
from models.golden_rows import MOST_ROWS, GoldenRows
from models.protocol import ModelSpec

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2))
Y = X[:, 0] * 1e-4 + RNG.normal(size=300) * 1e-5


def fitted(family="ridge", task="regression", y=Y):
    options = {"n_estimators": 5} if family == "random_forest" else {}
    return build_model(ModelSpec("m", family, "return_5m", task, options), ("a", "b")).fit(X, y)


@pytest.fixture
def saved(tmp_path):
    return tmp_path / "m", save_artifact(fitted(), tmp_path / "m", training_inputs=X)


def golden_rows(folder):
    return GoldenRows.from_bytes((folder / GOLDEN_ROWS).read_bytes())


def test_golden_rows_are_spread_over_the_training_rows_with_what_the_fitted_model_answers(saved):
    golden = golden_rows(saved[0])
    assert golden.inputs.shape == (MOST_ROWS, 2)
    assert golden.inputs[[0, -1]].tolist() == X[[0, -1]].tolist()
    assert golden.answers.tolist() == fitted().estimator.predict(golden.inputs).tolist()
    assert load_scorer(*saved).predict(X).shape == (300,)


@pytest.mark.parametrize("family", ["logistic", "random_forest", "gradient_boosting"])
def test_of_a_classifier_the_probabilities_are_kept(tmp_path, family):
    model = fitted(family, "classification", np.where(Y > 0, "up", "down"))
    load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m", training_inputs=X))
    golden = golden_rows(tmp_path / "m")
    assert golden.answers.tolist() == model.estimator.predict_proba(golden.inputs).tolist()


@pytest.mark.parametrize("n_rows", [1, 5])
def test_of_few_training_rows_all_are_golden(tmp_path, n_rows):
    load_scorer(tmp_path / "m", save_artifact(fitted(), tmp_path / "m", training_inputs=X[:n_rows]))
    assert golden_rows(tmp_path / "m").inputs.tolist() == X[:n_rows].tolist()


@pytest.mark.parametrize("training_inputs", [None, X[:0]])
def test_a_model_without_golden_rows_is_loaded(tmp_path, training_inputs):
    digest = save_artifact(fitted(), tmp_path / "m", training_inputs=training_inputs)
    assert not (tmp_path / "m" / GOLDEN_ROWS).exists()
    assert load_scorer(tmp_path / "m", digest).predict(X[:1]).shape == (1,)


def test_a_library_that_answers_otherwise_is_refused_and_named(saved, monkeypatch):
    old = SkopsEngine.predict
    monkeypatch.setattr(SkopsEngine, "predict", lambda self, X: old(self, X) * (1 + 1e-7))
    with pytest.raises(ModelContractError, match=r"of return_5m answers .* to golden row \d+ of 32, where it answered"):
        load_scorer(*saved)
    with pytest.raises(ModelContractError, match="the libraries have the versions of that day"):
        load_scorer(*saved)
    then = models.golden_rows.installed_version("scikit-learn")
    installed = {"scikit-learn": "99.1"}
    real = models.golden_rows.installed_version
    monkeypatch.setattr(models.golden_rows, "installed_version", lambda name: installed.get(name) or real(name))
    with pytest.raises(ModelContractError, match=f"scikit-learn was {then} and is 99.1; install those versions"):
        load_scorer(*saved)


def test_the_last_bits_may_differ_as_between_processors(saved, monkeypatch):
    old = SkopsEngine.predict
    monkeypatch.setattr(SkopsEngine, "predict", lambda self, X: old(self, X) * (1 + 1e-12))
    assert len(load_scorer(*saved).predict(X)) == 300


def test_an_answer_that_became_nan_is_refused(saved, monkeypatch):
    monkeypatch.setattr(SkopsEngine, "predict", lambda self, X: np.full(len(X), np.nan))
    with pytest.raises(ModelContractError, match="answers nan to golden row 1 of 32"):
        load_scorer(*saved)


def test_a_model_that_is_not_stored_as_it_was_fitted_is_not_registered(tmp_path, monkeypatch):
    old = SkopsEngine.predict
    monkeypatch.setattr(SkopsEngine, "predict", lambda self, X: old(self, X) + 1e-6)
    with pytest.raises(ModelContractError, match="golden row"):
        save_artifact(fitted(), tmp_path / "m", training_inputs=X)


def test_golden_rows_that_are_none_are_refused(saved):
    folder, _ = saved
    (folder / GOLDEN_ROWS).write_bytes(b"PK\x03\x04 not an archive")
    with pytest.raises(ModelContractError, match=r"golden_rows.npz cannot be read; train the model again"):
        load_copied_scorer(folder)


def test_golden_rows_never_hold_python_objects(saved):
    folder, _ = saved
    np.savez(folder / GOLDEN_ROWS, inputs=np.array([print], dtype=object), answers=np.zeros(1))
    with pytest.raises(ModelContractError, match="cannot be read"):
        golden_rows(folder)
