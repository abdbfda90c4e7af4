"""CREATE MODEL on a Delta table of 1 million rows and 20 features, against scikit-learn's own fit on arrays in memory.

    python -m benchmarks.training [rows, default 1,000,000]

Ours is the whole statement: the rows are read from Delta, looked through for leaks, the model is fitted, measured,
profiled, stored, read back and registered. scikit-learn only fits, with the same options, seed and cores. Equal
predictions are asserted first; then rounds are interleaved in one process, and the median of the ratios of a round is
printed. Claim: at most 1.2 times as long, for a random forest and for gradient boosting.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from jobs.app import App
from jobs.config import Config
from models.artifact import load_scorer
from models.sklearn_models import FORESTS, GRADIENT_BOOSTING, fit_threads

CLAIM = 1.2
ROUNDS = 3
N_FEATURES = 20
Values = NDArray[np.float64]


def _peers() -> dict[str, Any]:
    """scikit-learn's estimators with the options that the families have."""
    forest, boosting = FORESTS["regression"].defaults, GRADIENT_BOOSTING["regression"].defaults
    return {
        "random_forest": RandomForestRegressor(**forest, random_state=0, n_jobs=fit_threads()),
        "gradient_boosting": HistGradientBoostingRegressor(**boosting, random_state=0),
    }


def _make_rows(n_rows: int) -> tuple[Values, Values]:
    """Features of which some tell a little, as those of a market do."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(n_rows, N_FEATURES))
    return inputs, 0.1 * inputs[:, 0] + 0.1 * np.abs(inputs[:, 1]) + random.normal(size=n_rows)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    """Compare, then measure; 1 where the claim does not hold."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    inputs, labels = _make_rows(n_rows)
    names = [f"f{i}" for i in range(N_FEATURES)]
    packages = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "pyspark"))
    print(f"Python {platform.python_version()}, {packages}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        jars = Path.home() / ".foretable" / "jars"
        jars.mkdir(parents=True, exist_ok=True)
        (home / "jars").symlink_to(jars)
        app = App(is_quiet=True)
        app.config = Config(home=home)
        spark = app.session()
        try:
            columns = {name: inputs[:, i] for i, name in enumerate(names)}
            spark.createDataFrame(pa.table({**columns, "y": labels, "t": np.arange(n_rows)})).write.saveAsTable("rows")
            for family, peer in _peers().items():
                ratio = _ratio(app, family, peer, inputs, labels)
                holds &= ratio <= CLAIM
                print(f"{family}: CREATE MODEL takes {ratio:.2f} times as long as the fit alone (claim: {CLAIM})")
        finally:
            app.close()
    print(f"{n_rows:,} rows, {N_FEATURES} features, load {os.getloadavg()[0]:.1f}")
    return int(not holds)


def _ratio(app: App, family: str, peer: Any, inputs: Values, labels: Values) -> float:
    """Median ratio of the rounds, after equal predictions."""

    def create(number: int) -> None:
        app.session().sql(
            f"CREATE MODEL {family}_{number} USING {family} OPTIONS (label = 'y', time = 't', split = 0) "
            "AS SELECT * FROM rows"
        ).collect()

    rounds = [(_seconds(lambda n=n: create(n)), _seconds(lambda: peer.fit(inputs, labels))) for n in range(ROUNDS)]
    made = app.registry.resolve(f"{family}_0")
    if hasattr(peer, "n_jobs"):
        peer.set_params(n_jobs=None)  # threads add the trees up in the order in which they finish
    some = inputs[:: max(1, len(inputs) // 1_000)]
    np.testing.assert_array_equal(load_scorer(made.folder, made.digest).predict(some), peer.predict(some))
    ours, theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"{family}: CREATE MODEL {ours:.1f} s, fit {theirs:.1f} s, equal predictions")
    return statistics.median(mine / fit for mine, fit in rounds)


if __name__ == "__main__":
    sys.exit(main())
