"""Networks that read a window of steps: for each family its options, and its layers from the window to one vector.

Layers are those of Keras alone, so that a stored network opens in safe mode and becomes ONNX.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from models.errors import UsageError

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")  # Keras' names: in what a network computes while it learns
SHARED_OPTIONS = {
    **{"dropout": 0.2, "learning_rate": 0.002, "batch_size": 256, "epochs": 12, "patience": 3},
    "precision": PRECISIONS[0],
}
Options = Mapping[str, Any]


@dataclass(frozen=True)
class NetworkBody:
    """One kind of network.

    Attributes:
        options: Name and default of each option.
        layers: From Keras, a window (steps, features) and the options to a vector.
    """

    options: Options
    layers: Callable[[ModuleType, Any, Options], Any]


def check_network_options(family: str, options: Options) -> None:
    """Refuse values that no network can be made of.

    Raises:
        UsageError: A value is no number, or out of its range; or the precision is none.
    """
    for name, value in options.items():
        if name == "precision":
            if value not in PRECISIONS:
                raise UsageError(f"{family} takes precision {', '.join(PRECISIONS)}, got {value!r}.")
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name == "dropout":
            is_fine, wanted = is_number and 0 <= value < 1, "from 0 to below 1"
        elif name == "learning_rate":
            is_fine, wanted = is_number and value > 0, "above 0"
        else:
            least = 0 if name == "patience" else 1
            is_fine, wanted = is_number and value == int(value) >= least, f"as a whole number from {least} on"
        if not is_fine:
            raise UsageError(f"{family} takes {name} {wanted}, got {value!r}.")


def _recurrent(layer: str) -> NetworkBody:
    """One recurrent layer; its last state is the vector."""

    def layers(keras: ModuleType, window: Any, options: Options) -> Any:
        return getattr(keras.layers, layer)(options["units"])(window)

    return NetworkBody({"units": 16, **SHARED_OPTIONS}, layers)


def _convolutional(keras: ModuleType, window: Any, options: Options) -> Any:
    """Causal convolutions of doubling reach with a way around each (Bai, Kolter and Koltun 2018); the last step.

    A step sees ``1 + (kernel_size - 1) * (2^blocks - 1)`` steps back from itself.
    """
    values = keras.layers.Dense(options["units"])(window)
    for block in range(options["blocks"]):
        convolution = keras.layers.Conv1D(
            options["units"], options["kernel_size"], padding="causal", dilation_rate=2**block, activation="relu"
        )
        values = keras.layers.Add()([values, convolution(values)])
    return _last_step(keras, values)


def _attentive(keras: ModuleType, window: Any, options: Options) -> Any:
    """Self-attention and a dense layer with a way around each, normed before (Vaswani et al. 2017, Xiong et al. 2020).

    The first layer has a bias for each step: the network learns what a step's place means.
    """
    steps, units = window.shape[1], options["units"]
    place = keras.layers.EinsumDense("abc,cd->abd", output_shape=(steps, units), bias_axes="bd")
    values = place(window)
    for _ in range(options["blocks"]):
        normed = keras.layers.LayerNormalization()(values)
        attention = keras.layers.MultiHeadAttention(options["heads"], max(1, units // options["heads"]))
        values = keras.layers.Add()([values, attention(normed, normed)])
        hidden = keras.layers.Dense(2 * units, activation="relu")(keras.layers.LayerNormalization()(values))
        values = keras.layers.Add()([values, keras.layers.Dense(units)(hidden)])
    return _last_step(keras, keras.layers.LayerNormalization()(values))


def _last_step(keras: ModuleType, values: Any) -> Any:
    steps, units = values.shape[1:]
    return keras.layers.Reshape((units,))(keras.layers.Cropping1D((steps - 1, 0))(values))


BODIES: dict[str, NetworkBody] = {
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
    "tcn": NetworkBody({"units": 16, "blocks": 3, "kernel_size": 3, **SHARED_OPTIONS}, _convolutional),
    "transformer": NetworkBody({"units": 16, "blocks": 1, "heads": 2, **SHARED_OPTIONS}, _attentive),
}
