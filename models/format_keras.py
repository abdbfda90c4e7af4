"""Keras networks: ``model.keras`` to train on, ``model.onnx`` to predict with. Reading never imports TensorFlow."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.keras_models import NetworkModel
from models.keras_runtime import import_keras, quiet_arrays
from models.onnx_runtime import import_onnxruntime, open_onnx
from models.protocol import Labels, Rows

KERAS_FILE_NAME = "model.keras"
ONNX_FILE_NAME = "model.onnx"
_BATCH = 4096


class OnnxEngine:
    """A network run by ONNX Runtime."""

    def __init__(self, content: bytes, classes: Labels | None) -> None:
        """Parse the ONNX file.

        Raises:
            ModelContractError: ONNX Runtime does not read it.
        """
        try:
            self._session = open_onnx(content)
        except import_onnxruntime().capi.onnxruntime_pybind11_state.InvalidProtobuf as unreadable:
            raise ModelContractError(
                f"{ONNX_FILE_NAME} is not an ONNX file; train the model again with foretable train."
            ) from unreadable
        self._input_name = self._session.get_inputs()[0].name
        self._classes = classes

    def predict(self, X: Rows) -> Labels:
        """One prediction a window."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._classes is None else self._classes[outputs.argmax(axis=1)]

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """What the network gives each class, in the order of the classes."""
        return self._outputs(X)

    def _outputs(self, X: Rows) -> NDArray[np.float64]:
        windows = X.astype(np.float32)
        parts = [
            self._session.run(None, {self._input_name: windows[start : start + _BATCH]})[0]
            for start in range(0, len(windows), _BATCH)
        ]
        return np.concatenate(parts).astype(np.float64)


def write_keras(model: NetworkModel, folder: Path) -> None:
    """Write ``model.keras`` and ``model.onnx`` into ``folder``."""
    import_keras()
    network = model.network
    with quiet_arrays():
        network.save(folder / KERAS_FILE_NAME)
        network(np.zeros((1, *network.input_shape[1:]), dtype=np.float32))
        network.export(folder / ONNX_FILE_NAME, format="onnx", verbose=False)
