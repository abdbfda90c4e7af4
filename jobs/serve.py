"""``foretable serve``: JDBC and Spark Connect from one application, with the tables and predict()."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from jobs.app import App
from jobs.serve_address import check_host, check_port
from jobs.serve_state import RunningServer, only_server, published
from models.errors import TryAgainError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_POLL_SECONDS = 0.5
_JVM_END_SECONDS = 15.0


@dataclass(frozen=True)
class ServeSettings:
    """Where and how to serve. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 10_000
    connect_port: int = 15_002
    grace_seconds: float = 10.0  # for running statements, once asked to stop
    keep_alive: bool = True  # of Python workers
    is_behind_proxy: bool = False


def serve(app: App, settings: ServeSettings) -> None:
    """Serve until SIGTERM or SIGINT; prints one line for each endpoint once sessions are accepted.

    Raises:
        SafetyError: the host can be reached from other machines.
        TryAgainError: a port is taken, another server runs on this home, or Spark ended by itself.
    """
    check_host(settings.host, settings.is_behind_proxy)
    config = app.config
    with only_server(config.home), _signals() as signals:
        check_port(settings.host, settings.port, "--port")
        check_port(settings.host, settings.connect_port, "--connect-port")
        from jobs.serve_endpoints import Endpoints, endpoint_settings

        endpoint_conf = endpoint_settings(settings.host, settings.port, settings.connect_port)
        app.config = config.model_copy(update={"spark": {**config.spark, **endpoint_conf}})
        spark = app.session()
        signals.install()  # Spark's own handler of SIGINT took their place
        try:
            endpoints = Endpoints(spark, config.schema_name)
            server = _server(settings, endpoints, config.schema_name)
            with published(config.home, server), _warm_workers(app, spark, settings.keep_alive):
                _announce(app, server)
                _wait(spark, signals)
            app.say("stopping …")
            with _where_spark_ends_too():
                endpoints.stop(settings.grace_seconds, signals.again)
        finally:
            _end_spark(app, spark)


class Signals:
    """SIGTERM and SIGINT as events; the second one means at once."""

    def __init__(self) -> None:
        self.first, self.again = threading.Event(), threading.Event()

    def install(self) -> None:
        """Take the signals of this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        (self.again if self.first.is_set() else self.first).set()


@contextmanager
def _signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signals = Signals()
    signals.install()
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _warm_workers(app: App, spark: SparkSession, is_wanted: bool) -> Iterator[None]:
    from jobs.serve_keep_alive import KeepAlive

    keep_alive = KeepAlive(spark, app.say)
    if is_wanted:
        keep_alive.start()
    try:
        yield
    finally:
        keep_alive.stop()


def _server(settings: ServeSettings, endpoints: Any, schema: str) -> RunningServer:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return RunningServer(
        pid=os.getpid(),
        jdbc=f"jdbc:hive2://{host}:{endpoints.jdbc_port}/{schema}",
        connect=f"sc://{host}:{endpoints.connect_port}",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _announce(app: App, server: RunningServer) -> None:
    import json
    import sys
    from dataclasses import asdict

    if app.is_json:
        print(json.dumps(asdict(server)))
    else:
        print(f"JDBC {server.jdbc}\nSpark Connect {server.connect}")
    sys.stdout.flush()  # a supervisor waits for these lines behind a pipe
    app.say("serving; stop with Ctrl-C")


def _wait(spark: SparkSession, signals: Signals) -> None:
    """Until a signal comes.

    Raises:
        TryAgainError: the JVM ended by itself.
    """
    jvm = _jvm_process(spark)
    while not signals.first.wait(_POLL_SECONDS):
        if jvm is not None and jvm.poll() is not None:
            raise TryAgainError("Spark ended by itself, as when memory runs out: see the logs, then serve again")


def _end_spark(app: App, spark: SparkSession) -> None:
    """Stop Spark and wait until its process is gone, so that nothing of this server outlives it."""
    jvm = _jvm_process(spark)
    gateway: Any = spark.sparkContext._gateway
    with _where_spark_ends_too():
        app.close()
    app.__dict__.pop("_session", None)  # the command's own clean-up has nothing left to do
    gateway.shutdown()
    if jvm is None:
        return
    if jvm.stdin is not None:
        jvm.stdin.close()  # Spark's launcher ends with its input
    try:
        jvm.wait(timeout=_JVM_END_SECONDS)
    except subprocess.TimeoutExpired:
        jvm.kill()
        jvm.wait()


@contextmanager
def _where_spark_ends_too() -> Iterator[None]:
    """A supervisor may send its signal to the JVM as well, which then ends while it is being stopped."""
    from py4j.protocol import Py4JError

    with suppress(Py4JError, OSError):
        yield


def _jvm_process(spark: SparkSession) -> Any:
    """The JVM as a child of this process; None where Spark was started by something else."""
    return getattr(spark.sparkContext._gateway, "proc", None)
