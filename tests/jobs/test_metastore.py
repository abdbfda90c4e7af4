import getpass
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.config import load_config
from jobs.metastore import Login, metastore_conf
from jobs.session import SessionSettings
from models.errors import StorageError, UsageError
from models.registry import Registry

FORETABLE = Path(sys.executable).with_name("foretable")


@pytest.fixture
def dead_port():
    """A port of 127.0.0.1 on which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_file_environment_and_flag_name_the_stores_and_the_last_wins(tmp_path):
    file = tmp_path / "foretable.yml"
    file.write_text("metastore: jdbc:postgresql://a/x\nregistry_uri: postgresql://a/x\n")
    config = load_config(file, {}, {"FORETABLE_REGISTRY_URI": "postgresql://b/x"})
    assert (config.metastore, config.registry_uri) == ("jdbc:postgresql://a/x", "postgresql://b/x")
    settings = SessionSettings.of(load_config(file, {"metastore": "jdbc:postgresql://c/x"}, {}))
    assert (settings.metastore, settings.registry_uri) == ("jdbc:postgresql://c/x", "postgresql://a/x")
    config = load_config(None, {}, {})
    assert (config.metastore, config.registry_uri) == (None, None)


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("metastore", "jdbc:postgresql://h/d?user=me&password=s3cret"),
        ("metastore", "jdbc:postgresql://h/d?sslPassword=s3cret"),
        ("metastore", "jdbc:postgresql://me:s3cret@h/d"),
        ("registry_uri", "postgresql://me:s3cret@h/d"),
        ("registry_uri", "postgresql+psycopg://h/d?password=s3cret"),
        ("registry_uri", "https://me:s3cret@mlflow.example"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(key, address):
    with pytest.raises(UsageError, match=rf"^configuration: {key}: must hold no password: set [A-Z_]+") as error:
        load_config(None, {}, {f"FORETABLE_{key.upper()}": address})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "address"), [("metastore", "jdbc:mysql://h/d"), ("metastore", "h:5432"), ("registry_uri", "models.db")]
)
def test_another_kind_of_address_is_refused(key, address):
    with pytest.raises(UsageError, match=rf"^configuration: {key}: must be "):
        load_config(None, {}, {f"FORETABLE_{key.upper()}": address})


def test_the_login_is_ours_else_that_of_postgresql_else_the_own_name():
    ours = {"FORETABLE_METASTORE_USER": "ann", "FORETABLE_METASTORE_PASSWORD": "1"}
    theirs = {"PGUSER": "bob", "PGPASSWORD": "2"}
    assert Login.of({**ours, **theirs}) == Login("ann", "1")
    assert Login.of(theirs) == Login("bob", "2")
    assert Login.of({}) == Login(getpass.getuser(), "")
    assert "s3cret" not in repr(Login("ann", "s3cret"))


def test_the_settings_of_a_metastore_carry_no_login():
    conf = metastore_conf("jdbc:postgresql://h/d")
    assert conf["spark.sql.catalogImplementation"] == "hive"
    assert not [name for name in conf if "user" in name.lower() or "password" in name.lower()]


def test_a_model_store_that_does_not_answer_is_one_sentence_at_once(tmp_path, dead_port):
    registry = Registry.in_home(tmp_path, f"postgresql://me@127.0.0.1:{dead_port}/models")
    with pytest.raises(
        StorageError, match=r"^the model store postgresql://me@127.* cannot be used \(.*refused.*\): st"
    ):
        registry.list_models()


@pytest.mark.slow
def test_a_metastore_that_does_not_answer_is_one_sentence(tmp_path, dead_port):
    (tmp_path / "jars").symlink_to(Path.home() / ".foretable" / "jars")
    command = [str(FORETABLE), "--home", str(tmp_path), "resample"]
    environment = {"FORETABLE_METASTORE": f"jdbc:postgresql://127.0.0.1:{dead_port}/catalog", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 74, done.stderr
    said = f"foretable: the metastore jdbc:postgresql://127.0.0.1:{dead_port}/catalog cannot be used (Connection to"
    assert done.stderr.splitlines()[-1].startswith(said)
