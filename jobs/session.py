"""The only place that builds a Spark session: Delta, UTC, quiet, loopback, with the models as SQL functions."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.extension_jar import extension_jar
from jobs.jars import MAVEN_CENTRAL, delta_jars
from jobs.java import find_java_home, quiet_java
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

    @staticmethod
    def of(config: Config) -> SessionSettings:
        """The part of a configuration that a session needs."""
        return SessionSettings(config.home, config.schema_name, config.master, config.maven_mirror, config.spark)

    @property
    def warehouse(self) -> Path:
        """Folder of the Delta tables: ``<schema>.db/<table>`` each."""
        return self.home / "warehouse"


def start_session(settings: SessionSettings, say: Callable[[str], None] | None = None) -> SparkSession:
    """Start Spark (or find the one of this process) with the current schema set.

    Raises:
        UsageError: no suitable Java, or another Spark than the pinned one.
        StorageError: the home cannot be written, or a jar is not to be had.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    _silence_python_loggers()
    conf = spark_conf(settings, say)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable

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
    if conf["spark.sql.catalogImplementation"] == "in-memory":
        _warehouse_folder(spark).open(spark._jsparkSession, str(settings.warehouse))
    use_schema(spark, settings.schema)
    return spark


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
    java_home = quiet_java(find_java_home(), home)
    os.environ["JAVA_HOME"] = str(java_home)
    delta = delta_jars(cache, settings.maven_mirror, say=say)
    jars = [extension_jar(cache, java_home, delta), *delta]
    conf = {
        **_FIXED,
        **_local_paths(home, settings.warehouse, jars),
        "spark.master": settings.master,
        **(_LAPTOP if settings.master.startswith("local") else {}),
    }
    for name, value in settings.spark.items():
        # Java options and class paths add up: a user's own must not drop the jars or the quiet log.
        joiner = _ADDED_UP.get(name)
        conf[name] = f"{conf[name]}{joiner}{value}" if joiner else value
    return conf


_FIXED = {
    "spark.sql.catalogImplementation": "in-memory",  # the warehouse folder is the catalog: FolderCatalog
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,foretable.Extensions",
    "spark.sql.catalog.spark_catalog": "foretable.FolderCatalog",
    "spark.delta.logStore.file.impl": "foretable.AtomicLocalLogStore",
    "spark.databricks.delta.requiredSparkConfsCheck.enabled": "false",  # it knows only its own catalog class
    "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",  # else Delta's parser drops bound parameters
    "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": "false",  # a row UDF on a Parquet scan hangs with it
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "delta",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.parquet.writer.version": "PARQUET_2_0",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.dataFrameQueryContext.enabled": "false",  # errors would name lines of our own code
    "spark.sql.execution.pyspark.udf.faulthandler.enabled": "true",  # a worker that dies leaves the note of its model
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.hadoop.hive.server2.thrift.bind.host": "127.0.0.1",
}
_ADDED_UP = {  # setting: what stands between our part and the user's
    "spark.driver.extraJavaOptions": " ",
    "spark.driver.extraClassPath": os.pathsep,
    "spark.executor.extraClassPath": os.pathsep,
}
_CORES = str(min(8, max(2, os.cpu_count() or 2)))
_LAPTOP = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": _CORES,  # the default of 200 makes a small job ten times slower
    "spark.default.parallelism": _CORES,
    "spark.driver.memory": "4g",
}


def _local_paths(home: Path, warehouse: Path, jars: list[Path]) -> dict[str, str]:
    class_path = os.pathsep.join(str(jar) for jar in jars)
    log_settings = resources.files("jobs") / "log4j2.properties"
    java_options = (
        f'-Duser.timezone=UTC "-Dlog4j2.configurationFile={log_settings}" "-Dforetable.logs={home / "logs"}" '
        f'"-Dderby.stream.error.file={home / "logs" / "derby.log"}" '  # the Thrift server boots one in memory
        "-XX:+UseParallelGC"
    )
    return {
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        "spark.driver.extraJavaOptions": java_options,
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.local.dir": str(home / "tmp"),
    }


def _silence_python_loggers() -> None:
    """A failed query prints one huge JSON line through these; our commands say one sentence themselves."""
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _first_line(e: Exception) -> str:
    return (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
