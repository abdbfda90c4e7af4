"""Does a champion show skill where there is some, and none where there is none?"""

import pytest

from jobs.evaluate import evaluate_models
from jobs.pipeline import ingest_step, normalize_step, resample_step, train_step
from jobs.session import use_schema
from jobs.tables import create_tables

pytestmark = pytest.mark.slow  # two markets of two days each
MARKETS = {"signal": {"signal": 1.0, "seed": 11}, "no_signal": {"signal": 0.0, "seed": 12}}


@pytest.fixture(scope="module")
def evaluated(spark, make_app, simulated_source, compiled):
    """Evaluation rows of a market: the same settings, once with order flow that is informed and once without."""
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
        yield lambda exchange, by=None: evaluate_models(apps[exchange], spark, by)
    spark.sql("USE default")


def test_with_a_signal_the_champion_beats_zero_change_and_the_interval_excludes_zero(evaluated):
    *_, ridge = evaluated("signal")
    assert ridge["difference_upper"] < 0
    assert ridge["dm_p_value"] < 0.05
    assert ridge["n"] > 1500


def test_without_a_signal_the_champion_does_not_beat_zero_change(evaluated):
    *_, ridge = evaluated("no_signal")
    assert not ridge["difference_upper"] < 0


def test_last_value_is_worse_than_zero_change_on_returns(evaluated):
    zero_change, *naive, _ = evaluated("no_signal")
    assert (zero_change["model"], zero_change["mse_difference"]) == ("zero change", 0.0)
    assert [row["model"] for row in naive] == ["last value", "moving average", "seasonal"]
    assert all(row["difference_lower"] > 0 for row in naive)


def test_parts_of_held_out_time_add_up_to_all_of_it(evaluated):
    whole = {row["model"]: row for row in evaluated("signal")}
    parts = evaluated("signal", "regime")
    assert [row["regime"] for row in parts if row["model"] == "zero change"] == ["calm", "usual", "stormy"]
    for name, row in whole.items():
        of_model = [part for part in parts if part["model"] == name]
        assert sum(part["n"] for part in of_model) == row["n"]
        for metric in ("mse", "mae"):
            mean = sum(part[metric] * part["n"] for part in of_model) / row["n"]
            assert mean == pytest.approx(row[metric], rel=1e-9)


def test_the_interval_of_a_model_covers_about_what_it_was_made_for_and_baselines_have_none(evaluated):
    *naive, ridge = evaluated("signal")
    assert 0.85 < ridge["coverage"] < 0.95
    assert {row["coverage"] for row in naive} == {None}
