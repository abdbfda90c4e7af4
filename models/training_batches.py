"""The rows of an epoch in an order that depends on the seed and the number of the epoch alone."""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocol import Labels


def shuffled_batches(
    keras: ModuleType, inputs: NDArray[np.float32], targets: Labels, batch_size: int, seed: int
) -> Any:
    """Return a ``keras.utils.PyDataset``; set its ``epoch`` before each epoch.

    A batch is gathered when it is asked for: the rows are not copied for an epoch.
    """

    class Batches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        epoch = 0

        def __len__(self) -> int:
            return -(-len(targets) // batch_size)

        def __getitem__(self, number: int) -> tuple[NDArray[np.float32], Labels]:
            rows = self._order()[number * batch_size : (number + 1) * batch_size]
            return inputs[rows], targets[rows]

        def _order(self) -> NDArray[np.int64]:
            if self._ordered != self.epoch:
                self._permutation = np.random.default_rng((seed, self.epoch)).permutation(len(targets))
                self._ordered = self.epoch
            return self._permutation

        _ordered = -1
        _permutation = np.empty(0, dtype=np.int64)

    return Batches()
