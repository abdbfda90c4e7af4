"""Each check of the doctor meets its fault, really made; a healthy home has no error and no warning."""

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace

import pytest

from jobs import cli
from jobs import doctor as checks
from jobs.commands.doctor import doctor as command
from jobs.doctor_catalog import check_functions, check_tables
from jobs.published_functions import publish_function
from jobs.run_lock import only_run
from jobs.runs import recorded_run
from models.registry import CHAMPION

DAY_SECONDS = 86_400


@pytest.fixture(scope="module")
def versions(registry, register):
    """Two versions of a model that is SQL, the first one champion; gone afterwards."""
    for seed in (0, 1):
        register("examined", seed=seed)
    registry.set_alias("examined", CHAMPION, 1)
    yield registry.list_versions("examined")
    if "examined" in registry.list_models():
        registry.delete_model("examined")


@pytest.fixture
def stored(versions, tmp_path):
    """One version, its artifact copied to where a test may damage it: ``artifacts/<run>/artifacts/model``."""
    folder = tmp_path / "artifacts" / "run" / "artifacts" / "model"
    shutil.copytree(versions[0].folder, folder)
    return replace(versions[0], folder=folder)


@pytest.fixture
def examine(tmp_path, home, schema, make_app, capsys):
    """``examine()`` runs the command on a home with the schema of the test; returns its exit code and its rows."""
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / f"{schema}.db").symlink_to(home / "warehouse" / f"{schema}.db")
    for name in ("jars", "logs", "registry", "tmp"):
        (tmp_path / name).mkdir()

    def run():
        app = make_app(schema=schema)
        app.config = app.config.model_copy(update={"home": tmp_path})
        code = command.main([], obj=app, standalone_mode=False)
        return code or 0, json.loads(capsys.readouterr().out)

    return run


def found(findings):
    return [(one.check, one.severity, one.subject) for one in findings]


def test_a_healthy_home_gives_no_error_and_no_warning_and_is_not_changed(examine, tmp_path, spark):
    with recorded_run(spark, "resample", "bars", ""):
        pass
    before = sorted(tmp_path.rglob("*"))
    code, rows = examine()
    assert code == 0
    assert [row for row in rows if row["severity"] != "info"] == []
    assert sorted(tmp_path.rglob("*")) == before


def test_errors_are_exit_3_and_stand_first_and_one_check_does_not_stop_the_next(examine, tmp_path, home, schema):
    gaps = home / "warehouse" / f"{schema}.db" / "gaps"
    shutil.rmtree(gaps)
    (tmp_path / "registry" / "mlflow.db").write_bytes(b"no database, though long enough to hold a header " * 20)
    tmp_path.chmod(0o755)
    (tmp_path / "jars").chmod(0o775)
    code, rows = examine()
    assert code == 3
    assert [(row["check"], row["severity"]) for row in rows] == [
        ("registry", "error"),
        ("table", "error"),
        ("permission", "info"),
    ]
    assert "file is not a database" in rows[0]["finding"]
    assert rows[1]["subject"] == "gaps"
    assert rows[2]["subject"] == str(tmp_path / "jars")
    assert not gaps.exists()  # looking does not make it


