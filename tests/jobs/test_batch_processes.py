"""Batch jobs as processes of their own: stopped, killed and run again; the tables and files are read by others."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from deltalake import DeltaTable

pytestmark = pytest.mark.slow
START_SECONDS = 600
SLOW_ROWS = 200_000_000  # minutes of scoring: every stop falls into it


@pytest.fixture(scope="module")
def ridge(register):
    """A fitted regressor of a and b, its version and the rows it learned from."""
    return register("process_ridge")


@pytest.fixture
def foretable(home, schema, ridge, tmp_path):
    """``foretable("batch-predict", …)`` starts a process on the home of the suite; the last ones are ended."""
    started = []

    def start(*arguments, **environment):
        command = [sys.executable, "-m", "jobs.cli", "--home", str(home), "--schema", schema, "--master", "local[2]"]
        with (tmp_path / f"stderr{len(started)}").open("w") as said:
            process = subprocess.Popen([*command, "--json", *arguments], stdout=subprocess.PIPE, stderr=said, text=True,
                                       env={**os.environ, **environment})  # fmt: skip
        process.said = lambda: (tmp_path / said.name).read_text()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process):
    """Exit code and what it printed."""
    out, _ = process.communicate(timeout=START_SECONDS)
    return process.returncode, json.loads(out) if out.strip() else None


def wait_for(condition, process):
    until = time.monotonic() + START_SECONDS
    while not condition():
        assert process.poll() is None, process.said()
        assert time.monotonic() < until, process.said()
        time.sleep(0.02)


def state_of(spark, run_id):
    spark.catalog.refreshTable("runs")
    return [row.state for row in spark.table("runs").where(f"run_id = '{run_id}'").collect()]


def slow_query(n_rows=SLOW_ROWS):
    return f"SELECT CAST(id AS DOUBLE) AS a, CAST(id % 7 AS DOUBLE) AS b FROM range({n_rows})"


def test_a_second_process_cancels_a_run_that_writes_files(foretable, spark, home, tmp_path):
    job = foretable("batch-predict", "process_ridge", "--query", slow_query(), "--to-files", str(tmp_path / "out"),
                    "--name", "stopme")  # fmt: skip
    wait_for(lambda: (tmp_path / ".out.stopme.partial").exists(), job)
    assert state_of(spark, "stopme") == ["running"]
    assert finish(foretable("batch-predict", "process_ridge", "--query", "SELECT 1", "--to-files", "x", "--name",
                            "stopme"))[0] == 75  # fmt: skip
    java = psutil.Process(job.pid).children()
    code, said = finish(foretable("batch-predict", "--cancel", "stopme"))
    assert (code, said["run"], said["process"]) == (0, "stopme", job.pid)
    assert finish(job) == (143, None)
    assert "stopped by SIGTERM; what was published stays, run again to go on" in job.said()
    assert state_of(spark, "stopme") == ["cancelled"]
    assert not [folder for folder in tmp_path.iterdir() if "out" in folder.name]
    assert not (home / "run" / "stopme.pid").exists()
    assert java
    _, alive = psutil.wait_procs(java, timeout=60)
    assert alive == []  # the JVM ends when it sees that its Python has
    code, _ = finish(foretable("batch-predict", "--cancel", "stopme"))
    assert code == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_a_run_that_writes_a_table(foretable, spark, home, schema, number, code):
    table = home / "warehouse" / f"{schema}.db" / "scored"
    job = foretable("batch-predict", "process_ridge", "--query", slow_query(), "--to-table", "scored", "--name", "big")
    wait_for(lambda: list(table.glob("*.parquet")), job)
    time.sleep(1)
    begun = time.monotonic()
    job.send_signal(number)
    assert finish(job)[0] == code
    assert time.monotonic() - begun < 60
    assert state_of(spark, "big") == ["cancelled"]
    assert DeltaTable(table).version() == 0  # made, and empty
    assert DeltaTable(table).to_pyarrow_table().num_rows == 0
    again = foretable(
        "batch-predict", "process_ridge", "--query", slow_query(10), "--to-table", "scored", "--name", "big"
    )
    assert finish(again)[0] == 0
    assert DeltaTable(table).to_pyarrow_table().num_rows == 10
    assert state_of(spark, "big.2") == ["done"]


def test_a_killed_run_leaves_nothing_that_looks_whole_and_its_rerun_is_as_if_never_killed(foretable, spark, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"id": i, "a": i / 7, "b": -i}) + "\n" for i in range(200_000)))
    arguments = ["batch-predict", "process_ridge", "--files", str(source), "--parallelism", "2", "--to-files"]
    job = foretable(*arguments, str(tmp_path / "out"), "--name", "nightly")
    wait_for(lambda: list(tmp_path.glob(".out.nightly.partial/_temporary/**/part-*")), job)
    job.kill()
    job.wait()
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.nightly.partial").exists()
    assert state_of(spark, "nightly") == ["running"]
    code, said = finish(foretable(*arguments, str(tmp_path / "out"), "--name", "nightly"))
    assert (code, said["run"], said["rows"], said["ok"]) == (0, "nightly.2", 200_000, 200_000)
    assert not list(tmp_path.glob(".out*"))
    assert (state_of(spark, "nightly"), state_of(spark, "nightly.2")) == (["killed"], ["done"])
    assert finish(foretable(*arguments, str(tmp_path / "out"), "--name", "nightly"))[0] == 99
    assert finish(foretable(*arguments, str(tmp_path / "unbroken")))[0] == 0
    assert content(tmp_path / "out") == content(tmp_path / "unbroken")


def content(folder):
    """Digest of the rows in any order."""
    lines = sorted(line for file in folder.glob("part-*") for line in file.read_bytes().splitlines())
    return len(lines), hashlib.sha256(b"\n".join(lines)).hexdigest()


@pytest.mark.parametrize("output", ["table", "files"])
def test_a_run_that_was_killed_between_its_output_and_its_record_is_done_by_its_rerun(foretable, spark, home, schema,
                                                                                      tmp_path, output):  # fmt: skip
    target = "scored" if output == "table" else str(tmp_path / "out")
    arguments = [
        "batch-predict",
        "process_ridge",
        "--query",
        slow_query(1_000),
        f"--to-{output}",
        target,
        "--name",
        "n",
    ]
    pause = tmp_path / "pause"
    pause.mkdir()
    job = foretable(*arguments, FORETABLE_PAUSE_AT=f"before_publish:{pause}")
    wait_for((pause / "reached").exists, job)
    job.kill()
    job.wait()
    written = stamp(home, schema, output, target)
    code, said = finish(foretable(*arguments))
    assert (code, said["run"], said["rows"], said["ok"]) == (0, "n.2", 1_000, 1_000)
    assert stamp(home, schema, output, target) == written
    assert (state_of(spark, "n"), state_of(spark, "n.2")) == (["killed"], ["done"])
    other = [slow_query(5) if argument == slow_query(1_000) else argument for argument in arguments]
    assert finish(foretable(*other))[0] == 77


def stamp(home, schema, output, target):
    """What would change if the output were written again."""
    if output == "table":
        return DeltaTable(home / "warehouse" / f"{schema}.db" / target).version()
    return sorted((name, os.stat(os.path.join(target, name)).st_mtime_ns) for name in os.listdir(target))


def test_a_million_lines_are_scored_as_scikit_learn_scores_them(foretable, spark, home, schema, ridge, tmp_path):
    n = 1_000_000
    random = np.random.default_rng(7)
    inputs = random.normal(size=(n, 2))
    for part in range(4):
        rows = range(part * n // 4, (part + 1) * n // 4)
        lines = "".join(f'{{"id":{i},"a":{float(inputs[i, 0])!r},"b":{float(inputs[i, 1])!r}}}\n' for i in rows)
        (tmp_path / f"part{part}.jsonl").write_text(lines + "oops\n")
    begun = time.monotonic()
    job = foretable("batch-predict", "process_ridge", "--files", str(tmp_path / "part*.jsonl"), "--to-table", "scored",
                    "--name", "million")  # fmt: skip
    code, said = finish(job)
    print(f"{time.monotonic() - begun:.1f} s", (home / "logs" / "million.log").read_text())
    assert (code, said["rows"], said["ok"], said["unreadable"]) == (0, n + 4, n, 4)
    table = DeltaTable(home / "warehouse" / f"{schema}.db" / "scored").to_pyarrow_table().to_pandas()
    good = table[table.status == "OK"].sort_values("id")
    assert good.id.to_numpy().tolist() == list(range(n))
    assert (good.prediction.to_numpy() == ridge[0].predict(inputs)).all()
    assert sorted(table[table.status != "OK"].error.str.split(":").str[0]) == [
        f"part{part}.jsonl line 250001" for part in range(4)
    ]
    (run,) = spark.table("runs").where("run_id = 'million'").collect()
    assert (run.n_read, run.n_good, run.n_quarantined) == (n + 4, n, 4)
