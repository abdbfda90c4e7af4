"""One command of Foretable as a task: Databricks knows success and failure, no exit codes.

Nothing to do (99) is success. Another run at work (75) is waited for and tried again here, since the retries of a task
cannot tell it from a failure that would only repeat itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

TRY_AGAIN, NOTHING_TO_DO = 75, 99
WAITS_SECONDS = (60, 120, 240, 480)


def run_step(arguments: Sequence[str], command: Callable[[list[str]], int], waits: Sequence[float]) -> int:
    """Exit code of the command after at most ``len(waits)`` further tries; 99 counts as 0."""
    exit_code = command(list(arguments))
    for seconds in waits:
        if exit_code != TRY_AGAIN:
            break
        time.sleep(seconds)
        exit_code = command(list(arguments))
    return 0 if exit_code == NOTHING_TO_DO else exit_code


if __name__ == "__main__":
    from jobs.cli import run

    exit_code = run_step(sys.argv[1:], run, WAITS_SECONDS)
    if exit_code != 0:  # a plain return is success; any SystemExit may count as failure
        raise RuntimeError(f"foretable {' '.join(sys.argv[1:])} ended with exit code {exit_code}: see the output above")
