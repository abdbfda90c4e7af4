"""What a search of settings is worth on the simulated market, where the noise that nobody can predict is known.

    python -m benchmarks.tuning [trials, default 40]

The market of ``foretable demo`` is simulated and taken to features. A network learns the return of the next 5 minutes
from the first three quarters of the time: with scikit-learn's own defaults, with Foretable's, and with ``OPTIONS
(trials = …)``, which searches within the training rows. All are asked about the last quarter, which no statement has
seen. The floor is the error of the simulator's own expectation: from the hidden price and state of order flow at the
time of the row (jobs/simulator/latent.py) the return to come has the mean

    ln(efficient price / close) + strength * DRIFT * state * (1 - phi^300) / (1 - phi)

What is left beyond the floor is the excess error of a model. A model that sees only trades and orders cannot reach it.

The claim: the search leaves at most half of the excess error of the network with scikit-learn's defaults.
"""

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.surroundings import fresh_home, load, machine
from jobs.app import App
from jobs.config import Config
from jobs.pipeline import ingest_step, normalize_step, resample_step
from jobs.simulator.latent import DRIFT
from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate
from jobs.simulator.truth import market_truth
from jobs.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLAIM = 0.5
HORIZON_SECONDS = 300
UNSEEN_SHARE = 0.25
SCIKIT_LEARNS = "hidden_layer_sizes = 100, alpha = 0.0001, learning_rate_init = 0.001, max_iter = 200, batch_size = 200"


def expected_returns(market: Market, rows: pd.DataFrame) -> np.ndarray:
    """The simulator's own expectation of the return after each row (``symbol``, ``available_at``, ``close``)."""
    latent = market_truth(market).latent
    latent["available_at"] = pd.to_datetime(latent.pop("time"), utc=True).astype("datetime64[us, UTC]")
    asked = rows[["symbol", "available_at", "close"]].copy()
    asked["available_at"] = pd.to_datetime(asked.available_at, utc=True).astype("datetime64[us, UTC]")
    known = asked.merge(latent, on=["symbol", "available_at"], how="left")
    assert len(known) == len(rows)
    assert known.state.notna().all(), "a row whose time the simulator does not know"
    persistence = 2.0 ** (-1.0 / market.half_life_seconds)
    reach = (1 - persistence**HORIZON_SECONDS) / (1 - persistence)
    drift = market.signal_strength * DRIFT * reach * known.state
    return (np.log(known.efficient_price / known.close) + drift).to_numpy()


def prepare(app: App, market: Market) -> "SparkSession":
    """From simulated files to features; view ``seen`` holds what models may learn from, ``unseen`` the rest."""
    folder = app.config.home / "files"
    simulate(market, folder)
    source = Source(path=str(folder), format="coinbase_full", exchange="simulated")
    app.config = app.config.model_copy(update={"sources": (source,)})
    ingest_step(app, [source], 0.0)
    resample_step(app)
    normalize_step(app)
    spark = app.session()
    first, last = spark.sql("SELECT min(available_at), max(available_at) FROM features").first()
    border = last - (last - first) * UNSEEN_SHARE
    rows = "SELECT symbol, bar_start, available_at, f.features.*, f.labels.return_5m FROM features AS f WHERE is_warm"
    seen = spark.sql(f"{rows} AND available_at < :border - INTERVAL {HORIZON_SECONDS} SECOND", args={"border": border})
    seen.drop("symbol", "bar_start").createOrReplaceTempView("seen")
    known = f"{rows} AND available_at >= :border AND f.labels.return_5m IS NOT NULL"
    unseen = spark.sql(known, args={"border": border})
    unseen.createOrReplaceTempView("unseen")
    return spark


def train(spark: "SparkSession", name: str, options: str) -> None:
    """CREATE MODEL; says how long it took."""
    started = time.perf_counter()
    spark.sql(
        f"CREATE MODEL {name} USING mlp OPTIONS (label = 'return_5m', time = 'available_at', "
        f"horizon_seconds = {HORIZON_SECONDS}{options}) AS SELECT * FROM seen"
    ).collect()
    print(f"{name}: trained in {time.perf_counter() - started:.0f} s")


def main() -> int:
    """Train, ask about unseen time, compare; 1 where the claim does not hold."""
    n_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print(machine("scikit-learn", "optuna"))
    models = {"scikit_learns": f", {SCIKIT_LEARNS}", "foretables": "", "searched": f", trials = {n_trials}"}
    market = Market()
    with fresh_home() as home:
        app = App(is_quiet=True)
        app.config = Config(home=home, bars={"seconds": [60]})
        try:
            spark = prepare(app, market)
            for name, options in models.items():
                train(spark, name, options)
            asked = ", ".join(f"predict('{name}', struct(unseen.*)) AS {name}" for name in models)
            rows = spark.sql(
                f"SELECT symbol, unseen.available_at, double(close) AS close, return_5m, {asked} "
                "FROM unseen JOIN bars USING (symbol, bar_start)"
            ).toPandas()
        finally:
            app.close()
    return report(rows, expected_returns(market, rows), list(models))


def report(rows: pd.DataFrame, expected: np.ndarray, models: list[str]) -> int:
    """Errors in squared basis points; 1 where the claim does not hold."""
    outcome = rows.return_5m.to_numpy() * 1e4
    floor = float(np.mean((outcome - expected * 1e4) ** 2))
    print(f"{len(rows):,} rows of unseen time; mean squared errors in bp²")
    print(f"    zero change    {np.mean(outcome**2):7.1f}")
    print(f"    noise floor    {floor:7.1f}")
    excess = {}
    for name in models:
        error = float(np.mean((outcome - rows[name].to_numpy() * 1e4) ** 2))
        excess[name] = error - floor
        print(f"    {name:14s} {error:7.1f}, excess {excess[name]:6.1f}")
    share = excess["searched"] / excess["scikit_learns"]
    print(f"the search leaves {share:.2f} of the excess error of scikit-learn's defaults (claim: {CLAIM}), and")
    print(f"{excess['searched'] / excess['foretables']:.2f} of that of Foretable's; {load()}")
    return int(share > CLAIM)


if __name__ == "__main__":
    sys.exit(main())
