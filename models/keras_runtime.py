"""Keras on TensorFlow, imported when a network is fitted or saved and not before, without its messages."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from models.errors import UsageError
from models.network_bodies import BODIES


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


@contextmanager
def computing_in(keras: ModuleType, precision: str) -> Iterator[None]:
    """Make layers that compute in this precision, one of ``models.network_bodies.PRECISIONS``."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def quiet_arrays() -> Iterator[None]:
    """Save or load without warnings that are none of the user's business.

    TensorFlow's variables lack an argument of NumPy 2; Keras probes for an alias that NumPy may define again.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*np.object.*", category=FutureWarning)
        yield
