"""CREATE MODEL on a Delta table of 1 million rows and 20 features, against scikit-learn by hand on the same cores.

    python -m benchmarks.training [rows, default 1,000,000]

By hand is what somebody without Foretable types in the same session: ``toPandas``, ``to_numpy``, scikit-learn's ``fit``
with the same options, seed and cores, its error on as many training rows as CREATE MODEL takes for it, and the
estimator written with skops. CREATE MODEL does that, looks for leaks, profiles, checks what it has written and
registers it. Equal predictions are asserted first; then rounds are interleaved in one process, and the medians of the
ratios of a round are printed.

The claim: at most 1.2 times as long as by hand, for a random forest and for gradient boosting. Against the fit alone,
on arrays that are in memory already, the ratio is printed without a claim: reading is part of CREATE MODEL.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.metrics import root_mean_squared_error

from benchmarks.surroundings import fresh_home, load, machine
from jobs.app import App
from jobs.config import Config
from models.artifact import load_scorer
from models.sklearn_models import FORESTS, GRADIENT_BOOSTING, fit_threads

CLAIM = 1.2
ROUNDS = 3
N_FEATURES = 20
N_MEASURED = 200_000
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
    print(machine("scikit-learn", "pyspark"))
    holds = True
    with fresh_home() as home:
        app = App(is_quiet=True)
        app.config = Config(home=home)
        spark = app.session()
        try:
            columns = {name: inputs[:, i] for i, name in enumerate(names)}
            spark.createDataFrame(pa.table({**columns, "y": labels, "t": np.arange(n_rows)})).write.saveAsTable("rows")
            for family, peer in _peers().items():
                holds &= _measure(app, family, peer, home) <= CLAIM
        finally:
            app.close()
    print(f"{n_rows:,} rows, {N_FEATURES} features, {load()}")
    return int(not holds)


def _measure(app: App, family: str, peer: Any, home: Path) -> float:
    """Median ratio of CREATE MODEL to the work by hand, after equal predictions."""
    spark, fits, answers = app.session(), [], []

    def create() -> None:
        spark.sql(
            f"CREATE MODEL {family}_{len(fits)} USING {family} OPTIONS (label = 'y', time = 't', split = 0) "
            "AS SELECT * FROM rows"
        ).collect()

    def by_hand() -> None:
        frame = spark.table("rows").toPandas().sort_values("t")
        inputs, labels = frame[[f"f{i}" for i in range(N_FEATURES)]].to_numpy(), frame["y"].to_numpy()
        fits.append(_seconds(lambda: peer.fit(inputs, labels)))
        root_mean_squared_error(labels[:N_MEASURED], peer.predict(inputs[:N_MEASURED]))
        skops.io.dump(peer, home / f"{family}.skops")
        answers.append(inputs[:: max(1, len(inputs) // 1_000)])

    rounds = [(_seconds(create), _seconds(by_hand)) for _ in range(ROUNDS)]
    made = app.registry.resolve(f"{family}_0")
    if hasattr(peer, "n_jobs"):
        peer.set_params(n_jobs=None)  # threads add the trees up in the order in which they finish
    np.testing.assert_array_equal(load_scorer(made.folder, made.digest).predict(answers[0]), peer.predict(answers[0]))
    ours, theirs, fit = (statistics.median(times) for times in (*zip(*rounds, strict=True), fits))
    ratio = statistics.median(mine / hand for mine, hand in rounds)
    to_fit = statistics.median(mine / one for (mine, _), one in zip(rounds, fits, strict=True))
    print(
        f"{family}: CREATE MODEL {ours:.1f} s, by hand {theirs:.1f} s of which the fit is {fit:.1f} s, equal "
        f"predictions; {ratio:.2f} times as long as by hand (claim: {CLAIM}), {to_fit:.2f} times the fit alone"
    )
    return ratio


if __name__ == "__main__":
    sys.exit(main())
