"""What a process does about a request to stop: it notes it, and breaks in only where nothing is half written."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_PAUSE_SECONDS = 0.1
_CLEAN_UP_SECONDS = 5.0  # then it is raised anew: C code that calls Python back may have swallowed it

LISTENING: list[StopRequest] = []  # signals belong to the process; the outermost block takes them


class Stopped(KeyboardInterrupt):
    """A request to stop that was followed. ``exit_code`` is 128 plus the signal as in shells, 75 at a time limit."""

    def __init__(self, signal_number: int | None, limit_seconds: float | None = None) -> None:
        """Name the signal, or the time limit."""
        self.is_time_limit = signal_number is None
        name = f"after {limit_seconds:g} s" if signal_number is None else f"by {signal.Signals(signal_number).name}"
        super().__init__(f"stopped {name}")
        self.exit_code = 75 if signal_number is None else 128 + signal_number


class StopRequest:
    """Whether this process was asked to stop what it does.

    The handler of a signal notes it, and raises only within a block of :func:`stoppable` that waits for no answer of
    Spark: an exception in the middle of a call of the JVM would leave a commit going on behind our back. There the jobs
    are cancelled instead, again and again, for a cancel between two jobs has no effect.
    """

    def __init__(self) -> None:
        """Nothing has asked yet."""
        self.reason: Stopped | None = None
        self._may_raise = False
        self._is_shielded = False
        self._is_nudge = False
        self._raised_at = float("-inf")

    def check(self) -> None:
        """Go on only where nobody asked to stop.

        Raises:
            Stopped: somebody did.
        """
        if self.reason is not None:
            raise self.reason

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT to the end of the block; a second Ctrl-C ends at once. Main thread only."""
        if not _is_main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        LISTENING.append(self)
        try:
            yield
        finally:
            LISTENING.remove(self)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def while_cancelling(self, cancel_jobs: Callable[[], Any], limit_seconds: float | None = None) -> Iterator[None]:
        """Call ``cancel_jobs`` as long as somebody wants to stop and the block goes on.

        A block that comes to its end all the same has done its work, which then counts.

        Raises:
            Stopped: the block failed after the request to stop.
        """
        self.check()
        is_over = threading.Event()
        until = None if limit_seconds is None else (time.monotonic() + limit_seconds, Stopped(None, limit_seconds))
        watching = (is_over, cancel_jobs, until, _is_main_thread())
        watcher = threading.Thread(target=self._watch, args=watching, daemon=True)
        watcher.start()
        try:
            yield
        except Exception as e:
            if self.reason is not None:
                raise self.reason from e
            raise
        finally:
            is_over.set()
            watcher.join()
            self._await_nudge()

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a request to stop raise within the block, wherever it waits for no answer of Spark."""
        self._may_raise = True
        try:
            yield
        finally:
            self._may_raise = False

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Let nothing break into the block: what it writes belongs together."""
        before, self._is_shielded = self._is_shielded, True
        try:
            yield
        finally:
            self._is_shielded = before

    @contextmanager
    def exposed(self) -> Iterator[None]:
        """Let a request to stop break into the block again, within one that is shielded.

        What cleans up after a block belongs outside: one that is stopped, or whose job was cancelled, is stopped once.
        """
        before, self._is_shielded = self._is_shielded, False
        try:
            yield
        finally:
            self._is_shielded = before

    def _watch(
        self,
        is_over: threading.Event,
        cancel_jobs: Callable[[], Any],
        until: tuple[float, Stopped] | None,
        is_main: bool,
    ) -> None:
        while not is_over.wait(_PAUSE_SECONDS):
            if self.reason is None and until is not None and time.monotonic() > until[0] and not self._is_shielded:
                self.reason = until[1]
            if self.reason is None or self._is_shielded:
                continue
            with suppress(Exception):  # the session may be ending
                cancel_jobs()
            if is_main and self._is_due() and not self._is_nudge:
                self._is_nudge = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # wakes a sleeping call, too

    def _await_nudge(self) -> None:
        """A nudge on its way must meet our handler, not the one that comes after it."""
        until = time.monotonic() + 1.0
        while self._is_nudge and time.monotonic() < until:
            time.sleep(0.001)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._is_nudge and number == signal.SIGINT:
            self._is_nudge = False
        elif self.reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        elif self.reason is None:
            self.reason = Stopped(number)
        if self.reason is not None and self._is_due() and not _waits_for_spark(frame):
            self._raised_at = time.monotonic()
            raise self.reason

    def _is_due(self) -> bool:
        """Whether to raise; what cleans up after it is not broken into."""
        is_new = time.monotonic() - self._raised_at > _CLEAN_UP_SECONDS
        return self._may_raise and not self._is_shielded and is_new


def _waits_for_spark(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("py4j", "pyspark"):
            return True
        frame = frame.f_back
    return False


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
