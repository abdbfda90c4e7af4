"""Run by spark-submit: open the session, register the functions, hand over to Spark's own shell."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark import SparkContext

from jobs.open_session import open_session
from jobs.session import SessionSettings
from jobs.sql_shell import ENVIRONMENT_KEY
from models.errors import ForetableError


def main(arguments: Sequence[str]) -> None:
    """Open the shell with the arguments of spark-sql; ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C cancels the query in the JVM; Python must outlive it
    given = json.loads(os.environ.pop(ENVIRONMENT_KEY))
    settings = SessionSettings(**{**given["settings"], "home": Path(given["settings"]["home"])})
    try:
        spark = open_session(settings, say=_say)
    except ForetableError as e:
        _say(f"[{e.condition}] {e}")
        sys.exit(e.exit_code)
    jvm: Any = spark._jvm
    gateway: Any = spark.sparkContext._gateway
    # The shell reads its settings from the JVM's properties; without them it makes a metastore in the current folder.
    properties = Path(given["properties"])
    for line in properties.read_text().splitlines():
        name, _, value = line.partition(" ")
        jvm.java.lang.System.setProperty(name, value)
    properties.unlink()
    java_arguments = gateway.new_array(jvm.java.lang.String, len(arguments))
    for i, argument in enumerate(arguments):
        java_arguments[i] = argument
    try:
        jvm.org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver.main(java_arguments)
    except (Py4JError, OSError):
        sys.exit(0)  # the shell ends with System.exit, which closes the connection under this call


def _say(text: str) -> None:
    """To the JVM's stderr: spark-submit joins what Python writes there with stdout, which is for rows."""
    SparkContext._ensure_initialized()
    jvm: Any = SparkContext._jvm
    jvm.java.lang.System.err.println(text)


if __name__ == "__main__":
    main(sys.argv[1:])
