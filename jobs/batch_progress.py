"""How far a long Spark action is, said every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVERY_SECONDS = 10.0


@contextmanager
def progress(spark: SparkSession, say: Callable[[str], None], every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Say how many tasks of the running stages are done, as long as the block goes on."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(every_seconds):
            if text := _tasks(spark):
                say(text)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _tasks(spark: SparkSession) -> str:
    tracker = spark.sparkContext.statusTracker()
    stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]
    n_tasks, n_done = sum(stage.numTasks for stage in stages), sum(stage.numCompletedTasks for stage in stages)
    return f"{n_done} of {n_tasks} tasks done" if n_tasks else ""
