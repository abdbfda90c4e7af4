"""The process from which Spark forks its Python workers: theirs is pyspark's, but for what a task costs at its end.

A worker collects garbage after each task. That visits every object of NumPy, pandas and numba: 60 ms, more than a small
task itself. What is alive after a collection at which modules were new is never garbage, and need not be visited again.
Objects that later tasks make are collected as before.
"""

from __future__ import annotations

import gc
import socket
import sys

from pyspark import daemon

_plain_worker = daemon.worker
_n_modules = 0


def worker(sock: socket.socket, authenticated: bool) -> int:
    """Run one task; called by pyspark's daemon in a worker, which then collects garbage."""
    global _n_modules
    if len(sys.modules) > _n_modules:  # of the task before, after which garbage was collected
        _n_modules = len(sys.modules)
        gc.freeze()
    return _plain_worker(sock, authenticated)


if __name__ == "__main__":
    daemon.worker = worker
    daemon.manager()
