"""The pipeline on a Spark standalone cluster: two workers that know nothing of this repository."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable

from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate

pytestmark = pytest.mark.slow
FORETABLE = Path(sys.executable).with_name("foretable")
CONFIGURATION = """
sources:
  - {path: %s, format: coinbase_full, exchange: simulated}
bars: {seconds: [60]}
models:
  - {name: forest_return_5m, family: random_forest, options: {n_estimators: 10, max_depth: 5}}
  - {name: gru_return_5m, family: gru, sequence_length: 5, options: {epochs: 1}}
training: {default_model: forest_return_5m}
spark:
  spark.driver.memory: 1500m
  spark.executor.memory: 1g
  spark.sql.shuffle.partitions: "2"
"""
# What each table holds apart from the names and instants of a run.
CONTENTS = {
    "orders": ("exchange", "symbol", "epoch", "sequence"),
    "trades": ("exchange", "symbol", "trade_id"),
    "bars": ("exchange", "symbol", "bar_seconds", "bar_start"),
    "features": ("exchange", "symbol", "bar_seconds", "bar_start"),
    "feature_scales": ("exchange", "symbol", "feature"),
    "predictions": ("model", "exchange", "symbol", "bar_seconds", "bar_start"),
}
# The digest of a model is of its files, and a skops file holds instants and memory addresses of the training process.
OF_THE_RUN = {"run_id", "scored_at", "digest"}
PROBE = """
import sys
from pathlib import Path
from jobs.config import load_config
from jobs.open_session import open_session
from jobs.session import SessionSettings

def places(batches):
    import os, time
    import pyarrow as pa
    import jobs, models, sql, udfs
    from jobs.readers.file_reader import read_file
    files = [module.__file__ for module in (jobs, models, sql, udfs)]
    for _ in batches:
        yield pa.RecordBatch.from_pydict({"cwd": [os.getcwd()], "python": [sys.executable], "files": [files],
                                          "path": [sys.path], "zone": [time.strftime("%Z")]})

flags = {"home": sys.argv[1], "master": sys.argv[2], "spark": {"spark.pyspark.python": sys.argv[3]}}
spark = open_session(SessionSettings.of(load_config(Path(sys.argv[4]), flags)))
assert not [place for place in sys.path if "foretable-packages" in place], sys.path
schema = "cwd string, python string, files array<string>, path array<string>, zone string"
rows = spark.range(0, 8, 1, 8).mapInArrow(places, schema).collect()
for row in rows:
    print("\\t".join(["probe", row.cwd, row.python, " ".join(row.files), " ".join(row.path), row.zone]))
explained = "explain_prediction('forest_return_5m', features)[0].feature IS NOT NULL"
detail = "predict_detail('gru_return_5m', collect_list(features) OVER (PARTITION BY symbol ORDER BY bar_start ROWS 4 PRECEDING))"
print("explained", spark.sql(f"SELECT count_if({explained}) FROM features WHERE is_warm").first()[0])
print("warm", spark.sql("SELECT count(*) FROM features WHERE is_warm").first()[0])
print("sequences", spark.sql(f"SELECT count_if(d.status = 'OK') FROM (SELECT {detail} AS d FROM features)").first()[0])
spark.sql("CREATE MODEL on_cluster USING random_forest OPTIONS (label = 'y', n_estimators = 5) AS "
          "SELECT f.features.*, labels.return_5m AS y FROM features f WHERE is_warm AND labels.return_5m IS NOT NULL")
print("created", spark.sql("SELECT count(predict('on_cluster', features)) FROM features WHERE is_warm").first()[0])
spark.stop()
"""

SETTLED = """
import sys
from pathlib import Path
from jobs.session import SessionSettings, start_session
from jobs.settled_rows import settled

