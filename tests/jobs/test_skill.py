"""Does a champion show skill where there is some, and none where there is none?"""

import pytest

from jobs.evaluate import evaluate_models
from jobs.pipeline import ingest_step, normalize_step, resample_step, train_step
from jobs.session import use_schema
from jobs.tables import create_tables

MARKETS = {"signal": {"signal": 1.0, "seed": 11}, "no_signal": {"signal": 0.0, "seed": 12}}


@pytest.fixture(scope="module")
def evaluations(spark, make_app, simulated_source, compiled):
    """Evaluation rows by market: the same settings, once with order flow that is informed and once without."""
    use_schema(spark, "skill")
    create_tables(spark)
    apps = {}
    with compiled():
        for exchange, market in MARKETS.items():
            source = simulated_source(exchange, days=2, **market)
            models = [{"name": f"ridge_{exchange}", "family": "ridge"}]
            apps[exchange] = make_app(sources=[source], bars={"seconds": [60]}, models=models)
            ingest_step(apps[exchange], apps[exchange].config.sources, 0.0)
        resample_step(apps["signal"])
        normalize_step(apps["signal"])
        for app in apps.values():
            train_step(app, app.config)
        yield {exchange: evaluate_models(app, spark) for exchange, app in apps.items()}
    spark.sql("USE default")


def test_with_a_signal_the_champion_beats_zero_change_and_the_interval_excludes_zero(evaluations):
    *_, ridge = evaluations["signal"]
    assert ridge["difference_upper"] < 0
    assert ridge["dm_p_value"] < 0.05
    assert ridge["n"] > 1500


def test_without_a_signal_the_champion_does_not_beat_zero_change(evaluations):
    *_, ridge = evaluations["no_signal"]
    assert not ridge["difference_upper"] < 0


def test_last_value_is_worse_than_zero_change_on_returns(evaluations):
    _, last_value, _ = evaluations["no_signal"]
    assert last_value["model"] == "last value"
    assert last_value["difference_lower"] > 0
