"""Jobs as processes of their own that are stopped by SIGTERM, Ctrl-C and ``foretable runs cancel``, and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from deltalake import DeltaTable

from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate

pytestmark = pytest.mark.slow
MOST_SECONDS = 300
MODEL = {"name": "slow_forest", "family": "random_forest", "options": {"n_estimators": 200_000}}  # an hour to fit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a home, the messages of six hours and a foretable.yml over them."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "home").mkdir()
    (folder / "home" / "jars").symlink_to(Path.home() / ".foretable" / "jars")
    simulate(Market(duration_seconds=21_600, seed=3), folder / "data")
    source = {"path": str(folder / "data"), "format": "coinbase_full", "exchange": "simulated"}
    settings = {"home": "home", "master": "local[2]", "sources": [source], "bars": {"seconds": [60]}, "models": [MODEL]}
    (folder / "foretable.yml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture
def start(folder, tmp_path):
    """``start("ingest", …)`` starts a process; ``said()`` of it is its stderr. The last ones are ended."""
    started = []

    def begin(*arguments, **environment):
        said = tmp_path / f"stderr{len(started)}"
        command = [sys.executable, "-m", "jobs.cli", "--config", str(folder / "foretable.yml"), "--json", *arguments]
        with said.open("w") as err:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True,
                                       env={**os.environ, **environment})  # fmt: skip
        process.said = said.read_text
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def finish(process):
    process.communicate(timeout=MOST_SECONDS)
    return process.returncode


def wait_until(condition, process):
    until = time.monotonic() + MOST_SECONDS
    while not condition():
        assert process.poll() is None, process.said()
        assert time.monotonic() < until, process.said()
        time.sleep(0.02)


def stop(process, number):
    """Send a signal; exit code and the seconds that the process took to end."""
    began = time.monotonic()
    process.send_signal(number)
    return finish(process), time.monotonic() - began


def table(folder, name):
    return DeltaTable(folder / "home" / "warehouse" / "foretable.db" / name)


def states(folder, job):
    rows = table(folder, "runs").to_pyarrow_table().to_pylist()
    return [row["state"] for row in sorted(rows, key=lambda row: row["run_number"]) if row["job"] == job]


def published(folder):
    file = folder / "home" / "warehouse" / "foretable.db" / "_last_good.json"
    return json.loads(file.read_text()) if file.exists() else {}


def test_sigterm_stops_ingest_in_a_write_and_its_rerun_completes(folder, start):
    job = start("ingest")
    wait_until(lambda: "writing orders" in job.said(), job)
    code, seconds = stop(job, signal.SIGTERM)
    assert code == 143, job.said()
    assert seconds < 60
    assert job.said().splitlines()[-1] == "stopped by SIGTERM; what was published stays, run again to go on"
    assert "Traceback" not in job.said()
    assert states(folder, "ingest") == ["cancelled"]
    assert published(folder) == {}
    assert not list((folder / "home" / "run").iterdir())
    assert finish(start("ingest")) == 0
    assert states(folder, "ingest") == ["cancelled", "done"]
    n_lines = sum(file["n_good"] for file in table(folder, "ingested_files").to_pyarrow_table().to_pylist())
    assert table(folder, "orders").to_pyarrow_table().num_rows == n_lines > 10_000
    assert published(folder)["orders"] == table(folder, "orders").version()


def test_ctrl_c_stops_resample_after_its_write_and_nothing_of_it_is_published(folder, start, tmp_path):
    job = start("resample", FORETABLE_PAUSE_AT=f"after_write:{tmp_path}")
    wait_until((tmp_path / "reached").exists, job)
    code, _ = stop(job, signal.SIGINT)
    assert code == 130, job.said()
    assert job.said().splitlines()[-1] == "stopped by SIGINT; what was published stays, run again to go on"
    assert states(folder, "resample") == ["cancelled"]
    assert table(folder, "bars").to_pyarrow_table().num_rows > 500
    assert "bars" not in published(folder)
    assert finish(start("resample")) == 0
    assert published(folder)["bars"] == table(folder, "bars").version()


def test_runs_cancel_stops_a_pipeline_in_its_step(folder, start, tmp_path):
    job = start("run", "--from", "normalize", FORETABLE_PAUSE_AT=f"before_write:{tmp_path}")
    wait_until((tmp_path / "reached").exists, job)
    (run_id,) = [file.stem for file in (folder / "home" / "run").glob("normalize_*.pid")]
    cancel = start("runs", "cancel", run_id)
    assert finish(cancel) == 0, cancel.said()
    assert f"{run_id} (process {job.pid}) has ended" in cancel.said()
    assert finish(job) == 143, job.said()
    assert states(folder, "normalize") == ["cancelled"]
    assert finish(start("normalize")) == 0


def test_sigterm_stops_a_long_fit_that_runs_no_spark_job(folder, start):
    job = start("run", "--only", "train")
    wait_until(lambda: "training slow_forest" in job.said(), job)
    time.sleep(3)
    code, seconds = stop(job, signal.SIGTERM)
    assert code == 143, job.said()
    assert seconds < 60
    assert "Traceback" not in job.said()
    assert states(folder, "train") == ["cancelled"]
    models = start("models", "list")
    out, _ = models.communicate(timeout=MOST_SECONDS)
    assert "slow_forest" not in out


def test_a_time_limit_ends_a_long_fit_with_exit_75(folder, start):
    settings = yaml.safe_load((folder / "foretable.yml").read_text())
    limited = {**settings, "steps": {"train": {"timeout_seconds": 10}, "score": {}}}
    (folder / "limited.yml").write_text(yaml.safe_dump(limited, sort_keys=False))
    job = start("run", str(folder / "limited.yml"))
    assert finish(job) == 75, job.said()
    assert "train was stopped after 10 s, its timeout_seconds" in job.said()
    assert "score is skipped: it needs train" in job.said()
    assert states(folder, "train")[-1] == "cancelled"
