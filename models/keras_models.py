"""Networks that Keras fits: a window of steps in, one prediction out.

TensorFlow is imported when a model is fitted or saved, never by importing this module.
"""

import contextlib
import time
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError
from models.keras_runtime import computing_in, import_keras
from models.network_bodies import PRECISIONS
from models.network_source import body_of
from models.protocol import Labels, ModelSpec, Rows, Validation, Watch, check_input, refuse_probability
from models.tensorboard_log import TensorboardLog
from models.training_batches import shuffled_batches
from models.training_checkpoint import Course, load_checkpoint, save_checkpoint
from models.training_record import TrainingRecord

SECONDS_BETWEEN_CHECKPOINTS = 5.0  # what a kill costs at most, beside the epoch that was going on
_PREDICT_BATCH = 4096
_LOSSES = {"train": "loss", "validation": "val_loss"}


class NetworkModel:
    """The layers of a family, dropout and a dense layer, with both scalings inside: raw features in, label units out.

    The training is deterministic for a seed on one kind of machine. With a validation part the weights of the epoch
    with the smallest validation loss are kept, and training stops ``patience`` epochs after it.

    With a mixed ``precision`` layers compute in 16 bits while it learns, which is what GPUs are fast at; weights, both
    scalings, the answer and its loss have 32 bits (Micikevicius et al., "Mixed precision training", 2018), and so has
    all of the network that is kept.
    """

    artifact_format = "keras"

    def __init__(self, spec: ModelSpec, feature_names: tuple[str, ...]) -> None:
        """Make an unfitted model; ``spec`` is checked by ``models.families``."""
        self.spec = spec
        self.feature_names = feature_names
        self.label = spec.label
        self.task = spec.task
        self.sequence_length = spec.sequence_length
        self.watch: Watch | None = None
        self.network: Any = None
        self._body = body_of(spec)
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

    def fit(
        self, X: Rows, y: Labels, validation: Validation | None = None, record: TrainingRecord | None = None
    ) -> "NetworkModel":
        """Fit on windows of shape (n_rows, sequence_length, n_features).

        With a ``record`` each epoch is noted there, and a training that was killed goes on from its last checkpoint to
        the same weights, bit for bit.
        """
        windows = check_input(X, self.feature_names, self.sequence_length)
        keras = import_keras()
        keras.utils.set_random_seed(self.spec.seed)
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        targets = self._fit_target(np.asarray(y))
        held_out = None
        if validation is not None:
            later = check_input(validation[0], self.feature_names, self.sequence_length)
            held_out = (later.astype(np.float32), self._to_target(np.asarray(validation[1])))
        begun = None if record is None else load_checkpoint(record.checkpoints, keras)
        body, course = begun or (self._compiled(keras, windows), Course())
        if begun is not None and record is not None:
            record.say(f"{self.spec.name}: its training was broken off and goes on after epoch {course.n_epochs}")
        self._train(keras, body, course, (windows.astype(np.float32), targets), held_out, record)
        if course.best_weights is not None:
            body.set_weights(course.best_weights)
        self._loss_history = course.losses
        if self._options["precision"] != PRECISIONS[0]:
            learned = body.get_weights()
            body = self._build_body(keras, windows, PRECISIONS[0])
            body.set_weights(learned)
        self.network = self._in_label_units(keras, body)
        return self

    def _compiled(self, keras: ModuleType, windows: Rows) -> Any:
        body = self._build_body(keras, windows, self._options["precision"])
        loss = "mse" if self.task == "regression" else "sparse_categorical_crossentropy"
        optimizer = keras.optimizers.Adam(self._options["learning_rate"], clipnorm=1.0)
        if self._options["precision"] == "mixed_float16":  # Keras would do so itself, and not store it in a checkpoint
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        body.compile(optimizer=optimizer, loss=loss, auto_scale_loss=False)
        return body

    def _train(
        self,
        keras: ModuleType,
        body: Any,
        course: Course,
        examples: tuple[NDArray[np.float32], Labels],
        held_out: tuple[NDArray[np.float32], Labels] | None,
        record: TrainingRecord | None,
    ) -> None:
        """Train on until the last epoch, or until the validation loss has not become smaller for ``patience`` of them.

        What an epoch does depends on the weights before it, the seed and its number alone.
        """
        n_epochs, patience = self._options["epochs"], max(1, self._options["patience"])
        if course.n_waited >= patience:
            return
        batches = shuffled_batches(keras, *examples, self._options["batch_size"], self.spec.seed)
        saved_at = time.monotonic()

        def begin(epoch: int, _: object) -> None:
            batches.begin(epoch)
            _reseed(body, self.spec.seed, epoch)

        def end(epoch: int, logs: dict[str, float]) -> None:
            nonlocal saved_at
            losses = {part: float(logs[key]) for part, key in _LOSSES.items() if key in logs}
            course.add(losses, body)
            if self.watch is not None and "validation" in losses:
                self.watch(epoch, losses["validation"])
            body.stop_training = course.n_waited >= patience
            if record is None or drawn is None:
                return
            drawn.add(epoch, losses)
            told = ", ".join(f"{part} loss {loss:.6g}" for part, loss in losses.items())
            record.note(f"{self.spec.name}: epoch {epoch + 1} of {n_epochs}, {told}")
            if time.monotonic() - saved_at >= SECONDS_BETWEEN_CHECKPOINTS:
                save_checkpoint(record.checkpoints, body, course)
                saved_at = time.monotonic()

        with contextlib.nullcontext() if record is None else TensorboardLog(record.tensorboard) as drawn:
            body.fit(
                batches,
                validation_data=held_out,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)],
                initial_epoch=course.n_epochs,
                epochs=n_epochs,
                shuffle=False,  # the batches are: Keras would draw their order from a state that it does not store
                verbose=0,
            )

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

    def _build_body(self, keras: ModuleType, windows: Rows, precision: str) -> Any:
        rows = tuple(range(windows.ndim - 1))
        center = windows.mean(axis=rows)
        deviation = windows.std(axis=rows)
        scale = 1.0 / np.where(deviation > 0, deviation, 1.0)
        head = (
            keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32")
            if self._classes is None
            else keras.layers.Dense(len(self._classes), activation="softmax", dtype="float32")
        )
        window = keras.Input(windows.shape[1:])
        # A price has too many digits for 16 bits.
        rescaling = keras.layers.Rescaling(scale.tolist(), (-center * scale).tolist(), dtype="float32")
        with computing_in(keras, precision):
            vector = self._body.layers(keras, rescaling(window), self._options)
            return keras.Model(window, head(keras.layers.Dropout(self._options["dropout"])(vector)))

    def _in_label_units(self, keras: ModuleType, body: Any) -> Any:
        if self._classes is not None:
            return body
        to_label = keras.layers.Rescaling(scale=self._scale, offset=self._center)
        return keras.Model(body.input, to_label(body.output))


def _reseed(body: Any, seed: int, epoch: int) -> None:
    """Set what dropout draws from, which Keras does not store."""
    states = [variable for variable in body.variables if variable.name == "seed_generator_state"]
    for number, state in enumerate(states):
        state.assign(np.random.default_rng((seed, epoch, number)).integers(0, 2**31, size=2, dtype=np.uint32))