home, master, python = sys.argv[1:]
spark = start_session(SessionSettings(Path(home), master=master, spark={"spark.pyspark.python": python}))
rows = settled(spark.range(0, 1000, 1, 4).selectExpr("id", "uuid() AS drawn"))
before = {row.id: row.drawn for row in rows.collect()}
print("settled", flush=True)
sys.stdin.readline()
print({row.id: row.drawn for row in rows.collect()} == before, len(before))
spark.stop()
"""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    """A pipeline file on two days of a small simulated market: two files, so two tasks of ingest."""
    folder = tmp_path_factory.mktemp("market")
    before_midnight = datetime(2024, 1, 1, 21, tzinfo=UTC)
    simulate(Market(start_time=before_midnight, duration_seconds=6 * 3600, seed=3), folder)
    assert len(list(folder.glob("*.jsonl.gz"))) == 2
    file = folder / "foretable.yml"
    file.write_text(CONFIGURATION % folder.joinpath("*.jsonl.gz"))
    return file


def contents(home, table):
    """Rows of a table in the order of its key, read by another reader than Spark, without what names the run."""
    rows = DeltaTable(home / "warehouse" / "foretable.db" / table).to_pyarrow_table()
    kept = [name for name in rows.column_names if name not in OF_THE_RUN]
    return rows.select(kept).sort_by([(name, "ascending") for name in CONTENTS[table]])


def pipeline(home, configuration, *flags):
    """The command that a user types; its words come as lines of stderr."""
    command = [str(FORETABLE), "--home", str(home), *flags, "run", str(configuration)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process):
    with process:
        words = process.stderr.read()
    assert process.returncode == 0, words


@pytest.fixture(scope="module")
def on_one_machine(new_home, tmp_path_factory, configuration):
    """Home of the same pipeline run in one process."""
    home = new_home(tmp_path_factory.mktemp("one_machine") / "home")
    finish(pipeline(home, configuration, "--master", "local[2]"))
    return home


def assert_same_contents(home, other):
    for table in CONTENTS:
        rows, others = contents(home, table), contents(other, table)
        assert rows.num_rows > 0, table
        assert rows.equals(others), f"{table} differs"


def test_a_cluster_gives_what_one_machine_gives(
    cluster, worker_python, new_home, tmp_path, configuration, on_one_machine
):
    home = new_home(tmp_path / "home")
    flags = ("--master", cluster.address, "--conf", f"spark.pyspark.python={worker_python}")
    finish(pipeline(home, configuration, *flags))
    assert min(cluster.n_tasks(name) for name in cluster.workers) >= 20
    assert_same_contents(home, on_one_machine)
    assert_executors_stand_alone(home, cluster, worker_python, configuration, tmp_path)


def assert_executors_stand_alone(home, cluster, worker_python, configuration, tmp_path):
    """Each executor takes part, with the packages that were sent to it, and scores with every kind of model."""
    probe = [sys.executable, "-c", PROBE, str(home), cluster.address, str(worker_python), str(configuration)]
    done = subprocess.run(probe, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    places = [line[1:] for line in lines if line[0] == "probe"]
    assert {Path(place[0]).parents[1].name for place in places} == {"worker_1", "worker_2"}
    repository = str(Path(__file__).parents[2])
    for folder, python, files, path, zone in places:
        assert python == str(worker_python)
        assert zone == "UTC"
        assert all(Path(folder, file).is_relative_to(folder) and ".zip/" in file for file in files.split()), files
        assert not any(place == repository for place in path.split()), path
    numbers = dict(line[0].split() for line in lines if line[0] != "probe")
    assert numbers["explained"] == numbers["warm"] == numbers["created"]
    assert int(numbers["warm"]) > 100
    assert int(numbers["sequences"]) > 100


def test_the_loss_of_workers_in_mid_job_changes_nothing(
    cluster, worker_python, new_home, wait_for, tmp_path, configuration, on_one_machine
):
    home = new_home(tmp_path / "home")
    flags = ("--master", cluster.address, "--conf", f"spark.pyspark.python={worker_python}")
    run = pipeline(home, configuration, *flags)
    losses = {"== resample": "worker_1", "== score": "worker_2"}
    for line in run.stderr:
        if victim := losses.pop(line.strip(), None):
            wanted = cluster.n_tasks(victim) + 3
            wait_for(lambda name=victim, n=wanted: cluster.n_tasks(name) >= n, f"tasks of {victim}", 600)
            cluster.kill_worker(victim)
            cluster.add_worker(f"instead_of_{victim}")
        if not losses:
            break
    finish(run)
    lost = (home / "logs" / "spark.log").read_text().count("Lost executor")
    assert lost >= 2
    assert_same_contents(home, on_one_machine)


def test_settled_rows_outlive_the_executors_that_made_them(cluster, worker_python, new_home, tmp_path):
    home = new_home(tmp_path / "home")
    command = [sys.executable, "-c", SETTLED, str(home), cluster.address, str(worker_python)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as driver:
        assert driver.stdout.readline() == "settled\n"
        for name in list(cluster.workers):
            cluster.kill_worker(name)
        cluster.add_worker("worker_3")
        out, err = driver.communicate("go\n", timeout=1200)
    assert out == "True 1000\n", err
    assert list((home / "tmp" / "checkpoints").iterdir()) == []
