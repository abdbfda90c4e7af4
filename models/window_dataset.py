"""Stored windows as ``tf.data``: in batches, shuffled anew in each epoch, the same order for the same seed."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training_batches import Order, epoch_order
from models.window_store import WindowStore

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


def batches(
    store: WindowStore, places: NDArray[np.int64], batch_size: int, order: Order | None = None
) -> Iterator[Batch]:
    """Yield inputs (n, n_steps, n_features) and labels (n,) of the windows at ``places``, in their order or another."""
    for start in range(0, len(places), batch_size):
        part = slice(start, start + batch_size)
        chosen = places[part if order is None else order[part]]
        yield store.inputs(chosen), store.columns["label"][chosen].astype(np.float32)


def shuffled_places(places: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the places in the order of an epoch."""
    return places[epoch_order(len(places), seed, epoch)]


def window_dataset(store: WindowStore, places: NDArray[np.int64], batch_size: int, seed: int | None = None) -> Any:
    """Return a ``tf.data.Dataset`` of batches of float32 inputs and labels, one pass an iteration.

    Args:
        store: The windows.
        places: Which of them; 8 bytes of memory for each, 12 where they are shuffled.
        batch_size: Windows in a batch; the last one may have fewer.
        seed: Shuffles: the n-th iteration has the order of epoch n. None keeps the order of ``places``.
    """
    import tensorflow

    epochs = itertools.count()

    def one_pass() -> Iterator[Batch]:
        order = None if seed is None else epoch_order(len(places), seed, next(epochs))
        return batches(store, places, batch_size, order)

    shape = (None, store.facts["n_steps"], store.facts["n_features"])
    signature = tensorflow.TensorSpec(shape, "float32"), tensorflow.TensorSpec((None,), "float32")
    return tensorflow.data.Dataset.from_generator(one_pass, output_signature=signature).prefetch(2)
