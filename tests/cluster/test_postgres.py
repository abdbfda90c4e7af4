"""PostgreSQL as metastore and as MLflow store: the tables, functions and models of a home, shared through a database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate

pytestmark = pytest.mark.slow
FORETABLE = Path(sys.executable).with_name("foretable")
CONFIGURATION = """
sources:
  - {path: "*.jsonl.gz", format: coinbase_full, exchange: simulated}
bars: {seconds: [60]}
models:
  - {name: ridge_return_5m, family: ridge}
  - {name: forest_return_5m, family: random_forest, options: {n_estimators: 10, max_depth: 5}}
metastore: jdbc:postgresql://127.0.0.1:%(port)d/catalog
registry_uri: postgresql://127.0.0.1:%(port)d/models
spark: {spark.driver.memory: 1500m}
"""


class Home:
    """A home whose catalog and registry lie in PostgreSQL; each command is a process of its own."""

    def __init__(self, folder, market, postgres):
        self.folder, self.postgres = folder, postgres
        self.configuration = market / "foretable.yml"

    def start(self, *words, **environment):
        command = [str(FORETABLE), "--config", str(self.configuration), "--home", str(self.folder), *words]
        environment = {**self.postgres.environment, **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=environment, **pipes)

    def run(self, *words, **environment):
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=2400)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def sql(self, text):
        """Rows of the SQL shell, a process of its own."""
        done = self.run("sql", "--no-header", "-e", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def home(postgres, new_home, tmp_path_factory):
    """A home after ``foretable run``; its first sessions were two at once."""
    market = tmp_path_factory.mktemp("market")
    simulate(Market(duration_seconds=4 * 3600, seed=3), market)
    (market / "foretable.yml").write_text(CONFIGURATION % {"port": postgres.port})
    for database in ("catalog", "models"):
        postgres.create_database(database)
    home = Home(new_home(tmp_path_factory.mktemp("home") / "home"), market, postgres)
    both = [home.start("sql", "--no-header", "-e", "SELECT count(*) FROM features") for _ in range(2)]
    said = [process.communicate(timeout=2400) for process in both]
    assert [(process.returncode, out) for process, (out, _) in zip(both, said, strict=True)] == [(0, "0\n")] * 2, said
    done = home.run("run", str(home.configuration))
    assert done.returncode == 0, done.stderr
    return home


def test_a_second_process_sees_tables_views_and_functions(home):
    counts = (
        "SELECT count(*), count(predict('forest_return_5m', features)), count(predict('ridge_return_5m', features)), "
        "count_if(predict(features) IS NOT NULL) FROM features WHERE is_warm"
    )
    rows = [
        line.split("\t")
        for line in home.sql(f"{counts}; SHOW USER FUNCTIONS LIKE 'predict_*'; SHOW TABLES; SHOW MODELS")
    ]
    numbers = [int(number) for number in rows[0]]
    assert numbers[0] > 100
    assert numbers == [numbers[0]] * 4
    assert ["spark_catalog.foretable.predict_ridge_return_5m"] in rows
    named = {row[0] for row in rows}
    assert {"orders", "bars", "features", "predictions", "models", "prediction_outcomes"} <= named
    assert {"forest_return_5m", "ridge_return_5m"} <= named


def test_the_catalog_is_in_the_database_not_in_the_folder(home):
    named = home.postgres.query("catalog", """SELECT "TBL_NAME" FROM "TBLS" ORDER BY 1""")
    assert {"bars", "features", "predictions", "models"} <= set(named)
    functions = home.postgres.query("catalog", """SELECT "FUNC_NAME" FROM "FUNCS\"""")
    assert "predict_ridge_return_5m" in functions
    assert not list((home.folder / "warehouse" / "foretable.db").glob("_definitions"))


def test_the_models_are_in_the_database(home):
    rows = home.postgres.query("models", "SELECT name, version FROM model_versions ORDER BY name")
    assert rows == ["forest_return_5m|1", "ridge_return_5m|1"]
    assert not (home.folder / "registry" / "mlflow.db").exists()
    listed = home.run("--json", "models", "list")
    assert {row["model"] for row in json.loads(listed.stdout)} == {"forest_return_5m", "ridge_return_5m"}


SECOND_SESSION = """
import sys
from pathlib import Path
from jobs.config import load_config
from jobs.open_session import open_session
from jobs.session import SessionSettings

spark = open_session(SessionSettings.of(load_config(Path(sys.argv[1]), {"home": sys.argv[2]})))
spark.sql("CREATE FUNCTION twice(x DOUBLE) RETURNS DOUBLE RETURN 2 * x")
print("twice", spark.sql("SELECT twice(CAST(2 AS DOUBLE))").first()[0], flush=True)
sys.stdin.readline()
print("all", spark.sql("SELECT (SELECT n FROM seen) = (SELECT count(*) FROM features)").first()[0])
print("twice", spark.sql("SELECT twice(CAST(2 AS DOUBLE))").first()[0])
spark.sql("DROP VIEW seen")
spark.sql("DROP TABLE of_the_shell")
print("dropped")
spark.stop()
"""


def test_what_one_session_makes_another_sees_while_both_are_open(home):
    command = [sys.executable, "-c", SECOND_SESSION, str(home.configuration), str(home.folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=home.postgres.environment, **pipes) as second:
        try:
            assert second.stdout.readline() == "twice 4.0\n"
            home.sql(
                "CREATE TABLE of_the_shell AS SELECT predict('forest_return_5m', features) AS p FROM features;"
                "CREATE VIEW seen AS SELECT count(*) AS n FROM of_the_shell;"
                "CREATE OR REPLACE FUNCTION twice(x DOUBLE) RETURNS DOUBLE RETURN 20 * x"
            )
            out, _ = second.communicate("go\n", timeout=1200)
        finally:
            second.kill()
    assert out.splitlines() == ["all True", "twice 40.0", "dropped"]
    assert "of_the_shell" not in " ".join(home.sql("SHOW TABLES"))


def test_the_password_is_nowhere_to_be_read(home):
    listed = home.run("sql", "-e", "SET; SET -v; SET spark.hadoop.javax.jdo.option.ConnectionPassword; "
                      "SET javax.jdo.option.ConnectionPassword")  # fmt: skip
    assert "ConnectionURL" in listed.stdout
    found = home.run("--json", "doctor")
    words = listed.stdout + listed.stderr + found.stdout + found.stderr
    for file in home.folder.rglob("*"):
        if file.is_file() and file.suffix not in (".jar", ".parquet"):
            words += file.read_text(errors="replace")
    assert home.postgres.password not in words


def test_a_wrong_password_is_one_sentence_without_it(home):
    done = home.run("sql", "-e", "SELECT 1", FORETABLE_METASTORE_PASSWORD="wr0ng")
    assert done.returncode == 74, done.stderr
    assert "cannot be used (FATAL: password authentication failed for user" in done.stderr
    assert "wr0ng" not in done.stderr
    listed = home.run("models", "list", PGPASSWORD="wr0ng")
    assert listed.returncode == 74, listed.stderr
    assert "password authentication failed" in listed.stderr
    assert "wr0ng" not in listed.stderr
    assert len(listed.stderr.splitlines()) == 1
