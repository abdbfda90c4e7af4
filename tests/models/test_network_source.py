"""Networks of the user's own from their text: fitted, stored, asked; what is wrong is told with its line."""

import keras
import numpy as np
import pytest

from models.artifact import load_scorer, save_artifact
from models.errors import UsageError
from models.families import build_model
from models.network_source import read_network
from models.protocol import ModelSpec

GRU = """
OPTIONS = {"units": 3, "gain": 0.5, "is_deep": False, "activation": "tanh"}

def layers(keras, inputs, options):
    vector = keras.layers.GRU(options["units"], activation=options["activation"])(inputs)
    return keras.layers.Dense(5)(vector) if options["is_deep"] else vector
"""
DENSE = "def layers(keras, inputs, options):\n    return keras.layers.Dense(8, 'relu')(inputs)\n"
RANDOM = np.random.default_rng(0)
WINDOWS = RANDOM.normal(5.0, 3.0, size=(600, 4, 2))
STEP = WINDOWS[:, -1, 0] - WINDOWS[:, 0, 0]


def spec_of(source, options=(), task="regression", sequence_length=4):
    options = {
        "network": "mine",
        "epochs": 15,
        "batch_size": 32,
        "learning_rate": 0.02,
        "dropout": 0.0,
        **dict(options),
    }
    return ModelSpec("m", "keras", "y", task, options, sequence_length=sequence_length, seed=1, network=source)


def fitted(source, X=WINDOWS, y=STEP, **more):
    return build_model(spec_of(source, sequence_length=X.shape[1] if X.ndim == 3 else 1, **more), ("a", "b")).fit(X, y)


def stored(model, X, folder):
    return load_scorer(folder / "m", save_artifact(model, folder / "m", training_inputs=X))


def test_a_network_of_windows_learns_and_is_stored_without_its_text(tmp_path):
    model = fitted(GRU, options={"units": 6})
    assert np.corrcoef(model.predict(WINDOWS), STEP)[0, 1] > 0.8
    np.testing.assert_allclose(
        stored(model, WINDOWS, tmp_path).predict(WINDOWS), model.predict(WINDOWS), rtol=0, atol=1e-5
    )
    assert not [file for file in (tmp_path / "m").rglob("*") if b"def layers" in file.read_bytes()]
    assert model.network.layers[-4].units == 6  # before dropout, the answer and its unit


def test_a_network_of_single_rows_classifies(tmp_path):
    rows = WINDOWS[:, 0]
    labels = np.where(rows[:, 0] * rows[:, 1] > 25, "big", "small")
    model = fitted(DENSE, rows, labels, task="classification")
    scorer = stored(model, rows, tmp_path)
    assert np.mean(scorer.predict(rows) == labels) > 0.85
    np.testing.assert_allclose(scorer.predict_probability(rows), model.predict_probability(rows), rtol=0, atol=1e-5)


def test_another_text_is_another_training():
    assert spec_of(GRU).text != spec_of(GRU + "# changed").text
    assert "def layers" not in repr(spec_of(GRU))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 2}, "keras has no option 'unit'; its options are units, "),
        ({"units": 2.5}, "mine takes units as a value like 3, got 2.5"),
        ({"units": True}, "mine takes units as a value like 3, got True"),
        ({"is_deep": 1}, "mine takes is_deep as a value like False, got 1"),
        ({"activation": 1}, "mine takes activation as a value like 'tanh', got 1"),
        ({"gain": "x"}, "mine takes gain as a value like 0.5, got 'x'"),
        ({"dropout": 1}, "mine takes dropout from 0 to below 1, got 1"),
    ],
)
def test_an_option_of_another_kind_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        build_model(spec_of(GRU, options), ("a", "b"))


def test_a_whole_number_may_stand_for_one_with_a_fraction():
    build_model(spec_of(GRU, {"gain": 1}), ("a", "b"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = (", r"mine\.py, line 2: SyntaxError: '\(' was never closed"),
        ("x = 1\ny = x / 0", r"mine\.py, line 2: ZeroDivisionError: division by zero"),
        ("import nothing_like_this", r"mine\.py, line 1: ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("x = 1", r"mine\.py has no function layers\(keras, inputs, options\)"),
        (
            "OPTIONS = {'Units': 1}\n" + DENSE,
            r"OPTIONS of mine\.py maps names in lower case to numbers, texts or truths",
        ),
        ("OPTIONS = [1]\n" + DENSE, "maps names in lower case"),
        ("OPTIONS = {'units': None}\n" + DENSE, "maps names in lower case"),
    ],
)
def test_a_text_that_is_no_network_is_told_with_its_line(source, message):
    with pytest.raises(UsageError, match=message):
        read_network("mine", source)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return inputs", r"layers of mine\.py gives no vector: \(None, n\) is wanted, got \(None, 4, 2\)"),
        ("return 1", r"gives no vector: \(None, n\) is wanted, got int"),
        ("return keras.layers.GRU(options['unit'])(inputs)", r"mine\.py, line 2: KeyError: 'unit'"),
        (
            "return keras.layers.Flatten()(keras.layers.Lambda(lambda x: x)(inputs))",
            r"mine\.py uses Lambda, which cannot",
        ),
    ],
)
def test_layers_that_cannot_be_used_are_told(body, message):
    network = read_network("mine", f"def layers(keras, inputs, options):\n    {body}\n")
    with pytest.raises(UsageError, match=message):
        network.layers(keras, keras.Input((4, 2)), network.options)


def test_a_layer_of_a_class_of_the_file_is_refused_also_inside_another_network():
    source = """
def layers(keras, inputs, options):
    class Mine(keras.layers.Layer):
        def call(self, x):
            return x
    inside = keras.Input((4, 2))
    whole = keras.Model(inside, Mine()(inside))
    return keras.layers.Flatten()(whole(inputs))
"""
    network = read_network("mine", source)
    with pytest.raises(UsageError, match="uses Mine, which cannot be stored without running code when it is read"):
        network.layers(keras, keras.Input((4, 2)), network.options)
