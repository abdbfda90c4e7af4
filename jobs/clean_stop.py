"""A clean stop: SIGTERM, Ctrl-C or a time limit cancel the Spark jobs of a block and end it at a safe place."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from jobs.local_properties import local_properties
from jobs.stop_request import LISTENING, Stopped, StopRequest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def stoppable(spark: SparkSession, limit_seconds: float | None = None) -> Iterator[StopRequest]:
    """Let SIGTERM, Ctrl-C and a time limit end the block; within another such block, that one takes them.

    Args:
        spark: Its jobs that the block starts are cancelled, and no others.
        limit_seconds: How long the block may take; what is at its last writes by then still ends them.

    Raises:
        Stopped: the block was stopped, or a signal came while it made its last writes.
    """
    if LISTENING:
        yield LISTENING[-1]
        return
    request = StopRequest()
    with request.listening(), _job_group(spark) as cancel_jobs:
        with request.while_cancelling(cancel_jobs, limit_seconds), request.raising():
            yield request
        if request.reason is not None and not request.reason.is_time_limit:
            raise request.reason


@contextmanager
def shielded() -> Iterator[None]:
    """Let no request to stop break into the block, where something listens for one."""
    if not LISTENING:
        yield
        return
    with LISTENING[-1].shielded():
        yield


def stop_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does, with the clean-up of its blocks, where no block takes it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    signal.signal(signal.SIGTERM, stop)


@contextmanager
def _job_group(spark: SparkSession) -> Iterator[Callable[[], None]]:
    """Put the jobs of the block into a group; yields what cancels them."""
    group = f"foretable-{secrets.token_hex(4)}"
    with local_properties(spark, {"spark.jobGroup.id": group, "spark.job.interruptOnCancel": "true"}):
        yield lambda: spark.sparkContext.cancelJobGroup(group)
