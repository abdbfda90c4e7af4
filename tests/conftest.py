"""One Spark session for the whole suite; each test that asks for ``schema`` gets an empty schema of its own."""

import itertools
import shutil
from pathlib import Path

import pytest

from jobs.session import SessionSettings, start_session, use_schema
from jobs.tables import create_tables

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"
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
    session = start_session(SessionSettings(home=home, spark={"spark.driver.memory": "3g"}))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def empty_tables(spark, home):
    """Folder of a schema with all tables, empty: copied for each test, since creating them takes seconds."""
    use_schema(spark, "empty_tables")
    create_tables(spark)
    return home / "warehouse" / "empty_tables.db"


@pytest.fixture
def schema(spark, empty_tables):
    """Name of an empty current schema with all tables."""
    name = f"test_{next(_numbers)}"
    shutil.copytree(empty_tables, empty_tables.with_name(f"{name}.db"))
    use_schema(spark, name)
    yield name
    spark.sql("USE default")
    spark.sql("DROP SCHEMA IDENTIFIER(:name) CASCADE", args={"name": name})
