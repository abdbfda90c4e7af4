"""`foretable run` ends at once where nothing can have changed; each thing that can change is changed here."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.commits import committed
from jobs.observation import observe
from jobs.runs import recorded_run
from jobs.undo_run import undo_run
from jobs.up_to_date import Watch
from models.registry import CHAMPION, DEFAULT

_names = itertools.count(1)


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "files" / "a.json"
    file.parent.mkdir()
    file.write_text("one\n")
    return file


@pytest.fixture
def ridge(register):
    name = f"up_to_date_{next(_names)}"
    return lambda seed=0: register(name, seed=seed)[1]


@pytest.fixture
def kept_default(registry):
    """The model that other tests find as the default one."""
    before = registry.default_model()
    yield
    if before is not None:
        registry.set_default_model(before)
    elif (now := registry.default_model()) is not None:
        registry.remove_alias(now, DEFAULT)


@pytest.fixture
def app(schema, make_app, source, ridge):
    """A call of `foretable run` on a schema with all tables, one file and one model."""

    def build(**changes):
        version = ridge()
        facts = {
            "schema": schema,
            "sources": [{"path": str(source.parent), "format": "coinbase_full", "exchange": "x"}],
            "models": [{"name": version.name, "family": "ridge"}],
        }
        return make_app(**{**facts, **changes})

    return build


def scored(app):
    """A run that looks at everything and does nothing, up to its end."""
    watch = Watch(app)
    watch.scoring_with([app.registry.resolve(model.name) for model in app.config.models])
    return watch


def is_unchanged(app):
    return Watch(app).unchanged() is not None


def set_other_default(registry, name):
    registry.remove_alias(name, DEFAULT) if registry.default_model() == name else registry.set_default_model(name)


def insert_trade(spark, number=1):
    spark.sql(
        "INSERT INTO trades (exchange, symbol, trade_id, epoch, sequence, trade_time, price, size, is_side_inferred) "
        f"VALUES ('x', 'A', {number}, 0, {number}, TIMESTAMP '2024-01-02', 1, 1, false)"
    )


def write_again(file, text):
    """Other content with the size and the modification time of before."""
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_each_thing_about_files_models_and_settings_that_changes_is_seen(
    app, source, registry, ridge, kept_default, monkeypatch
):
    run = app()
    name = run.config.models[0].name
    assert not is_unchanged(run)  # nothing was stored yet
    changes = {
        "touched": source.touch,
        "appended": lambda: source.write_text("one\ntwo\n"),
        "same size and time": lambda: write_again(source, "eno\nowt\n"),
        "moved": lambda: source.rename(source.with_name("b.json")),
        "added": lambda: shutil.copy(source.with_name("b.json"), source),
        "deleted": source.unlink,
        "new version": lambda: ridge(seed=1),
        "promoted": lambda: registry.set_alias(name, CHAMPION, 1),
        "default model": lambda: set_other_default(registry, name),
        "deleted version": lambda: registry.delete_version(name, 2),
    }
    for what, change in changes.items():
        assert scored(run).remember()
        assert is_unchanged(run)
        change()
        assert not is_unchanged(run), what
    assert scored(run).remember()
    changed = {"bars": {"seconds": [60]}, "max_bad": 0.5, "training": {"validation_fraction": 0.3}}
    same = {
        "sources": [source.model_dump() for source in run.config.sources],
        "models": [{"name": name, "family": "ridge"}],
    }
    again = type(run)(is_quiet=True)
    for key, value in changed.items():
        again.config = type(run.config)(home=run.config.home, schema=run.config.schema_name, **same, **{key: value})
        assert not is_unchanged(again), key
    assert is_unchanged(run)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    assert not is_unchanged(run)


def test_each_thing_about_tables_that_changes_is_seen(spark, app, schema, home):
    run = app()
    folder = home / "warehouse" / schema

    def restored_from_a_copy():
        shutil.rmtree(folder.with_suffix(".db") / "gaps")
        shutil.copytree(folder.with_suffix(".db") / "bars", folder.with_suffix(".db") / "gaps")

    changes = {
        "insert": lambda: insert_trade(spark),
        "restored": lambda: spark.sql("RESTORE TABLE trades TO VERSION AS OF 0"),
        "put back": restored_from_a_copy,
        "lost": lambda: shutil.rmtree(folder.with_suffix(".db") / "gaps"),
    }
    for what, change in changes.items():
        assert scored(run).remember()
        assert is_unchanged(run)
        change()
        assert not is_unchanged(run), what
    assert scored(run).remember()
    assert not is_unchanged(run)  # a table is missing


def test_an_undone_run_is_seen(spark, app):
    run = app()
    with recorded_run(spark, "ingest", "t", "d", tables=("trades",)) as ingest:
        committed(spark, "trades", lambda: insert_trade(spark))
    assert scored(run).remember()
    undo_run(spark, ingest.run_id, print)
    assert not is_unchanged(run)


def test_what_others_do_during_a_run_is_not_taken_for_done(spark, app, source, registry, ridge):
    run = app()
    name = run.config.models[0].name
    own = scored(run)
    with recorded_run(spark, "ingest", "t", "d", tables=("trades",)):
        committed(spark, "trades", lambda: insert_trade(spark))
    assert own.remember()
    assert is_unchanged(run)
    between = {
        "an INSERT": lambda: insert_trade(spark, 2),
        "a file": lambda: source.write_text("another\n"),
        "a promotion": lambda: registry.set_alias(name, CHAMPION, ridge(seed=1).version - 1),
    }
    for what, change in between.items():
        watch = scored(run)
        change()
        assert not watch.remember(), what
    assert not Watch(run).remember()  # its score step was never reached
    stale = Watch(run)
    stale.scoring_with([registry.resolve(f"{name}/2")])  # the alias moved after the version was chosen
    assert not stale.remember()


def test_what_cannot_be_told_without_spark_is_never_up_to_date(app, tmp_path):
    assert observe(app(steps=["ingest", "resample"])) is None
    assert observe(app(book={})) is not None  # the book reads orders and settings alone
    assert observe(app(spark={"spark.sql.warehouse.dir": "s3a://bucket"})) is None
    assert observe(app(sources=[{"path": str(tmp_path / "none"), "format": "coinbase_full", "exchange": "x"}])) is None


def test_the_text_of_a_network_of_the_users_own_is_a_setting(app, registry):
    run = app(models=[{"name": "towers", "family": "keras", "options": {"network": "towers"}}])
    assert observe(run) is None  # there is no such file: the run will say it
    file = registry.networks_folder / "towers.py"
    file.parent.mkdir(exist_ok=True)
    try:
        file.write_text("def layers(): ...")
        before = observe(run)
        assert observe(run) == before
        write_again(file, "def layers(): pas")
        assert observe(run).settings != before.settings
    finally:
        file.unlink()


def test_a_torn_or_older_file_counts_for_nothing(app, home, schema):
    run = app()
    assert scored(run).remember()
    file = home / "warehouse" / f"{schema}.db" / "_up_to_date.json"
    text = file.read_text()
    for torn in (text[: len(text) // 2], "{}", "[]", ""):
        file.write_text(torn)
        assert not is_unchanged(run)


@pytest.mark.slow
def test_the_second_run_of_a_process_ends_without_java(home, tmp_path):
    own = tmp_path / "home"
    own.mkdir()
    (own / "jars").symlink_to((home / "jars").resolve())
    (tmp_path / "foretable.yml").write_text(
        f"home: {own}\nsources:\n  - {{path: files, format: coinbase_full, exchange: simulated}}\n"
        "bars: {seconds: [60]}\nmodels:\n  - {name: ridge_return_5m, family: ridge}\n"
    )
    program = str(Path(sys.executable).with_name("foretable"))
    plain = {"cwd": tmp_path, "capture_output": True, "text": True}

    def foretable(*words, **environment):
        return subprocess.run([program, *words], env={**os.environ, **environment}, **plain)

    made = foretable("simulate", "--out", "files", "--hours", "6", "--symbols", "BTC-USD")
    assert made.returncode == 0, made.stderr
    first = foretable("run")
    assert first.returncode == 0, first.stderr
    second = foretable("run", JAVA_HOME="/nowhere", PATH="/nowhere")
    assert (second.returncode, second.stdout) == (99, "")
    assert "everything is up to date: 1 source file, " in second.stderr
    imported = "import sys; from jobs.cli import run; run(['run']); print({'pyspark', 'mlflow'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", imported], **plain)
    assert told.stdout.strip() == "set()", told.stderr
    full = foretable("run", "--check-all")
    assert full.returncode == 99, full.stderr
    assert "starting Spark" in full.stderr
    rescored = foretable("run", "--rescore")
    assert rescored.returncode == 0, rescored.stderr
    assert foretable("run", JAVA_HOME="/nowhere", PATH="/nowhere").returncode == 99
