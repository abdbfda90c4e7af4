"""A pool of worker processes (worker.py) on one home: some wait with an open session, so that a kill costs little."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

# As in tests/conftest.py; these live for seconds to minutes, so that the JVM's second compiler would not pay. Alone the
# first one gets 48 MB for code, less than Spark needs: methods were thrown out and compiled again all the time.
QUICK = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "2",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:-UseParallelGC -XX:+UseSerialGC -Xlog:disable"
    ),
}
PATIENCE_SECONDS = 900


class Worker:
    """One process with an open session; answers one request at a time."""

    def __init__(self, talk):
        self._talk = talk
        self._lines = talk.makefile("rw")
        self.pid = None

    def ready(self):
        """Wait for the session; returns the worker."""
        if self.pid is None:
            self.pid = self.answer()["pid"]
        return self

    def ask(self, **request):
        """Send a request without waiting for its answer."""
        self.ready()
        print(json.dumps(request), file=self._lines, flush=True)

    def has_answered(self, seconds=0.0):
        return bool(select.select([self._talk], [], [], seconds)[0])

    def answer(self, seconds=PATIENCE_SECONDS):
        assert self.has_answered(seconds), f"worker {self.pid} is silent for {seconds} s"
        line = self._lines.readline()
        assert line, f"worker {self.pid} has died"
        return json.loads(line)

    def run(self, **request):
        self.ask(**request)
        return self.answer()

    def kill(self):
        """SIGKILL to Python and its JVM at once; returns when they are gone."""
        if self._talk.fileno() < 0:
            return  # it was killed before
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            while self._talk.recv(65_536):
                pass
        self.close()

    def close(self):
        with contextlib.suppress(ConnectionError):
            self._lines.close()
        self._talk.close()


class Pool:
    """Workers of one home. ``take`` hands out one that is ready and lets the next one start meanwhile."""

    def __init__(self, home):
        self.home = home
        self._folder = Path(tempfile.mkdtemp(prefix="foretable-"))  # a socket's path must be short
        self._place = socket.socket(socket.AF_UNIX)
        self._place.bind(str(self._folder / "s"))
        self._place.listen()
        self._program = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"},
        )  # fmt: skip
        self._n_starting = 0
        self._idle, self._taken = [], []

    def start(self, n=1):
        """Let workers start while the caller goes on."""
        facts = {"home": str(self.home), "socket": str(self._folder / "s"), "spark": QUICK}
        for _ in range(n):
            print(json.dumps(facts), file=self._program.stdin, flush=True)
        self._n_starting += n

    def take(self, n_ahead=0):
        """A ready worker; ``n_ahead`` others are kept starting."""
        if not self._idle:
            if not self._n_starting:
                self.start()
            self._place.settimeout(PATIENCE_SECONDS)
            self._idle.append(Worker(self._place.accept()[0]))
            self._n_starting -= 1
        if self._n_starting < n_ahead:
            self.start(n_ahead - self._n_starting)
        worker = self._idle.pop().ready()
        self._taken.append(worker)
        return worker

    def give_back(self, worker):
        self._taken.remove(worker)
        self._idle.append(worker)

    def close(self):
        for worker in [*self._taken, *self._idle]:
            if worker.pid:
                worker.kill()
        self._program.stdin.close()
        self._program.kill()
        self._program.wait()
        self._place.close()  # workers that still start find nobody and end
        shutil.rmtree(self._folder)
