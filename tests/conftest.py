"""One Spark session for the whole suite; an empty schema for a test, and one market taken through the pipeline for all."""

import contextlib
import ipaddress
import itertools
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest
from pyspark.errors import AnalysisException

from jobs.app import App
from jobs.config import Config
from jobs.pipeline_run import run_pipeline
from jobs.session import SessionSettings, start_session, use_schema
from jobs.statements.install import install_statements
from jobs.tables import create_tables
from models.families import build_model
from models.protocol import ModelSpec
from models.registry import CHAMPION, Registry
from models.training_profile import profile_training
from udfs.register import register_functions

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"
# A suite runs hundreds of small queries once each: compiling them, and planning them again while they run, costs more
# than it gains. Tests with many rows use the fixture ``compiled``; the slow tests start sessions as users have them.
QUICK = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
QUICK_JVM = {
    **QUICK,
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.memory": "3g",
}
MODELS = [
    {"name": "ridge_return_5m", "family": "ridge"},
    {"name": "forest_return_5m", "family": "random_forest", "options": {"n_estimators": 20}},
    {"name": "updown", "family": "logistic", "label": "direction_5m"},
]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def recordings():
    """Folder of the real market recordings; they may not be shipped, so a clone without them skips."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"the market recordings are not at {RECORDINGS}")
    return RECORDINGS


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Home of the suite: warehouse, registry and logs in a fresh folder, the jars from the user's cache."""
    folder = tmp_path_factory.mktemp("home")
    jars = Path.home() / ".foretable" / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    (folder / "jars").symlink_to(jars)
    return folder


@pytest.fixture(scope="session")
def spark(home):
    session = start_session(SessionSettings(home=home, spark=QUICK_JVM))
    register_functions(session, home)
    install_statements(session, home, "foretable", print)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def compiled(spark):
    """Context in which queries are compiled and planned as users have them: for tests with many rows."""

    @contextlib.contextmanager
    def as_users_have_it():
        spark.conf.set("spark.sql.codegen.wholeStage", "true")
        spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
        spark.conf.set("spark.sql.adaptive.enabled", "true")
        yield
        for name, value in QUICK.items():
            spark.conf.set(name, value)

    return as_users_have_it


@pytest.fixture(scope="session")
def empty_tables(spark, home):
    """Folder of a schema with all tables, empty: copied for each test, since creating them takes seconds."""
    use_schema(spark, "empty_tables")
    create_tables(spark)
    return home / "warehouse" / "empty_tables.db"


@pytest.fixture(scope="session")
def schema_copy(spark, empty_tables):
    """Context with an empty current schema of a given name with all tables; it is dropped at the end."""

    @contextlib.contextmanager
    def copied(name):
        folder = empty_tables.with_name(f"{name}.db")
        shutil.copytree(empty_tables, folder)
        for definition in (folder / "_definitions").iterdir():  # a view names its schema
            definition.write_text(definition.read_text().replace("empty_tables", name))
        use_schema(spark, name)
        yield name
        spark.sql("USE default")
        spark.sql("DROP SCHEMA IDENTIFIER(:name) CASCADE", args={"name": name})

    return copied


@pytest.fixture
def schema(schema_copy):
    """Name of an empty current schema with all tables."""
    with schema_copy(f"test_{next(_numbers)}") as name:
        yield name


@pytest.fixture(scope="session")
def registry(home):
    return Registry.in_home(home)


@pytest.fixture(scope="session")
def register(registry):
    """Fit and register a model on made-up rows; returns the fitted model, its version and the rows."""

    def fit(
        name, family="ridge", task="regression", classes=None, sequence_length=1, features=("a", "b"), seed=0, **options
    ):
        random = np.random.default_rng(seed)
        shape = (400, len(features)) if sequence_length == 1 else (400, sequence_length, len(features))
        inputs = random.normal(size=shape)
        flat = inputs if sequence_length == 1 else inputs[:, -1]
        signal = flat @ np.arange(1, len(features) + 1) + random.normal(size=400) * 0.1
        labels = (
            signal
            if classes is None
            else np.asarray(classes)[np.digitize(signal, [0] if len(classes) == 2 else [-1, 1])]
        )
        spec = ModelSpec(name, family, "y", task, options, sequence_length, seed, horizon_seconds=300)
        model = build_model(spec, features).fit(inputs, labels)
        profile = profile_training(model, inputs, labels, None)
        key = f"{name}{seed}{options}"
        version = registry.register(
            spec, model, {"test": {"mse": 0.1}}, {}, {}, key, profile=profile, training_inputs=inputs
        )
        registry.set_alias(name, CHAMPION, version.version)
        return model, version, inputs

    return fit


@pytest.fixture(scope="session")
def make_app(spark, home):
    """Build an App on the suite's session, as a command would have it."""

    def build(**settings):
        app = App(is_quiet=True, is_json=True)
        app.config = Config(home=home, **settings)
        app._session = spark
        return app

    return build


@pytest.fixture(scope="session")
def simulated_source(tmp_path_factory):
    """Simulate a market and return it as a source of the configuration."""

    from jobs.simulator.market import Market  # compiles its kernel
    from jobs.simulator.simulation import simulate

    def build(exchange, days, signal, seed):
        folder = tmp_path_factory.mktemp(exchange)
        simulate(Market(duration_seconds=int(days * 86_400), signal_strength=signal, seed=seed), folder)
        return {"path": str(folder), "format": "coinbase_full", "exchange": exchange}

    return build


@pytest.fixture(scope="session")
def pipeline_schema(spark, home):
    """Schema that the pipeline tests share; nothing else writes to it."""
    use_schema(spark, "pipeline")
    create_tables(spark)
    return "pipeline"


@pytest.fixture(scope="session")
def market(spark, pipeline_schema, make_app, simulated_source, compiled):
    """App whose pipeline ran to its end on half a day of a market with a signal."""
    source = simulated_source("simulated", days=0.5, signal=1.0, seed=1)
    app = make_app(sources=[source], bars={"seconds": [60]}, models=MODELS)
    use_schema(spark, pipeline_schema)
    with compiled():
        assert run_pipeline(app, lambda step: None)
    return app


@pytest.fixture
def in_pipeline(spark, market, pipeline_schema):
    """The same App, with its schema current."""
    use_schema(spark, pipeline_schema)
    yield market
    spark.sql("USE default")


@pytest.fixture(scope="session")
def open_ports():
    """Function from processes to (is loopback, port) of each TCP socket on which they listen."""

    def of(processes):
        pids = {process.pid for process in processes}
        sockets = [socket for socket in psutil.net_connections("tcp") if socket.status == psutil.CONN_LISTEN]
        return [(_is_loopback(socket.laddr.ip), socket.laddr.port) for socket in sockets if socket.pid in pids]

    return of


def _is_loopback(address):
    address = ipaddress.ip_address(address)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


@pytest.fixture(scope="session")
def python_workers():
    """Function from a process id to the processes below it in which Spark runs Python functions."""

    def below(pid):
        workers = []
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                parent = process.parent()  # forked from the daemon, with its command line
                workers += [process] if parent and "pyspark.worker" in parent.cmdline() else []
        return workers

    return below


@pytest.fixture(scope="session")
def refusal(spark):
    """Function from a statement that is refused to what the user reads: no stack trace is in it."""

    def of(statement):
        with pytest.raises(AnalysisException) as caught:
            spark.sql(statement).collect()
        assert "\tat " not in str(caught.value)
        return str(caught.value)

    return of
