"""The rows of an epoch in an order that depends on the seed and the number of the epoch alone."""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocol import Labels

Order = NDArray[np.int32] | NDArray[np.int64]


def epoch_order(n_rows: int, seed: int, epoch: int) -> Order:
    """Return the places of the rows in the order of an epoch, in 4 bytes each where that is enough."""
    is_short = n_rows <= np.iinfo(np.int32).max
    order: Order = np.arange(n_rows, dtype=np.int32) if is_short else np.arange(n_rows)
    np.random.default_rng((seed, epoch)).shuffle(order)
    return order


def shuffled_batches(
    keras: ModuleType, inputs: NDArray[np.float32], targets: Labels, batch_size: int, seed: int
) -> Any:
    """Return a ``keras.utils.PyDataset``; call its ``begin`` before each epoch.

    A batch is gathered when it is asked for: the rows are not copied for an epoch.
    """

    class Batches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        order: Order = np.arange(len(targets))

        def begin(self, epoch: int) -> None:
            self.order = epoch_order(len(targets), seed, epoch)

        def __len__(self) -> int:
            return -(-len(targets) // batch_size)

        def __getitem__(self, number: int) -> tuple[NDArray[np.float32], Labels]:
            rows = self.order[number * batch_size : (number + 1) * batch_size]
            return inputs[rows], targets[rows]

    return Batches()
