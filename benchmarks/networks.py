"""What a training step of each network costs on two cores and on a GPU, in 32 bits and in mixed precision.

    python -m benchmarks.networks [windows, default 20,000]

Windows of 60 steps and 20 features, batches of 256, 64 units. A step is timed from the second epoch on: the first one
compiles. The GPU is measured where TensorFlow finds one: its validation loss must first be that of the cores within a
twentieth, then the speed-up over two cores and the utilisation that ``nvidia-smi`` tells are printed. No claim: which
of them is faster depends on the size of the network.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.surroundings import load, machine
from models.families import build_model
from models.keras_models import NetworkModel
from models.keras_runtime import import_keras
from models.network_bodies import BODIES, PRECISIONS
from models.protocol import ModelSpec

N_STEPS, N_FEATURES, BATCH, UNITS, EPOCHS = 60, 20, 256, 64, 3
N_CORES = 2
NEAR = 0.05
Rows = tuple[np.ndarray, np.ndarray]


def make_windows(n: int) -> Rows:
    """Windows of noise, and a label that the change over a window tells in part."""
    random = np.random.default_rng(0)
    windows = random.normal(size=(n, N_STEPS, N_FEATURES))
    return windows, windows[:, -1, 0] - windows[:, 0, 0] + random.normal(size=n)


def timed(family: str, precision: str, device: str, rows: Rows) -> tuple[float, float]:
    """Milliseconds a step, and the validation loss after the last epoch."""
    import tensorflow

    options = {"epochs": EPOCHS, "patience": EPOCHS, "batch_size": BATCH, "units": UNITS, "precision": precision}
    spec = ModelSpec("m", family, "y", options=options, sequence_length=N_STEPS, seed=1)
    model = build_model(spec, tuple(f"f{i}" for i in range(N_FEATURES)))
    assert isinstance(model, NetworkModel)
    ends: list[tuple[float, float]] = []
    model.watch = lambda _, loss: ends.append((time.perf_counter(), loss))
    cut = len(rows[0]) - BATCH
    with tensorflow.device(device):
        model.fit(rows[0][:cut], rows[1][:cut], (rows[0][cut:], rows[1][cut:]))
    seconds = (ends[-1][0] - ends[0][0]) / (EPOCHS - 1)
    return 1_000 * seconds / -(-cut // BATCH), ends[-1][1]


@contextmanager
def utilisation() -> Iterator[list[float]]:
    """Percent of the time in which the GPU was busy, looked at each half second."""
    looks: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not is_over.wait(0.5):
            looks.append(float(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield looks
    finally:
        is_over.set()
        watcher.join()


def main() -> int:
    """Print a line for each family and precision."""
    n_windows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    import_keras()
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(N_CORES)
    tensorflow.config.threading.set_inter_op_parallelism_threads(N_CORES)
    has_gpu = bool(tensorflow.config.list_physical_devices("GPU"))
    print(f"TensorFlow {tensorflow.__version__}, {machine('keras')}")  # its package has another name without a GPU
    print("a GPU is measured too" if has_gpu else "TensorFlow finds no GPU: two cores alone")
    rows = make_windows(n_windows)
    for family in BODIES:
        for precision in PRECISIONS:
            on_cores, loss = timed(family, precision, "/CPU:0", rows)
            told = f"{family:12s} {precision:15s} {on_cores:8.1f} ms a step on {N_CORES} cores, loss {loss:.4f}"
            if has_gpu:
                with utilisation() as looks:
                    on_gpu, there = timed(family, precision, "/GPU:0", rows)
                assert abs(there / loss - 1) <= NEAR, (family, precision, loss, there)
                busy = statistics.median(looks) if looks else float("nan")
                told += f"; {on_gpu:.1f} ms on the GPU, {on_cores / on_gpu:.1f} times as fast, busy {busy:.0f} %"
            print(f"{told}; {load()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
