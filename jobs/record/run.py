"""Run a recording in the foreground: Ctrl-C and SIGTERM end it, and what was written is whole."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from jobs.file_lock import locked
from jobs.record.feeds import Feed
from jobs.record.recorder import Recorded, Recorder, RecordSettings


def record_until_stopped(feed: Feed, settings: RecordSettings, say: Callable[[str], None]) -> Recorded:
    """Record until a signal or the end of the time; what came of it.

    Raises:
        TryAgainError: the exchange cannot be reached, or another recording writes into the folder.
        StorageError: the disk is full.
    """
    busy = f"another recording writes into {settings.folder}: choose another folder"
    with locked(settings.folder / ".recording.lock", "folder", busy):
        return asyncio.run(_run(feed, settings, say))


async def _run(feed: Feed, settings: RecordSettings, say: Callable[[str], None]) -> Recorded:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    say(f"recording {settings.exchange} into {settings.folder}, until Ctrl-C")
    return await Recorder(feed, settings, say).run(stop)
