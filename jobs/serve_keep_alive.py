"""Keeps Python workers warm: an idle one dies after 60 seconds, and the next prediction would wait for its imports."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # here, since Spark reads the annotations of touch_workers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVERY_SECONDS = 30.0
_LONG_ENOUGH_SECONDS = 0.05  # a task this long is not done before the others have taken a worker each


def touch_workers(values: pa.Array) -> pa.Array:
    """Runs in a worker: load what predictions need, and last long enough that each core gets a worker."""
    import skops.io  # noqa: F401

    import udfs.score_rows  # noqa: F401

    time.sleep(_LONG_ENOUGH_SECONDS)
    return values


class KeepAlive:
    """A timer with a session of its own; does nothing while users' jobs run."""

    def __init__(self, spark: SparkSession, say: Callable[[str], None]) -> None:
        self._say = say
        self._spark = spark.newSession()
        self._n_cores = n_cores(spark.sparkContext.master or "", spark.sparkContext.defaultParallelism)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keep-alive", daemon=True)

    def start(self) -> None:
        """Warm now and then every 30 seconds."""
        self._thread.start()

    def stop(self) -> None:
        """No further round; waits for one that runs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def warm(self) -> None:
        """One round: a task a core."""
        from pyspark.sql import functions as F

        make: Any = F.arrow_udf  # its overloads know no plain function
        touch = make(touch_workers, "long")
        self._spark.range(0, self._n_cores, 1, self._n_cores).select(touch("id")).collect()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not list(self._spark.sparkContext.statusTracker().getActiveJobsIds()):
                    self.warm()
            except Exception as e:
                if not self._stop.is_set():  # costs warmth only; a dead Spark is noticed by the main loop
                    reason = (str(e).strip().splitlines() or [type(e).__name__])[0][:200]
                    self._say(f"Python workers are no longer kept warm: {reason}")
                return
            self._stop.wait(EVERY_SECONDS)


def n_cores(master: str, default: int) -> int:
    """Tasks that run at once: of ``local[n]`` and ``local[*]`` exactly, of a cluster its default parallelism."""
    match = re.match(r"local(?:\[(\d+|\*)[^]]*\])?$", master)
    if match is None:
        return default
    return 1 if match[1] is None else (os.cpu_count() or 1) if match[1] == "*" else int(match[1])
