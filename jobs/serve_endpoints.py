"""The JDBC and the Spark Connect server inside a session's JVM: start, what runs on them, stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from models.errors import TryAgainError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_POLL_SECONDS = 0.2
_DEFAULT_SCHEMA = "spark.sql.catalog.spark_catalog.defaultDatabase"


def endpoint_settings(host: str, port: int, connect_port: int) -> dict[str, str]:
    """Spark settings of the two servers; they must be there when the session starts."""
    return {
        "spark.hadoop.hive.server2.thrift.bind.host": host,
        "spark.hadoop.hive.server2.thrift.port": str(port),
        "spark.connect.grpc.binding.address": host,
        "spark.connect.grpc.binding.port": str(connect_port),
        "spark.sql.connect.serverStacktrace.enabled": "false",  # a user sees the sentence, the log has the trace
    }


class Endpoints:
    """Both servers on one session, so that they share its tables, functions and Python workers."""

    def __init__(self, spark: SparkSession, schema: str) -> None:
        """Start both; sessions start in ``schema`` (a JDBC client says so in its URL).

        Raises:
            TryAgainError: a port was taken meanwhile.
        """
        self._spark, self._jvm = spark, _jvm(spark)
        # Every later session reads its first schema from here; at the start of Spark it would have to exist already.
        spark._jsparkSession.sharedState().conf().set(_DEFAULT_SCHEMA, schema)
        from py4j.protocol import Py4JJavaError

        try:
            thrift = self._jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
            self._jdbc = thrift.startWithSparkSession(spark._jsparkSession, False)
            self._jvm.foretable.QuietErrors.install(self._thrift)
            self._connect = self._jvm.org.apache.spark.sql.connect.service.SparkConnectService
            self._connect.start(spark.sparkContext._jsc.sc())
        except Py4JJavaError as e:
            cause = e.java_exception
            while cause.getCause() is not None:
                cause = cause.getCause()
            raise TryAgainError(
                f"the server cannot listen ({cause.getMessage()}): choose other ports with --port and --connect-port"
            ) from e

    @property
    def jdbc_port(self) -> int:
        """Port that JDBC clients connect to."""
        return int(self._thrift.getPortNumber())

    @property
    def _thrift(self) -> Any:
        """The service that JDBC clients talk to."""
        services = {service.getClass().getSimpleName(): service for service in self._jdbc.getServices()}
        return services["ThriftBinaryCLIService"]

    @property
    def connect_port(self) -> int:
        """Port that Spark Connect clients connect to."""
        name = "org.apache.spark.sql.connect.service.SparkConnectService$"
        return int(getattr(self._jvm, name).__getattr__("MODULE$").server().getPort())

    def n_running(self) -> int:
        """Statements that run, or whose rows are still being fetched."""
        store = self._spark.sparkContext._jsc.sc().statusStore().store()
        statements = self._jvm.org.apache.spark.sql.hive.thriftserver.ui.HiveThriftServer2AppStatusStore(store)
        executions = self._connect.listActiveExecutions()  # Left(time of the last) or Right(all)
        return int(statements.getTotalRunning()) + (executions.value().size() if executions.isRight() else 0)

    def stop(self, grace_seconds: float, hurry: threading.Event) -> None:
        """Let statements end, cancel those that last longer than ``grace_seconds``, and stop listening.

        Args:
            grace_seconds: How long running statements may take.
            hurry: Set by a second signal: no more grace.
        """
        deadline = time.monotonic() + grace_seconds
        while self.n_running() and time.monotonic() < deadline and not hurry.wait(_POLL_SECONDS):
            pass
        self._spark.sparkContext.cancelAllJobs()
        if self.n_running():
            time.sleep(2 * _POLL_SECONDS)  # so that clients read that they were cancelled
        self._jdbc.stop()
        nothing = self._jvm.scala.Option.empty()
        self._connect.stop(nothing, nothing)


def _jvm(spark: SparkSession) -> Any:
    assert spark._jvm is not None
    return spark._jvm
