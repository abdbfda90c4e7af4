"""Small networks: TensorFlow alone takes seconds to start."""

import subprocess
import sys

import numpy as np
import pytest

from models.artifact import load_scorer, save_artifact
from models.errors import ModelContractError, UsageError
from models.families import build_model
from models.format_keras import ONNX_FILE_NAME
from models.keras_models import NetworkModel
from models.protocol import ModelSpec
from models.training_profile import profile_training

FEATURES = ("a", "b")
RNG = np.random.default_rng(0)
# Raw features far from zero and a label in basis points: both scalings must be inside the network.
X = RNG.normal(5.0, 3.0, size=(1200, 4, 2))
Y = 2e-4 * (X[:, -1, 0] - X[:, 0, 0]) / 3 + RNG.normal(0.001, 1e-4, size=1200)
TRAIN, LATER = slice(0, 900), slice(900, 1200)
TRAIN_NETWORK = NetworkModel._train
OPTIONS = {"units": 4, "epochs": 30, "batch_size": 64, "learning_rate": 0.02, "dropout": 0.0}


def fitted(family="lstm", task="regression", y=Y, seed=1, **options):
    spec = ModelSpec("m", family, "r", task, {**OPTIONS, **options}, sequence_length=4, seed=seed)
    return build_model(spec, FEATURES).fit(X[TRAIN], y[TRAIN], (X[LATER], y[LATER]))


@pytest.fixture(scope="module")
def lstm():
    return fitted()


