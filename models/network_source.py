"""A network that a user describes in a small Python file; it runs when a model is trained, never when it is asked.

    OPTIONS = {"units": 32}  # names and defaults beside those of every network; may be left out

    def layers(keras, inputs, options):  # a window (steps, features), or one row (features,), standardized
        return keras.layers.GRU(options["units"])(inputs)  # a vector

Dropout, the layer that answers and both scalings are added as for the families of ``models.network_bodies``.
"""

import re
import traceback
from types import ModuleType
from typing import Any

from models.errors import UsageError
from models.network_bodies import BODIES, SHARED_OPTIONS, NetworkBody, Options, check_network_options
from models.protocol import ModelSpec

FAMILY = "keras"
NETWORK_OPTION = "network"
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]*")


def body_of(spec: ModelSpec) -> NetworkBody:
    """Return the network of a family, or the one that the user has described.

    Raises:
        UsageError: As :func:`read_network`.
    """
    if spec.family != FAMILY:
        return BODIES[spec.family]
    return read_network(str(spec.options.get(NETWORK_OPTION)), spec.network or "")


def read_network(name: str, source: str) -> NetworkBody:
    """Run the text of a file and return the network that it describes.

    Raises:
        UsageError: The text fails, has no function ``layers``, or OPTIONS are no names with numbers, texts or truths.
    """
    namespace: dict[str, Any] = {"__name__": name}
    try:
        exec(compile(source, _file_name(name), "exec"), namespace)
    except Exception as failed:
        raise _told(name, failed) from failed
    layers, own = namespace.get("layers"), namespace.get("OPTIONS", {})
    if not callable(layers):
        raise UsageError(f"{_file_name(name)} has no function layers(keras, inputs, options)")
    if not isinstance(own, dict) or not all(
        isinstance(option, str) and _OPTION_NAME.fullmatch(option) and isinstance(default, bool | int | float | str)
        for option, default in own.items()
    ):
        raise UsageError(
            f"OPTIONS of {_file_name(name)} maps names in lower case to numbers, texts or truths, got {own!r}"
        )

    def told_layers(keras: ModuleType, inputs: Any, options: Options) -> Any:
        try:
            vector = layers(keras, inputs, dict(options))
        except Exception as failed:
            raise _told(name, failed) from failed
        if not isinstance(vector, keras.KerasTensor) or len(vector.shape) != 2:
            raise UsageError(f"layers of {_file_name(name)} gives no vector: (None, n) is wanted, got {_shape(vector)}")
        _check_layers(keras, name, keras.Model(inputs, vector))
        return vector

    return NetworkBody({**SHARED_OPTIONS, **own, NETWORK_OPTION: name}, told_layers)


def check_source_options(name: str, defaults: Options, options: Options) -> None:
    """Refuse values that are not of the kind of the default, and those that no network can have.

    Raises:
        UsageError: As said.
    """
    shared = {option: value for option, value in options.items() if option in SHARED_OPTIONS}
    check_network_options(name, shared)
    for option, value in options.items():
        default = defaults[option]
        kind: Any = int | float if isinstance(default, float) else type(default)
        if option not in shared and (
            not isinstance(value, kind) or isinstance(value, bool) != isinstance(default, bool)
        ):
            raise UsageError(f"{name} takes {option} as a value like {default!r}, got {value!r}.")


def _check_layers(keras: ModuleType, name: str, model: Any) -> None:
    """Layers of Keras alone: others, and code in a Lambda, could not be read back in safe mode."""
    for layer in model.layers:
        if not type(layer).__module__.startswith("keras.") or isinstance(layer, keras.layers.Lambda):
            raise UsageError(
                f"{_file_name(name)} uses {type(layer).__name__}, which cannot be stored without running code when it "
                "is read; build it of Keras' own layers"
            )
        if hasattr(layer, "layers"):
            _check_layers(keras, name, layer)


def _shape(vector: Any) -> str:
    return str(tuple(vector.shape)) if hasattr(vector, "shape") else type(vector).__name__


def _told(name: str, failed: Exception) -> UsageError:
    """The failure in one sentence, with the line of the file."""
    file = _file_name(name)
    lines = [frame.lineno for frame in traceback.extract_tb(failed.__traceback__) if frame.filename == file]
    line = failed.lineno if isinstance(failed, SyntaxError) else (lines or [None])[-1]
    what = failed.msg if isinstance(failed, SyntaxError) else " ".join(str(failed).split())[:300]
    return UsageError(f"{file}{'' if line is None else f', line {line}'}: {type(failed).__name__}: {what}")


def _file_name(name: str) -> str:
    return f"{name}.py"
