"""Six clients with one interface on one home: rows(sql) gives tuples of text (None for NULL), error(sql) the message.

Real processes, started once: a server, a spark-sql shell and a Spark Connect client are kept open for all tests.
"""

import io
import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyspark
import pytest
from pyspark.errors import PySparkException

from jobs.session import use_schema
from models.registry import CHAMPION

SCHEMA = "clients"
CLIENTS = ("session", "new_session", "shell", "server_shell", "beeline", "connect")
# As in tests/conftest.py, for the processes: small queries need no compiled code and little memory.
QUICK = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",  # a minute each
}


class SessionClient:
    """A Python session of the suite's own process."""

    def __init__(self, spark):
        self.spark = spark

    def rows(self, sql):
        self.spark.sql(f"USE {SCHEMA}")
        return [tuple(None if value is None else str(value) for value in row) for row in self.spark.sql(sql).collect()]

    def error(self, sql):
        with pytest.raises(PySparkException) as raised:
            self.rows(sql)
        return str(raised.value)


class ShellClient:
    """A spark-sql shell that reads statements from its input; a marker tells where an answer ends."""

    PROMPT = re.compile(r"(spark-sql \(\w+\)|\s+)> ")

    def __init__(self, process):
        self.process, self.talk, self.numbers = process, [], itertools.count(1)
        self.reader = threading.Thread(target=self._read_talk, daemon=True)
        self.reader.start()

    def _read_talk(self):
        for line in self.process.stderr:
            self.talk.append(line.rstrip("\n"))

    def run(self, sql):
        """Lines on standard output, and of standard error those from an error on; before it is talk."""
        marker = f"end of answer {next(self.numbers)}"
        self.process.stdin.write(f"{sql};\nSELECT '{marker}';\n")
        self.process.stdin.flush()
        start, lines = len(self.talk), []
        while (line := self.process.stdout.readline().rstrip("\n")) != marker:
            if not line and self.process.poll() is not None:
                self.reader.join(timeout=5)
                pytest.fail("\n".join(["the shell ended", *self.talk]))
            if not self.PROMPT.match(line):
                lines.append(line)
        deadline = time.monotonic() + 10
        while not (self.talk[start:] and self.talk[-1].startswith("Time taken")) and time.monotonic() < deadline:
            time.sleep(0.01)
        complaint = itertools.dropwhile(lambda line: not line.startswith(("[", "Error")), self.talk[start:])
        return lines, [line for line in complaint if line and not line.startswith("Time taken")]

    def rows(self, sql):
        lines, complaint = self.run(sql)
        assert not complaint, complaint
        return [tuple(None if value == "NULL" else value for value in line.split("\t")) for line in lines]

    def error(self, sql):
        lines, complaint = self.run(sql)
        assert not lines
        return "\n".join(complaint)


class ServerShellClient:
    """``foretable sql --server``: a process for each statement, since it starts at once."""

    def __init__(self, command):
        self.command = command

    def run(self, *arguments, stdin=None):
        command = [*self.command, "sql", "--server", *arguments]
        return subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=120)

    def rows(self, sql):
        done = self.run("--no-header", "-e", sql)
        assert done.returncode == 0, done.stderr
        return [tuple(None if v == "NULL" else v for v in line.split("\t")) for line in done.stdout.splitlines()]

    def error(self, sql):
        done = self.run("-e", sql)
        assert done.returncode not in (0, 1)
        assert done.stdout == ""
        return done.stderr.strip()


class BeelineClient:
    """Hive's own JDBC client, a process for each statement."""

    PROMPT = re.compile(r"^\d+: jdbc:hive2://[^>]*> ")

    def __init__(self, url):
        self.command = [str(Path(pyspark.__file__).parent / "bin" / "beeline"), "-u", url, "--silent=true",
                        "--outputformat=tsv2", "--showHeader=false"]  # fmt: skip

    def run(self, sql):
        return subprocess.run([*self.command, "-e", sql], capture_output=True, text=True, timeout=120)

    def rows(self, sql):
        done = self.run(sql)
        assert done.returncode == 0, done.stderr
        lines = self.PROMPT.sub("", done.stdout).splitlines()
        return [tuple(None if v == "NULL" else v for v in line.split("\t")) for line in lines if line]

    def error(self, sql):
        done = self.run(sql)
        assert done.returncode != 0
        return "\n".join(line for line in done.stderr.splitlines() if not line.startswith("WARNING:"))