@pytest.fixture(scope="module")
def stored(lstm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lstm") / "model"
    return folder, save_artifact(lstm, folder, training_inputs=X[TRAIN])


def test_an_lstm_learns_a_change_over_its_window_in_label_units(lstm):
    predicted = lstm.predict(X[LATER])
    assert predicted.dtype == np.float64
    assert 1 - np.mean((predicted - Y[LATER]) ** 2) / Y[LATER].var() > 0.6


def test_onnx_predicts_what_keras_predicts(lstm, stored):
    scorer = load_scorer(*stored)
    np.testing.assert_allclose(scorer.predict(X), lstm.predict(X), rtol=0, atol=1e-6)
    np.testing.assert_allclose(scorer.predict(X), lstm.predict(X), rtol=1e-3)


@pytest.mark.parametrize("family", ["tcn", "transformer"])
def test_convolutions_and_attention_learn_it_too_and_are_stored_as_they_are(family, tmp_path):
    model = fitted(family, epochs=20, units=8)
    predicted = model.predict(X[LATER])
    assert 1 - np.mean((predicted - Y[LATER]) ** 2) / Y[LATER].var() > 0.6
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m", training_inputs=X[TRAIN]))
    np.testing.assert_allclose(scorer.predict(X[LATER]), predicted, rtol=0, atol=1e-4 * np.abs(predicted).max())


def layer_policies(network):
    return {layer.dtype_policy.name for layer in network.layers if hasattr(layer, "dtype_policy")}


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_a_network_that_learns_in_mixed_precision_is_kept_and_answers_in_32_bits(precision, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(NetworkModel, "_train", lambda self, keras, body, *rest: trained.append(body) or TRAIN_NETWORK(
        self, keras, body, *rest))  # fmt: skip
    model = fitted("tcn", epochs=20, units=8, precision=precision)
    (body,) = trained
    assert layer_policies(body) == {"float32", precision}
    assert {str(weight.dtype) for weight in body.weights} == {"float32"}
    assert layer_policies(model.network) == {"float32"}
    predicted = model.predict(X[LATER])
    assert 1 - np.mean((predicted - Y[LATER]) ** 2) / Y[LATER].var() > 0.6
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m", training_inputs=X[TRAIN]))
    np.testing.assert_allclose(scorer.predict(X[LATER]), predicted, rtol=0, atol=1e-4 * np.abs(predicted).max())


def test_prices_that_16_bits_cannot_hold_are_scaled_in_32(tmp_path):
    far = X + 1e6  # the largest number of 16 bits is 65,504
    spec = ModelSpec(
        "m", "tcn", "r", options={**OPTIONS, "epochs": 20, "precision": "mixed_float16"}, sequence_length=4
    )
    model = build_model(spec, FEATURES).fit(far[TRAIN], Y[TRAIN], (far[LATER], Y[LATER]))
    assert 1 - np.mean((model.predict(far[LATER]) - Y[LATER]) ** 2) / Y[LATER].var() > 0.6


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(UsageError, match="lstm takes precision float32, mixed_float16, mixed_bfloat16, got 'half'"):
        fitted(precision="half")


@pytest.mark.slow
@pytest.mark.parametrize("family", ["tcn", "transformer"])
def test_the_same_seed_gives_the_same_convolutions_and_attention(family):
    assert fitted(family, epochs=1).predict(X[:9]).tolist() == fitted(family, epochs=1).predict(X[:9]).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("family", "options"), [("tcn", {"blocks": 5}), ("transformer", {"heads": 3, "blocks": 2})])
def test_options_reach_the_network_of_a_classifier(family, options, tmp_path):
    labels = np.digitize(Y, [0.0008, 0.0012])
    model = fitted(family, "classification", labels, epochs=1, **options)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m", training_inputs=X[TRAIN]))
    np.testing.assert_allclose(scorer.predict_probability(X), model.predict_probability(X), rtol=0, atol=1e-5)
    assert model.network.count_params() > fitted(family, "classification", labels, epochs=1).network.count_params()


def test_the_order_of_the_steps_matters_to_a_transformer():
    swapped = X[LATER][:, [1, 0, 2, 3]]
    model = fitted("transformer", epochs=1)
    assert np.abs(model.predict(swapped) - model.predict(X[LATER])).max() > 1e-6


def test_the_batch_may_have_any_size(stored):
    scorer = load_scorer(*stored)
    whole = scorer.predict(X)
    for n_rows in (0, 1, 5):
        np.testing.assert_allclose(scorer.predict(X[:n_rows]), whole[:n_rows], rtol=0, atol=1e-9)


def test_training_stops_early_and_keeps_the_losses_and_the_best_epoch(lstm):
    noise = RNG.normal(size=1200)
    history = fitted("gru", y=noise, patience=1).loss_history
    assert len(history["train"]) == len(history["validation"]) < 30
    assert len(lstm.loss_history["validation"]) > 3


def test_the_same_seed_gives_the_same_network():
    short = {"epochs": 1}
    assert fitted("gru", **short).predict(X[:9]).tolist() == fitted("gru", **short).predict(X[:9]).tolist()


def test_a_gru_classifier_answers_with_the_label_as_trained(tmp_path):
    labels = np.where(Y > 0.001, "up", "down").astype(object)
    model = fitted("gru", "classification", labels, epochs=8)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    assert (scorer.manifest.label_type, scorer.manifest.classes) == ("STRING", ("down", "up"))
    assert np.mean(scorer.predict(X[LATER]) == labels[LATER]) > 0.7
    np.testing.assert_allclose(scorer.predict_probability(X), model.predict_probability(X), rtol=0, atol=1e-6)
    assert scorer.predict(X).tolist() == model.predict(X).tolist()


def test_a_label_that_training_never_saw_is_refused():
    labels = np.where(np.arange(1200) < 900, "up", "down")
    with pytest.raises(UsageError, match="validation part has labels that training lacks: down; move the split"):
        fitted("gru", "classification", labels)


def test_the_attributions_of_a_window_add_up_to_its_prediction(lstm, tmp_path):
    profile = profile_training(lstm, X[TRAIN], Y[TRAIN], (X[LATER], Y[LATER]))
    scorer = load_scorer(tmp_path / "m", save_artifact(lstm, tmp_path / "m", profile))
    explanation = scorer.explain(X[LATER])
    sums = explanation.attributions.sum(axis=1) + explanation.baseline
    np.testing.assert_allclose(sums, explanation.explained, rtol=0, atol=1e-9)
    np.testing.assert_allclose(explanation.explained, scorer.predict(X[LATER]), rtol=0, atol=1e-9)
    # The label follows the first feature alone.
    first, second = np.abs(explanation.attributions).mean(axis=0)
    assert first > 5 * second


def test_a_window_has_an_interval_an_unlikeness_and_medians(lstm, tmp_path):
    profile = profile_training(lstm, X[TRAIN], Y[TRAIN], (X[LATER], Y[LATER]))
    scorer = load_scorer(tmp_path / "m", save_artifact(lstm, tmp_path / "m", profile))
    lower, upper = scorer.interval(scorer.predict(X[LATER]), X[LATER])
    assert np.mean((lower <= Y[LATER]) & (Y[LATER] <= upper)) == pytest.approx(0.9, abs=0.01)
    far = X[:1].copy()
    far[0, 1, 0] = 1000.0
    assert scorer.unlikeness(X[:1])[0] < 2 < scorer.unlikeness(far)[0]
    far[0, 1, 0] = np.nan
    assert scorer.impute(far)[0, 1, 0] == np.median(X[TRAIN][:, :, 0])


def test_the_keras_file_opens_in_safe_mode_and_predicts_the_same(lstm, stored):
    import keras

    network = keras.saving.load_model(stored[0] / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(network.predict(X[:5].astype(np.float32), verbose=0)[:, 0], lstm.predict(X[:5]))


def test_scoring_a_network_imports_neither_keras_nor_tensorflow(stored):
    code = (
        "import sys, pathlib, numpy as np; from models.artifact import load_scorer;"
        "scorer = load_scorer(pathlib.Path(sys.argv[1]), sys.argv[2]); print(scorer.predict(np.ones((1, 4, 2))).shape);"
        "print([name for name in sys.modules if name.split('.')[0] in ('keras', 'tensorflow')])"
    )
    command = [sys.executable, "-c", code, str(stored[0]), stored[1]]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n")[:2] == ["(1,)", "[]"]
    assert shown.stderr == ""


def test_a_changed_network_is_refused_before_it_is_parsed(stored, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in stored[0].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / ONNX_FILE_NAME).write_bytes(b"not onnx")
    with pytest.raises(ModelContractError, match="was changed after it was registered"):
        load_scorer(folder, stored[1])


def test_importing_the_families_does_not_import_tensorflow():
    code = "import sys, models.families; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]
