import os

import pytest

from jobs.session import SessionSettings, spark_conf
from models.errors import UsageError


@pytest.fixture
def conf_of(tmp_path, home, monkeypatch):
    """Makes the settings of a session that is not started, with the jars of the suite."""
    monkeypatch.setenv("JAVA_HOME", os.environ.get("JAVA_HOME", ""))  # spark_conf sets it: put back afterwards
    (tmp_path / "jars").symlink_to(home / "jars")
    return lambda master, **spark: spark_conf(SessionSettings(home=tmp_path, master=master, spark=spark))


def test_a_session_on_one_machine_has_no_checkpoint_folder(conf_of, tmp_path):
    conf = conf_of("local[2]")
    assert "spark.checkpoint.dir" not in conf
    assert conf["spark.sql.warehouse.dir"] == f"{tmp_path}/warehouse"


def test_a_cluster_names_its_folders_as_files_and_keeps_utc(conf_of, tmp_path):
    conf = conf_of("spark://node1:7077")
    assert conf["spark.sql.warehouse.dir"] == f"file://{tmp_path}/warehouse"
    assert conf["spark.checkpoint.dir"] == f"file://{tmp_path}/tmp/checkpoints"
    assert conf["spark.executorEnv.TZ"] == "UTC"
    assert "spark.driver.host" not in conf  # the executors must be able to call back
    assert "spark.sql.shuffle.partitions" not in conf


@pytest.mark.parametrize("master", ["spark://127.0.0.1:7077", "spark://localhost:7077"])
def test_a_master_on_loopback_is_called_from_loopback(conf_of, master):
    assert conf_of(master)["spark.driver.host"] == "127.0.0.1"


def test_no_path_of_this_machine_is_asked_of_an_executor(conf_of, tmp_path):
    conf = conf_of("yarn", **{"spark.pyspark.python": "./environment/bin/python"})
    assert [name for name, value in conf.items() if "executor" in name and "/" in value] == []
    assert conf["spark.pyspark.python"] == "./environment/bin/python"


def test_a_users_java_options_of_executors_keep_utc(conf_of):
    conf = conf_of("yarn", **{"spark.executor.extraJavaOptions": "-Xss4m"})
    assert conf["spark.executor.extraJavaOptions"] == "-Duser.timezone=UTC -Xss4m"


def test_object_storage_without_a_metastore_is_refused_with_the_remedy(conf_of):
    with pytest.raises(UsageError, match=r"^the warehouse s3a://b/w is no folder of this machine.*: set metastore"):
        conf_of("yarn", **{"spark.sql.warehouse.dir": "s3a://b/w"})
