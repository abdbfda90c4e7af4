"""The Spark settings of every session, and why; ``jobs/cluster_settings.py`` has those of a cluster."""

from __future__ import annotations

import os
import sys
from importlib import resources
from pathlib import Path

FIXED = {
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
    "spark.databricks.delta.properties.defaults.parquet.format.version": "2.12.0",  # Delta asks a table, not Hadoop
    "spark.sql.files.maxRecordsPerFile": "1000000",  # one late row rewrites a file
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.codegen.cache.maxEntries": "1000",  # of 100 a pipeline compiles the same code again in each of its jobs
    "spark.sql.ui.explainMode": "simple",  # else the text of each wide plan is laid out at length, for nobody
    "spark.sql.dataFrameQueryContext.enabled": "false",  # errors would name lines of our own code
    "spark.python.sql.dataFrameDebugging.enabled": "false",  # else Python tells Java of these lines at each call
    "spark.sql.execution.pyspark.udf.faulthandler.enabled": "true",  # a worker that dies leaves the note of its model
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    # else Delta refuses a version that was replaced after seven days of rest: readers are shown it while a run goes on
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.hadoop.hive.server2.thrift.bind.host": "127.0.0.1",
}
ADDED_UP = {  # setting: what stands between our part and the user's
    "spark.driver.extraJavaOptions": " ",
    "spark.driver.extraClassPath": os.pathsep,
    "spark.executor.extraJavaOptions": " ",
}
_CORES = str(min(8, max(2, os.cpu_count() or 2)))
LAPTOP = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": _CORES,  # the default of 200 makes a small job ten times slower
    "spark.default.parallelism": _CORES,
    "spark.driver.memory": "4g",
    "spark.python.daemon.module": "jobs.python_daemon",
    "spark.hadoop.fs.file.impl": "foretable.CheckedLocalFiles",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "foretable.LocalFileContext",
}


def local_paths(home: Path, warehouse: Path, jars: list[Path]) -> dict[str, str]:
    """Settings that name files of this machine."""
    class_path = os.pathsep.join(str(jar) for jar in jars)
    log_settings = resources.files("jobs") / "log4j2.properties"
    java_options = (
        f'-Duser.timezone=UTC "-Dlog4j2.configurationFile={log_settings}" "-Dforetable.logs={home / "logs"}" '
        f'"-Dderby.stream.error.file={home / "logs" / "derby.log"}" '  # the Thrift server boots one in memory
        "-XX:+UseParallelGC "
        # Spark asks for no value beyond a batch, nor for one that is NULL: Arrow need not check each
        "-Darrow.enable_unsafe_memory_access=true -Darrow.enable_null_check_for_get=false"
    )
    return {
        "spark.driver.extraClassPath": class_path,
        "spark.driver.extraJavaOptions": java_options,
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.local.dir": str(home / "tmp"),
        "spark.pyspark.python": sys.executable,  # else workers start the system's
        "spark.pyspark.driver.python": sys.executable,
    }
