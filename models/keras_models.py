"""Networks that Keras fits: a window of steps in, one prediction out.

TensorFlow is imported when a model is fitted or saved, never by importing this module.
"""

import os
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError
from models.network_bodies import BODIES
from models.protocol import Labels, ModelSpec, Rows, Validation, check_input, refuse_probability

_PREDICT_BATCH = 4096


def import_keras() -> ModuleType:
    """Import Keras on TensorFlow, without TensorFlow's start-up messages.

    Raises:
        UsageError: Keras is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import keras
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"{', '.join(BODIES)} need Keras and TensorFlow, which are not installed; "
            "run pip install 'foretable[keras]'."
        ) from missing
    return keras


class NetworkModel:
    """The layers of a family, dropout and a dense layer, with both scalings inside: raw features in, label units out.

    The training is deterministic for a seed on one kind of machine. With a validation part the weights of the epoch
    with the smallest validation loss are kept, and training stops ``patience`` epochs after it.
    """

    artifact_format = "keras"

    def __init__(self, spec: ModelSpec, feature_names: tuple[str, ...]) -> None:
        """Make an unfitted model; ``spec`` is checked by ``models.families``."""
        self.spec = spec
        self.feature_names = feature_names
        self.label = spec.label
        self.task = spec.task
        self.sequence_length = spec.sequence_length
        self.network: Any = None
        self._body = BODIES[spec.family]
        self._options = {**self._body.options, **spec.options}
        self._classes: Labels | None = None
        self._loss_history: dict[str, list[float]] = {}

    @property
    def classes(self) -> Labels | None:
        """The labels seen in training, sorted; None for a regressor."""
        return self._classes

    @property
    def loss_history(self) -> dict[str, list[float]]:
        """Loss per epoch: mean squared error of the standardized label, or cross-entropy in nats."""
        return self._loss_history

    def fit(self, X: Rows, y: Labels, validation: Validation | None = None) -> "NetworkModel":
        """Fit on windows of shape (n_rows, sequence_length, n_features)."""
        windows = check_input(X, self.feature_names, self.sequence_length)
        keras = import_keras()
        keras.utils.set_random_seed(self.spec.seed)
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        targets = self._fit_target(np.asarray(y))
        body = self._build_body(keras, windows)
        loss = "mse" if self.task == "regression" else "sparse_categorical_crossentropy"
        body.compile(optimizer=keras.optimizers.Adam(self._options["learning_rate"], clipnorm=1.0), loss=loss)
        held_out, callbacks = None, []
        if validation is not None:
            later = check_input(validation[0], self.feature_names, self.sequence_length)
            held_out = (later.astype(np.float32), self._to_target(np.asarray(validation[1])))
            callbacks = [keras.callbacks.EarlyStopping(patience=self._options["patience"], restore_best_weights=True)]
        history = body.fit(
            windows.astype(np.float32),
            targets,
            validation_data=held_out,
            callbacks=callbacks,
            batch_size=self._options["batch_size"],
            epochs=self._options["epochs"],
            verbose=0,
        ).history
        parts = {"train": "loss", "validation": "val_loss"}
        self._loss_history = {part: [float(v) for v in history[key]] for part, key in parts.items() if key in history}
        self.network = self._in_label_units(keras, body)
        return self

    def predict(self, X: Rows) -> Labels:
        """One prediction a window: float64 in label units, or the most probable class."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._classes is None else self._classes[outputs.argmax(axis=1)]

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``classes``."""
        if self._classes is None:
            raise refuse_probability(self.label)
        return self._outputs(X)

    def _outputs(self, X: Rows) -> NDArray[np.float64]:
        windows = check_input(X, self.feature_names, self.sequence_length).astype(np.float32)
        return self.network.predict(windows, batch_size=_PREDICT_BATCH, verbose=0).astype(np.float64)

    def _fit_target(self, y: Labels) -> Labels:
        if self.task == "regression":
            self._center = float(np.mean(y))
            self._scale = float(np.std(y)) or 1.0
        else:
            self._classes = np.unique(y.astype(str) if y.dtype == object else y)
        return self._to_target(y)

    def _to_target(self, y: Labels) -> Labels:
        if self._classes is None:
            return ((y - self._center) / self._scale).astype(np.float32)
        labels = y.astype(self._classes.dtype)
        known = np.isin(labels, self._classes)
        if not known.all():
            unknown = ", ".join(map(str, np.unique(labels[~known])))
            raise UsageError(f"The validation part has labels that training lacks: {unknown}; move the split.")
        return np.searchsorted(self._classes, labels).astype(np.int32)

    def _build_body(self, keras: ModuleType, windows: Rows) -> Any:
        center = windows.mean(axis=(0, 1))
        deviation = windows.std(axis=(0, 1))
        scale = 1.0 / np.where(deviation > 0, deviation, 1.0)
        head = (
            keras.layers.Dense(1, kernel_initializer="zeros")
            if self._classes is None
            else keras.layers.Dense(len(self._classes), activation="softmax")
        )
        window = keras.Input((self.sequence_length, len(self.feature_names)))
        scaled = keras.layers.Rescaling(scale=scale.tolist(), offset=(-center * scale).tolist())(window)
        vector = self._body.layers(keras, scaled, self._options)
        return keras.Model(window, head(keras.layers.Dropout(self._options["dropout"])(vector)))

    def _in_label_units(self, keras: ModuleType, body: Any) -> Any:
        if self._classes is not None:
            return body
        to_label = keras.layers.Rescaling(scale=self._scale, offset=self._center)
        return keras.Model(body.input, to_label(body.output))
