"""examples/airflow in Airflow itself: the DAGs parse, each exit code has its meaning, and the tasks make predictions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from jobs.cli import COMMANDS

HERE = Path(__file__).parent
DAGS = HERE.parents[1] / "examples" / "airflow"
STEPS = ["ingest", "resample", "normalize", "train", "score"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def airflow(environment, tmp_path_factory):
    """Call the driver in Airflow's environment, with a fresh database, and return what it tells."""
    python = environment("airflow")
    home = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    variables = {**os.environ, **settings}
    subprocess.run([python, "-m", "airflow", "db", "migrate"], env=variables, check=True, capture_output=True)

    def call(*arguments, folder=DAGS, **more):
        done = subprocess.run(
            [python, HERE / "drive_airflow.py", folder, *arguments],
            env={**variables, **more},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return call


@pytest.fixture
def program(tmp_path):
    """A stand-in for foretable whose exit code depends on the step: the shell text of a case statement."""

    def write(cases):
        file = tmp_path / "foretable"
        file.write_text(f'#!/bin/sh\ncd "{tmp_path}"\necho "$3" >> calls\ncase "$3" in\n{cases}\nesac\n')
        file.chmod(0o755)
        return str(file), lambda: (tmp_path / "calls").read_text().split()

    return write


def test_the_dags_parse_and_are_a_chain_of_commands_without_overlap(airflow):
    told = airflow()
    assert told["errors"] == {}
    assert told["dags"].keys() == {"foretable", "foretable_maintain"}
    pipeline, maintain = told["dags"]["foretable"], told["dags"]["foretable_maintain"]
    assert pipeline["tasks"] == dict(zip(STEPS, [[step] for step in STEPS[1:]] + [[]], strict=True))
    assert maintain["tasks"] == {"maintain": []}
    assert {*STEPS, "maintain"} <= set(COMMANDS)
    assert (pipeline["schedule"], maintain["schedule"]) == ("0 5 * * 1-6", "0 3 * * 0")
    for dag in (pipeline, maintain):
        assert (dag["max_active_runs"], dag["catchup"], dag["retries"]) == (1, False, [8])
        assert all(3600 <= seconds <= 14_400 for seconds in dag["timeouts_seconds"])


def test_a_broken_dag_would_have_been_noticed(airflow, tmp_path):
    text = (DAGS / "foretable_dag.py").read_text()
    (tmp_path / "broken_dag.py").write_text(text.replace("max_active_runs=1", "no_such_setting=1"))
    assert "no_such_setting" in str(airflow(folder=tmp_path)["errors"])


def test_75_is_tried_again_99_is_skipped_and_any_other_code_fails_at_once(airflow, program):
    file, calls = program("ingest) exit 99;;\nresample) [ -e once ] || { touch once; exit 75; };;\ntrain) exit 3;;")
    tasks = airflow("foretable", FORETABLE_PROGRAM=file)["tasks"]
    assert tasks == {
        "ingest": ["skipped", 1],
        "resample": ["success", 2],  # state, tries
        "normalize": ["success", 1],  # though ingest was skipped
        "train": ["failed", 1],
        "score": ["upstream_failed", 0],
    }
    assert calls() == ["ingest", "resample", "resample", "normalize", "train"]


def test_the_tasks_make_predictions_and_a_second_run_skips_them_all(airflow, market_folder):
    program = Path(sys.executable).with_name("foretable")
    place = {"FORETABLE_PROGRAM": str(program), "FORETABLE_PIPELINE": str(market_folder / "foretable.yml")}
    assert airflow("foretable", **place)["tasks"] == {step: ["success", 1] for step in STEPS}
    predictions = DeltaTable(str(market_folder / "home" / "warehouse" / "foretable.db" / "predictions"))
    rows = predictions.to_pyarrow_table(columns=["bar_start", "prediction", "status", "model"])
    assert rows.num_rows == 8 * 60  # a bar a minute
    assert set(rows["model"].to_pylist()) == {"ridge_5m"}
    n_ok = rows["status"].to_pylist().count("OK")
    assert n_ok == rows.num_rows - rows["prediction"].null_count
    assert n_ok > 400
    before = predictions.version()
    assert airflow("foretable", **place)["tasks"] == {step: ["skipped", 1] for step in STEPS}
    predictions.update_incremental()
    assert predictions.version() == before
    assert set(airflow("foretable_maintain", **place)["tasks"]["maintain"][:1]) <= {"success", "skipped"}
