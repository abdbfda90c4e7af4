"""A model of 2,000 groups against the single one of all rows: time to train, and time to score the same rows.

``python -m benchmarks.groups [n_groups] [rows a group]``. First the answers of some groups must equal those of
scikit-learn fitted on their rows alone. The single model is the one that a grouped model holds for other groups: what
the family fits on all rows. Batches of 10,000 rows, as Arrow sends them, are scored by both in turns; the ratio is of
the medians. Exit code 1 where one exceeds 1.5. Set OMP_NUM_THREADS=1, as Spark does for its workers.
"""

import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.surroundings import machine
from models.families import build_model
from models.group_key import key_columns
from models.grouped_model import GroupedModel
from models.protocol import ModelSpec

N_FEATURES = 20
BATCH = 10_000
N_BATCHES = 30
MOST = 1.5
FOREST = {"n_estimators": 100, "max_depth": 6, "min_samples_leaf": 50, "max_samples": 0.5, "max_features": 0.5}
BOOSTING = {"learning_rate": 0.05, "max_iter": 200, "max_depth": 3, "min_samples_leaf": 100, "l2_regularization": 10.0}
ALONE: dict[str, Any] = {  # scikit-learn itself with the defaults of the family
    "ridge": lambda: make_pipeline(StandardScaler(), Ridge(alpha=100.0)),
    "random_forest": lambda: RandomForestRegressor(**FOREST, random_state=0),
    "gradient_boosting": lambda: HistGradientBoostingRegressor(**BOOSTING, early_stopping=False, random_state=0),
}
Values = NDArray[np.float64]


def make_rows(n_groups: int, n_each: int) -> tuple[Values, Values, Values]:
    """Features, keys and labels; the groups come by chance, and each has weights of its own."""
    random = np.random.default_rng(0)
    place = random.permutation(np.repeat(np.arange(n_groups), n_each))
    features = random.normal(size=(len(place), N_FEATURES))
    weights = random.normal(size=(n_groups, N_FEATURES))
    labels = np.einsum("ij,ij->i", features, weights[place]) + random.normal(size=len(place))
    return features, key_columns(f"symbol {i}" for i in place), labels


def timed_fit(family: str, X: Values, y: Values) -> tuple[GroupedModel, float, float]:
    """The fitted model, the seconds it took, and those of the processors, which other programs change little."""
    spec = ModelSpec("m", family, "y", group="symbol")
    start, start_cpu = time.perf_counter(), time.process_time()
    model = build_model(spec, tuple(f"x{i}" for i in range(N_FEATURES))).fit(X, y)
    assert isinstance(model, GroupedModel)
    return model, time.perf_counter() - start, time.process_time() - start_cpu


def check_equal(family: str, model: GroupedModel, features: Values, keys: Values, labels: Values) -> None:
    """Some groups against scikit-learn; trees to the last bit, sums of products as far as their order tells."""
    for key in np.unique(keys, axis=0)[:: max(1, len(model.engine.keys) // 10)]:
        own = (keys == key).all(axis=1)
        theirs = ALONE[family]().fit(features[own], labels[own]).predict(features[own])
        found = model.predict(np.hstack([features[own], keys[own]]))
        tolerance = 1e-11 if family == "ridge" else 0.0
        assert np.allclose(found, theirs, rtol=tolerance, atol=tolerance), f"{family}: {key} is answered otherwise"


def seconds_a_batch(model: GroupedModel, features: Values, keys: Values) -> tuple[float, float]:
    """Median seconds for a batch by the groups and by the single model, in turns, after one each that compiles."""
    times: tuple[list[float], list[float]] = ([], [])
    random = np.random.default_rng(1)
    for i in range(N_BATCHES + 1):
        rows = random.integers(0, len(features), BATCH)
        inputs = (np.hstack([features[rows], keys[rows]]), features[rows])
        for one, X, seconds in zip((model, model.parent), inputs, times, strict=True):
            start = time.perf_counter()
            one.predict(X)
            if i:
                seconds.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> int:
    """Print the comparison; 0 where no family costs more than 1.5 times a single model."""
    n_groups, n_each = (int(text) for text in (sys.argv[1:] + ["2000", "300"][len(sys.argv) - 1 :]))
    features, keys, labels = make_rows(n_groups, n_each)
    print(f"{n_groups:,} groups of {n_each:,} rows, {N_FEATURES} features, batches of {BATCH:,}")
    heads = ("train s", "CPU s", "us/row", "single", "ratio", "MB", "load")
    print(f"{'family':18}" + "".join(f"{head:>8}" for head in heads))
    is_slow = False
    for family in ALONE:
        model, seconds, cpu = timed_fit(family, np.hstack([features, keys]), labels)
        assert len(model.engine.keys) == n_groups
        check_equal(family, model, features, keys, labels)
        of_groups, of_single = (1e6 / BATCH * each for each in seconds_a_batch(model, features, keys))
        ratio = of_groups / of_single
        is_slow = is_slow or ratio > MOST
        n_mb = len(model.engine.to_bytes()) / 1e6
        figures = (seconds, cpu, of_groups, of_single, ratio, n_mb, os.getloadavg()[0])
        print(f"{family:18}" + "".join(f"{figure:8.2f}" for figure in figures), flush=True)
    print(machine("scikit-learn", "numpy"))
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())
