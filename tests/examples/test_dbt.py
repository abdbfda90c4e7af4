"""examples/dbt with dbt itself: models that call predict are built, tested and brought up to date in a home."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

RUNNER = Path(__file__).resolve().parents[2] / "examples" / "dbt" / "run_dbt.py"
FORETABLE = Path(sys.executable).with_name("foretable")
VARS = ["--vars", "model: ridge_5m"]
pytestmark = pytest.mark.slow


@pytest.fixture
def dbt(environment, market_folder):
    """Call the runner in the folder of a market that went through the pipeline; returns exit code and dbt's results."""
    python = environment("dbt", sees_foretable=True)
    subprocess.run([FORETABLE, "--quiet", "run"], cwd=market_folder, check=True, timeout=1800, capture_output=True)

    def call(*arguments):
        done = subprocess.run(
            [python, RUNNER, *arguments],
            cwd=market_folder,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        results = json.loads((market_folder / "home" / "dbt" / "run_results.json").read_text())["results"]
        status = {result["unique_id"].split(".")[2]: result["status"] for result in results}
        return done.returncode, status, done.stdout + done.stderr

    return call


def table(market_folder, schema, name):
    return DeltaTable(str(market_folder / "home" / "warehouse" / f"{schema}.db" / name))


def rows(market_folder, schema, name, columns):
    found = table(market_folder, schema, name).to_pyarrow_table(columns=["bar_start", *columns]).to_pylist()
    return sorted(([row["bar_start"], *(row[column] for column in columns)] for row in found), key=lambda row: row[0])


def test_dbt_builds_predictions_that_equal_those_of_foretable_score(dbt, market_folder):
    exit_code, status, words = dbt("build", *VARS)
    assert exit_code == 0, words
    assert status.pop("scored_bars") == status.pop("daily_scores") == "success"
    assert len(status) == 7
    assert set(status.values()) == {"pass"}
    scored = rows(market_folder, "foretable_dbt", "scored_bars", ["prediction", "status", "version"])
    assert scored == rows(market_folder, "foretable", "predictions", ["prediction", "status", "version"])
    assert len(scored) == 8 * 60
    (day,) = table(market_folder, "foretable_dbt", "daily_scores").to_pyarrow_table().to_pylist()
    sizes = [abs(prediction) for _, prediction, _, _ in scored if prediction is not None]
    assert (day["n_bars"], day["n_predicted"]) == (len(scored), len(sizes))
    assert day["mean_size"] == pytest.approx(sum(sizes) / len(sizes))

    an_hour = "bar_start >= '2024-01-01 04:00:00' AND bar_start < '2024-01-01 05:00:00'"
    lost = table(market_folder, "foretable_dbt", "scored_bars").delete(an_hour)
    assert lost["num_deleted_rows"] == 60
    exit_code, status, words = dbt("build", "--select", "scored_bars", *VARS)  # scores what is missing, nothing else
    assert exit_code == 0, words
    assert rows(market_folder, "foretable_dbt", "scored_bars", ["prediction", "status", "version"]) == scored


def test_a_model_that_is_not_there_and_a_failing_test_are_told_by_the_exit_code(dbt, market_folder):
    exit_code, status, words = dbt("build", "--select", "scored_bars", "--vars", "model: ridge_6m")
    assert (exit_code, status["scored_bars"]) == (1, "error")
    assert "ridge_6m" in words
    assert dbt("run", "--select", "scored_bars", *VARS)[0] == 0
    scored = table(market_folder, "foretable_dbt", "scored_bars")
    scored.update(updates={"status": "'GUESSED'"}, predicate="status = 'NULL_FEATURE'")
    exit_code, status, words = dbt("test", "--select", "scored_bars", *VARS)
    assert exit_code == 1
    failed = sorted(name for name, state in status.items() if state == "fail")
    assert failed == ["accepted_values_scored_bars_status__OK__NULL_FEATURE__OUT_OF_RANGE__UNKNOWN_CATEGORY__SHAPE__NAN_OUTPUT__MODEL_ERROR"]  # fmt: skip