def test_a_home_that_is_not_there_is_not_made(tmp_path, capsys):
    assert cli.run(["--home", str(tmp_path / "none"), "--json", "doctor"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["check"], row["severity"]) == ("home", "info")
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_that_is_whole_has_no_finding(stored):
    assert list(checks.check_artifacts([stored])) == []


def test_a_missing_artifact_is_found(stored):
    shutil.rmtree(stored.folder)
    (one,) = checks.check_artifacts([stored])
    assert found([one]) == [("artifact", "error", "examined/2")]
    assert one.finding == f"There is no model in {stored.folder}"


def test_one_flipped_bit_of_an_artifact_is_found(stored):
    file = max(stored.folder.iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    (one,) = checks.check_artifacts([stored])
    assert (one.severity, "was changed after it was registered" in one.finding) == ("error", True)


def test_an_artifact_that_no_version_names_is_found(stored, tmp_path):
    root = tmp_path / "artifacts"
    assert list(checks.check_orphans(root, [stored])) == []
    shutil.copytree(root / "run", root / "deleted")
    assert found(checks.check_orphans(root, [stored])) == [("orphan", "info", str(root / "deleted"))]


def test_a_lock_of_a_process_that_is_gone_is_found_and_one_of_a_living_is_not(spark, schema, home):
    folder = home / "warehouse" / f"{schema}.db"
    with only_run(spark, "ingest", "ingest_1"):
        pass
    assert list(checks.check_locks(folder)) == []  # this process lives
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    file = folder / "_locks" / "ingest.lock"
    file.write_text(f"ingest_1, process {ended.pid}\n")
    assert found(checks.check_locks(folder)) == [("lock", "info", str(file))]


def test_leftovers_are_found_when_nothing_in_them_changed_for_a_day(tmp_path):
    (tmp_path / "tmp" / "blockmgr-1" / "0c").mkdir(parents=True)
    (tmp_path / "jars").mkdir()
    part = tmp_path / "jars" / "delta.part"
    for path in (part, tmp_path / "jars" / "delta.jar", tmp_path / "tmp" / "blockmgr-1" / "0c" / "x"):
        path.write_bytes(b"x")
    last = max(path.stat().st_mtime for path in tmp_path.rglob("*"))
    assert list(checks.check_leftovers(tmp_path, now=last + DAY_SECONDS - 60)) == []
    subjects = [one.subject for one in checks.check_leftovers(tmp_path, now=last + DAY_SECONDS + 60)]
    assert subjects == [str(tmp_path / "tmp" / "blockmgr-1"), str(part)]
    old = last - 2 * DAY_SECONDS
    for path in (tmp_path / "tmp" / "blockmgr-1", part):
        os.utime(path, (old, old))
    assert [one.subject for one in checks.check_leftovers(tmp_path)] == [str(part)]  # a file inside is young


@pytest.mark.parametrize(
    ("name", "severity"),
    [("spark.hadoop.hive.server2.thrift.bind.host", "error"), ("spark.driver.bindAddress", "warning")],
)
def test_a_listener_off_loopback_is_found(name, severity):
    assert list(checks.check_listeners({})) == []
    assert list(checks.check_listeners({name: "127.0.0.1"})) == []
    assert found(checks.check_listeners({name: "0.0.0.0"})) == [("setting", severity, name)]


def test_a_home_that_others_can_write_is_found(tmp_path):
    (tmp_path / "jars").mkdir()
    tmp_path.chmod(0o755)
    assert list(checks.check_permissions(tmp_path)) == []
    (tmp_path / "jars").chmod(0o777)
    assert found(checks.check_permissions(tmp_path)) == [("permission", "error", str(tmp_path / "jars"))]
    tmp_path.chmod(0o700)  # nobody else gets to jars
    assert list(checks.check_permissions(tmp_path)) == []
    tmp_path.chmod(0o757)
    assert ("permission", "error", str(tmp_path)) in found(checks.check_permissions(tmp_path))


@pytest.mark.parametrize(("free_bytes", "n_findings"), [(1 << 30, 0), ((1 << 30) - 1, 1)])
def test_a_disk_that_is_nearly_full_is_found(tmp_path, monkeypatch, free_bytes, n_findings):
    usage = namedtuple("usage", "total used free")(0, 0, free_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert [one.severity for one in checks.check_free_space(tmp_path)] == ["warning"] * n_findings


def test_tables_that_are_missing_or_unreadable_are_found(spark, schema, home):
    folder = home / "warehouse" / f"{schema}.db"
    with recorded_run(spark, "resample", "bars", ""):
        pass
    assert list(check_tables(spark)) == []
    spark.sql("DROP TABLE gaps")
    for file in (folder / "bars" / "_delta_log").glob("*.*"):
        file.unlink()
    for file in (folder / "runs").glob("*.parquet"):
        file.unlink()
    bars, gaps, runs = sorted(check_tables(spark), key=lambda one: one.subject)
    assert found([bars, gaps, runs]) == [("table", "error", name) for name in ("bars", "gaps", "runs")]
    assert bars.finding == "its log holds no commit"
    assert gaps.finding == "it is missing"
    assert runs.finding.startswith("1 of its 1 files are missing, the first is part-")


def test_a_published_function_is_compared_with_what_publishing_would_make(spark, schema, registry, versions):
    spark.sql("CREATE FUNCTION predict_mine(x DOUBLE) RETURNS DOUBLE RETURN x")
    assert publish_function(spark, registry, schema, "examined")
    assert list(check_functions(spark, registry)) == []

    registry.set_alias("examined", CHAMPION, 2)
    (one,) = check_functions(spark, registry)
    assert found([one]) == [("function", "warning", "predict_examined")]
    digest = versions[1].digest
    assert one.finding == f"it is model examined/1, digest {digest}, but examined/2 answers now"

    registry.set_alias("examined", CHAMPION, 1)
    text = "CREATE OR REPLACE FUNCTION predict_examined(a DOUBLE, b DOUBLE) RETURNS DOUBLE COMMENT 'model examined/1, "
    spark.sql(f"{text}digest {digest}' RETURN a")
    assert [one.finding for one in check_functions(spark, registry)] == ["its text is not that of examined/1"]

    registry.delete_model("examined")
    (one,) = check_functions(spark, registry)
    assert one.finding == "it answers for examined/1, which is no longer registered"
