"""A Spark cluster and a PostgreSQL server of this test run: real processes on loopback, ended with it."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import venv
from pathlib import Path

import psutil
import pyspark
import pytest

from jobs.java import find_java_home, quiet_java
from jobs.shipped_packages import PACKAGES

SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
START_SECONDS = 240  # on a machine that others load too


def _wait_for(condition, what, seconds=START_SECONDS):
    """First true value of the condition; fails with ``what`` after the time."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.1)
    return value


@pytest.fixture(scope="session")
def wait_for():
    """Waits for a condition, failing with what was waited for."""
    return _wait_for


@pytest.fixture(scope="session")
def new_home():
    """Makes a home whose jars are those of the user's cache."""

    def make(folder):
        folder.mkdir(parents=True)
        jars = Path.home() / ".foretable" / "jars"
        jars.mkdir(parents=True, exist_ok=True)
        (folder / "jars").symlink_to(jars)
        return folder

    return make


class Cluster:
    """A master and its workers, each a process of its own, in a folder where nothing of the repository is in sight."""

    def __init__(self, folder):
        self.folder = folder
        self.workers = {}
        java_home = quiet_java(find_java_home(), folder)
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "JAVA_HOME": str(java_home),
            "SPARK_HOME": str(SPARK_CLASS.parents[1]),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "TZ": "America/New_York",  # a machine's own zone must not show in a result
        }
        self.master = self._start("master", "master.Master", "--webui-port", "0", "--port", "0")
        self.address = self._said("master", r"Starting Spark master at (spark://\S+)")

    def add_worker(self, name):
        """Start a worker with one core and wait until the master has it."""
        options = ("--cores", "1", "--memory", "1500m", "--webui-port", "0", "--port", "0")
        work = ("--work-dir", str(self.folder / name), self.address)
        self.workers[name] = self._start(name, "worker.Worker", *options, *work)
        self._said(name, r"(Successfully registered with master)")

    def n_tasks(self, name):
        """Tasks that the executors of a worker have begun, by their own logs."""
        logs = self.folder.glob(f"{name}/app-*/*/stderr")
        return sum(log.read_text(errors="replace").count("Running task ") for log in logs)

    def kill_worker(self, name):
        """SIGKILL a worker and its executors at once, as when a machine loses power."""
        worker = self.workers.pop(name)
        for process in (*psutil.Process(worker.pid).children(), worker):
            process.kill()
        worker.wait()

    def close(self):
        for process in (*self.workers.values(), self.master):
            process.terminate()
        for process in (*self.workers.values(), self.master):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name, main, *options):
        command = [str(SPARK_CLASS), f"org.apache.spark.deploy.{main}", "--host", "127.0.0.1", *options]
        with (self.folder / f"{name}.log").open("w") as log:
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)

    def _said(self, name, pattern):
        log = self.folder / f"{name}.log"
        return _wait_for(lambda: re.search(pattern, log.read_text(errors="replace")), f"{name}: {pattern}").group(1)


@pytest.fixture(scope="session")
def worker_python(tmp_path_factory):
    """A Python environment with everything that Foretable needs, and without Foretable."""
    folder = tmp_path_factory.mktemp("workers") / "environment"
    venv.create(folder, symlinks=True)
    installed = Path(pyspark.__file__).parents[1]
    own = folder / "lib" / installed.parent.name / "site-packages"
    for entry in installed.iterdir():
        is_ours = entry.name in PACKAGES or "foretable" in entry.name.lower()
        if not is_ours and not (own / entry.name).exists():
            (own / entry.name).symlink_to(entry)
    python = folder / "bin" / "python"
    tried = subprocess.run([python, "-c", "import udfs"], capture_output=True, text=True, cwd=folder)
    assert "No module named 'udfs'" in tried.stderr
    return python


@pytest.fixture
def cluster(tmp_path):
    """A cluster with two workers of one core."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        for name in ("worker_1", "worker_2"):
            cluster.add_worker(name)
        yield cluster
    finally:
        cluster.close()


class Postgres:
    """One PostgreSQL server; everybody needs the password."""

    user, password = "market maker", "s3cret/&pass=word"

    def __init__(self, programs, folder):
        account = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
        self.folder, self.programs = folder, programs
        self.as_account = {"user": account.pw_uid, "group": account.pw_gid, "cwd": folder} if os.getuid() == 0 else {}
        os.chown(folder, account.pw_uid, account.pw_gid)
        password_file = folder / "password"
        password_file.write_text(self.password)
        os.chown(password_file, account.pw_uid, account.pw_gid)
        options = ["--auth=scram-sha-256", f"--username={self.user}", f"--pwfile={password_file}", "--no-sync"]
        self._run("initdb", "-D", str(folder / "data"), "--encoding=UTF8", "--locale=C", *options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(self.port), *words]
        with (folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(command, stdout=log, stderr=log, **self.as_account)
        _wait_for(lambda: "ready to accept" in (folder / "server.log").read_text(), "PostgreSQL")

    @property
    def environment(self):
        """What a Foretable process gets to log in."""
        login = {"FORETABLE_METASTORE_USER": self.user, "FORETABLE_METASTORE_PASSWORD": self.password}
        return {**os.environ, **login, "PGUSER": self.user, "PGPASSWORD": self.password}

    def create_database(self, name):
        self.query("postgres", f'CREATE DATABASE "{name}"')

    def query(self, database, text):
        """Lines that psql answers; columns apart by |."""
        command = ["-h", "127.0.0.1", "-p", str(self.port), "-d", database, "-XAtq", "-c", text]
        return self._run("psql", *command).splitlines()

    def close(self):
        self.server.send_signal(signal.SIGINT)  # a fast shutdown
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def _run(self, program, *arguments):
        environment = {"PATH": "/usr/bin:/bin", "PGUSER": self.user, "PGPASSWORD": self.password}
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            capture_output=True,
            text=True,
            env=environment,
            **self.as_account,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of Debian's package on a free port of 127.0.0.1."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[4]))
    if not found:
        pytest.skip("PostgreSQL is not under /usr/lib/postgresql: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'foretable[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="foretable-postgres-"))  # one that the account postgres can enter
    server = Postgres(found[-1].parent, folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
