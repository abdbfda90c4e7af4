"""The only place that builds a Spark session: Delta, UTC, quiet, loopback, with the models as SQL functions."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from jobs.class_archive import archive_options
from jobs.cluster_settings import cluster_conf, forget_checkpoints_at_exit, is_cluster
from jobs.extension_jar import extension_jar
from jobs.jars import DELTA_JARS, MAVEN_CENTRAL, POSTGRESQL_JAR, fetched_jars
from jobs.java import find_java_home, quiet_java
from jobs.metastore import Login, log_in, metastore_conf, only_opener
from jobs.shipped_packages import packages_archive, ship
from jobs.spark_defaults import ADDED_UP, FIXED, LAPTOP, local_paths
from models.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.config import Config


@dataclass(frozen=True)
class SessionSettings:
    """Where a session keeps its data and how Spark is started."""

    home: Path
    schema: str = "foretable"
    master: str = "local[*]"
    maven_mirror: str = MAVEN_CENTRAL
    spark: Mapping[str, str] = field(default_factory=dict)  # any Spark setting, wins over ours
    metastore: str | None = None  # JDBC address; None: the warehouse folder is the catalog
    registry_uri: str | None = None  # MLflow store; None: a file of the home

    @staticmethod
    def of(config: Config) -> SessionSettings:
        """The part of a configuration that a session needs."""
        return SessionSettings(
            config.home,
            config.schema_name,
            config.master,
            config.maven_mirror,
            config.spark,
            config.metastore,
            config.registry_uri,
        )

    @property
    def warehouse(self) -> Path:
        """Folder of the Delta tables: ``<schema>.db/<table>`` each."""
        return self.home / "warehouse"


def start_session(settings: SessionSettings, say: Callable[[str], None] | None = None) -> SparkSession:
    """Start Spark (or find the one of this process) with the current schema set.

    Raises:
        UsageError: no suitable Java, or another Spark than the pinned one.
        StorageError: the home cannot be written, a jar is not to be had, or the metastore cannot be reached.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    # Before scikit-learn is loaded: threads of a fit that wait for each other in a loop take the cores from others, and
    # on a busy machine gradient boosting takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _silence_python_loggers()
    conf = spark_conf(settings, say)
    os.environ["PYSPARK_PYTHON"] = conf["spark.pyspark.python"]
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable

    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("foretable")
    for name, value in conf.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as e:
        raise UsageError(
            f"Spark did not start on {settings.master} ({_first_line(e)}): see {settings.home / 'logs'}, "
            "check --master and spark settings"
        ) from e
    if is_cluster(settings.master):
        cache = settings.home / "jars"
        class_path = [Path(jar) for jar in conf["spark.driver.extraClassPath"].split(os.pathsep)]
        ship(spark, packages_archive(cache), [jar for jar in class_path if jar.parent == cache.resolve()])
        forget_checkpoints_at_exit(spark)
    _name_classes(spark)
    _open_catalog(spark, settings, conf)
    return spark


def _name_classes(spark: SparkSession) -> None:
    """Tell Py4J what pyspark means by the names it uses most: else each use searches all jars of some packages."""
    from py4j.java_gateway import java_import

    for name in ("org.apache.spark.sql.functions", "org.apache.spark.api.python.PythonUtils"):
        java_import(spark._jvm, name)


def _open_catalog(spark: SparkSession, settings: SessionSettings, conf: Mapping[str, str]) -> None:
    if settings.metastore is None:
        if conf["spark.sql.catalogImplementation"] == "in-memory":
            _warehouse_folder(spark).open(spark._jsparkSession, str(settings.warehouse))
        use_schema(spark, settings.schema)
        return
    login = Login.of()
    log_in(spark, login)
    with only_opener(spark, settings.metastore, login):
        use_schema(spark, settings.schema)


def use_schema(spark: SparkSession, schema: str) -> None:
    """Make ``schema`` exist and current, so that ``FROM features`` means its table."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS IDENTIFIER(:schema)", args={"schema": schema})
    spark.sql("USE IDENTIFIER(:schema)", args={"schema": schema})
    _warehouse_folder(spark).syncAll()


def _warehouse_folder(spark: SparkSession) -> Any:
    """The class of sql/extension/WarehouseFolder.java in the JVM."""
    assert spark._jvm is not None
    return spark._jvm.foretable.WarehouseFolder


def spark_conf(settings: SessionSettings, say: Callable[[str], None] | None = None) -> dict[str, str]:
    """Every setting of the session, jars fetched and compiled, the user's own settings on top."""
    home = settings.home
    cache = home / "jars"
    try:
        for folder in (settings.warehouse, home / "logs", home / "tmp", cache):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StorageError(
            f"the home {home} cannot be written ({e.strerror}): set FORETABLE_HOME to a folder of yours"
        ) from e
    real_java = find_java_home()
    java_home = quiet_java(real_java, home)
    os.environ["JAVA_HOME"] = str(java_home)
    delta = fetched_jars(cache, settings.maven_mirror, DELTA_JARS, say)
    jars = [extension_jar(cache, java_home, delta), *delta]
    if settings.metastore:
        jars += fetched_jars(cache, settings.maven_mirror, (POSTGRESQL_JAR,), say)
    jars = [jar.resolve() for jar in jars]  # homes that share a cache have one class path, and so one class archive
    has_own_executors = is_cluster(settings.master)
    conf = {
        **FIXED,
        **local_paths(home, settings.warehouse, jars),
        **(cluster_conf(settings.master, home, settings.warehouse) if has_own_executors else LAPTOP),
        **(metastore_conf(settings.metastore) if settings.metastore else {}),
        "spark.master": settings.master,
    }
    conf["spark.driver.extraJavaOptions"] += f" {archive_options(cache, real_java, jars)}"
    for name, value in settings.spark.items():
        # Java options and class paths add up: a user's own must not drop the jars or the quiet log.
        joiner = ADDED_UP.get(name)
        conf[name] = f"{conf[name]}{joiner}{value}" if joiner and name in conf else value
    _check_warehouse(conf)
    return conf


def _check_warehouse(conf: Mapping[str, str]) -> None:
    place = conf["spark.sql.warehouse.dir"]
    if conf["spark.sql.catalogImplementation"] == "in-memory" and urlparse(place).scheme not in ("", "file"):
        raise UsageError(
            f"the warehouse {place} is no folder of this machine, so its tables need a catalog: set metastore to a "
            "PostgreSQL database (jdbc:postgresql://host/database)"
        )


def _silence_python_loggers() -> None:
    """A failed query prints one huge JSON line through these; our commands say one sentence themselves."""
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _first_line(e: Exception) -> str:
    return (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
