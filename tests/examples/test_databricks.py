"""examples/databricks as far as it can be checked without a workspace; what was not run stands in its README."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jobs import cli
from jobs.extension_jar import SPARK_VERSION

BUNDLE = Path(__file__).resolve().parents[2] / "examples" / "databricks"
JOBS_FILE = BUNDLE / "resources" / "pipeline.job.yml"
CHECK = """
import json, sys, yaml
from databricks.bundles.jobs import Job
jobs = yaml.safe_load(open(sys.argv[1]))["resources"]["jobs"]
print(json.dumps({name: Job.from_dict(job).as_dict() for name, job in jobs.items()}))
"""


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load(JOBS_FILE.read_text())["resources"]["jobs"]


@pytest.fixture(scope="module")
def run_step():
    spec = importlib.util.spec_from_file_location("run_step", BUNDLE / "src" / "run_step.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.run_step


def test_each_task_is_a_command_and_they_come_in_the_order_of_the_pipeline(jobs):
    tasks = jobs["foretable_pipeline"]["tasks"] + jobs["foretable_maintain"]["tasks"]
    assert [task["task_key"] for task in tasks] == ["ingest", "resample", "normalize", "train", "score", "maintain"]
    for task in tasks:
        words = task["spark_python_task"]["parameters"]
        assert words == ["--config", "${var.volume}/foretable.yml", task["task_key"]]
        assert task["task_key"] in cli.COMMANDS
    waits_for = [[one["task_key"] for one in task.get("depends_on", [])] for task in tasks]
    assert waits_for == [[], ["ingest"], ["resample"], ["normalize"], ["train"], []]


def test_every_file_and_variable_that_the_bundle_names_is_there(jobs):
    main = yaml.safe_load((BUNDLE / "databricks.yml").read_text())
    text = JOBS_FILE.read_text()
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == main["variables"].keys()
    assert list(BUNDLE.glob(main["include"][0])) == [JOBS_FILE]
    assert (BUNDLE / main["artifacts"]["foretable"]["path"] / "setup.cfg").is_file()  # the wheel is built there
    for job in jobs.values():
        for task in job["tasks"]:
            assert (JOBS_FILE.parent / task["spark_python_task"]["python_file"]).is_file()
            (library,) = task["libraries"]
            assert (JOBS_FILE.parent / library["whl"]).parent.resolve() == BUNDLE.parents[1] / "dist"
        (script,) = job["job_clusters"][0]["new_cluster"]["init_scripts"]
        assert (BUNDLE / "src" / Path(script["volumes"]["destination"]).name).is_file()


def test_the_runtime_is_the_one_of_the_spark_that_the_extension_is_made_for():
    default = yaml.safe_load((BUNDLE / "databricks.yml").read_text())["variables"]["spark_version"]["default"]
    assert (default, SPARK_VERSION) == (
        "19.x-scala2.13",
        "4.2.0",
    )  # release notes: Databricks Runtime 19 has Spark 4.2.0


@pytest.mark.parametrize(
    ("exit_codes", "outcome", "n_calls"),
    [
        ([0], 0, 1),
        ([99], 0, 1),
        ([3], 3, 1),
        ([75, 75, 0], 0, 3),
        ([75, 99], 0, 2),
        ([75, 75, 75], 75, 3),
        ([75, 4], 4, 2),
    ],
)
def test_run_step_waits_for_another_run_and_takes_nothing_to_do_for_success(run_step, exit_codes, outcome, n_calls):
    calls = []

    def command(arguments):
        calls.append(arguments)
        return exit_codes[len(calls) - 1]

    assert run_step(("score", "--dry-run"), command, waits=(0, 0)) == outcome
    assert calls == [["score", "--dry-run"]] * n_calls


@pytest.mark.parametrize(("arguments", "exit_code"), [(["simulate", "--help"], 0), (["no-such-command"], 1)])
def test_the_file_of_a_task_runs_the_command_and_fails_by_an_exception(arguments, exit_code):
    words = [sys.executable, BUNDLE / "src" / "run_step.py", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code
    assert ("RuntimeError: foretable no-such-command ended with exit code 2" in done.stderr) == bool(exit_code)


def test_the_init_script_puts_the_jar_of_the_volume_on_the_class_path(tmp_path):
    (tmp_path / "foretable-extension-0123.jar").write_text("jar")
    (tmp_path / "jars").mkdir()
    script = (BUNDLE / "src" / "put_jar_on_class_path.sh").read_text()
    assert " /databricks/jars/\n" in script
    here = script.replace("/databricks/jars/", f"{tmp_path}/jars/")
    subprocess.run(["sh", "-c", here], env={"FORETABLE_VOLUME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "jars" / "foretable-extension-0123.jar").read_text() == "jar"
    (tmp_path / "foretable-extension-0123.jar").unlink()
    failed = subprocess.run(
        ["sh", "-c", here], env={"FORETABLE_VOLUME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True
    )
    assert failed.returncode != 0  # the cluster does not start without the jar


@pytest.mark.slow
def test_databricks_own_types_take_the_jobs_and_refuse_a_misspelt_one(environment, tmp_path, jobs):
    python = environment("databricks", sees_foretable=True)

    def check(file):
        return subprocess.run([python, "-c", CHECK, file], capture_output=True, text=True, check=False)

    done = check(JOBS_FILE)
    assert done.returncode == 0, done.stderr
    typed = json.loads(done.stdout)
    assert [task["task_key"] for task in typed["foretable_pipeline"]["tasks"]] == [
        task["task_key"] for task in jobs["foretable_pipeline"]["tasks"]
    ]
    (tmp_path / "wrong.yml").write_text(JOBS_FILE.read_text().replace("max_concurrent_runs", "max_runs_at_once"))
    assert "max_runs_at_once" in check(tmp_path / "wrong.yml").stderr