class ConnectClient:
    """A remote session in a process of its own."""

    def __init__(self, process):
        self.process = process

    def ask(self, sql):
        self.process.stdin.write(json.dumps({"sql": sql}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def rows(self, sql):
        return [tuple(row) for row in self.ask(sql)["rows"]]

    def error(self, sql):
        return self.ask(sql)["error"]


@pytest.fixture(scope="session")
def foretable(home):
    """Command line of ``foretable`` on the suite's home."""
    settings = [word for name, value in QUICK.items() for word in ("--conf", f"{name}={value}")]
    return [sys.executable, "-m", "jobs.cli", "--home", str(home), "--schema", SCHEMA, *settings]


@pytest.fixture(scope="session")
def models_by_version(register):
    """Two versions of ``slope``, each as a function of one row of features."""

    def function_of(model):
        return lambda row: float(model.predict(np.asarray(row))[0])

    return {n: function_of(register("slope", alpha=alpha)[0]) for n, alpha in ((1, 1.0), (2, 1000.0))}


@pytest.fixture(scope="session")
def prepared(spark, empty_tables, registry, models_by_version):
    """Schema with samples and a view of predictions; two versions of the model ``slope``, the first is champion."""
    shutil.copytree(empty_tables, empty_tables.with_name(f"{SCHEMA}.db"))
    registry.set_alias("slope", CHAMPION, 1)
    use_schema(spark, SCHEMA)
    spark.sql("CREATE TABLE samples (id BIGINT, features STRUCT<a: DOUBLE, b: DOUBLE>)")
    spark.sql("""
        INSERT INTO samples
        VALUES (1, named_struct('a', 1D, 'b', 2D)), (2, named_struct('a', 3D, 'b', NULL)), (3, named_struct('a', 5D, 'b', 6D))
    """)
    spark.sql("CREATE VIEW predicted AS SELECT id, predict('slope', features) AS prediction FROM samples")
    yield registry
    spark.sql("USE default")


@pytest.fixture(scope="session")
def processes(foretable, prepared):
    """The server and the shell, starting at the same time."""
    started = {
        "server": _start(
            [*foretable, "--json", "serve", "--port", "0", "--connect-port", "0"], stdin=subprocess.DEVNULL
        ),
        "shell": _start([*foretable, "--quiet", "sql", "--no-header"]),
    }
    yield started
    for process in started.values():
        _end(process)


@pytest.fixture(scope="session")
def server(processes):
    """What the server printed once it was ready; at the end SIGTERM stops it and its children."""
    process = processes["server"]
    line = process.stdout.readline()
    assert line, process.stderr.read()
    yield json.loads(line)
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.wait(timeout=60) == 0, process.stderr.read()
    _, alive = psutil.wait_procs(children, timeout=1)
    assert alive == []


@pytest.fixture(scope="session")
def session_client(spark, prepared):
    return SessionClient(spark)


@pytest.fixture(scope="session")
def new_session_client(spark, prepared):
    return SessionClient(spark.newSession())


@pytest.fixture(scope="session")
def shell_client(processes):
    client = ShellClient(processes["shell"])
    yield client
    client.process.stdin.close()
    assert client.process.wait(timeout=60) == 0


@pytest.fixture(scope="session")
def server_shell_client(foretable, server):
    return ServerShellClient(foretable)


@pytest.fixture(scope="session")
def beeline_client(server):
    return BeelineClient(server["jdbc"])


@pytest.fixture(scope="session")
def connect_client(server):
    process = _start([sys.executable, str(Path(__file__).with_name("connect_driver.py")), server["connect"]])
    yield ConnectClient(process)
    process.stdin.close()
    process.wait(timeout=60)
    _end(process)


@pytest.fixture(params=CLIENTS)
def client(request, processes):
    """Each of the six; the processes start while the first is tested."""
    return request.getfixturevalue(f"{request.param}_client")


def _start(command, stdin=subprocess.PIPE):
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # Lines end at a newline only: the shell writes a carriage return where it wraps what it was given.
    process.stdout = io.TextIOWrapper(process.stdout, encoding="utf-8", newline="\n")
    process.stderr = io.TextIOWrapper(process.stderr, encoding="utf-8", newline="\n")
    if process.stdin:
        process.stdin = io.TextIOWrapper(process.stdin, encoding="utf-8", line_buffering=True)
    return process


def _end(process):
    process.kill()
    with process:
        pass


@pytest.fixture
def serve_on(home, tmp_path):
    """Start a server of a test's own on a home of its own; returns the process and what it printed."""
    (tmp_path / "jars").symlink_to(home / "jars")
    settings = [word for name, value in QUICK.items() for word in ("--conf", f"{name}={value}")]
    command = [sys.executable, "-m", "jobs.cli", "--home", str(tmp_path), *settings]
    started = []

    def start(*options):
        process = _start(
            [*command, "--json", "serve", "--port", "0", "--connect-port", "0", *options], subprocess.DEVNULL
        )
        started.append(process)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    start.client = ServerShellClient(command)
    yield start
    for process in started:
        _end(process)
