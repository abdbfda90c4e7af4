"""Record a feed until told to stop: connect, write, and connect again when the exchange closes or falls silent."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.record.capture_file import CaptureFile, finish_leftovers
from jobs.record.feeds import Feed
from models.errors import TryAgainError

_LARGEST_MESSAGE = 64 << 20  # bytes: the book of a busy product is one message
_FIRST_TRIES = 5  # connections that fail before anything was recorded


@dataclass(frozen=True)
class RecordSettings:
    """How to record.

    Attributes:
        folder: Where the files go.
        exchange: Named in the files.
        part_seconds: A new file begins after this long, and with each connection.
        silent_seconds: A connection without a message for so long is given up.
        longest_wait_seconds: Between two tries to connect; the first waits are shorter, each with jitter.
        stop_after_seconds: For how long to record; None until stopped.
    """

    folder: Path
    exchange: str
    part_seconds: float = 3600.0
    silent_seconds: float = 30.0
    longest_wait_seconds: float = 60.0
    stop_after_seconds: float | None = None


@dataclass
class Recorded:
    """What came of it."""

    files: list[Path] = field(default_factory=list)
    n_messages: int = 0
    n_connections: int = 0
    n_books: int = 0  # snapshots that were asked for


class Recorder:
    """One recording."""

    def __init__(self, feed: Feed, settings: RecordSettings, say: Callable[[str], None]) -> None:
        """Nothing is connected or written yet."""
        self.recorded = Recorded()
        self._feed, self._settings, self._say = feed, settings, say
        self._last_ns = 0
        self._file: CaptureFile | None = None
        self._connection_ms, self._part, self._part_ends = 0, 0, 0.0
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> Recorded:
        """Record until ``stop`` is set or the time is over; what was written is whole then.

        Raises:
            TryAgainError: the exchange cannot be reached, from the start.
            StorageError: the disk is full.
        """
        for file in finish_leftovers(self._settings.folder):
            self._say(f"finished {file.name}, which an earlier recording left open")
            self.recorded.files.append(file)
        timer = asyncio.create_task(self._stop_later(stop))
        try:
            await self._connect_again_and_again(stop)
        finally:
            timer.cancel()
            self._close_file()
        return self.recorded

    async def _stop_later(self, stop: asyncio.Event) -> None:
        if self._settings.stop_after_seconds is not None:
            await asyncio.sleep(self._settings.stop_after_seconds)
            stop.set()

    async def _connect_again_and_again(self, stop: asyncio.Event) -> None:
        import aiohttp

        failures = 0
        while not stop.is_set():
            try:
                async with aiohttp.ClientSession() as http:
                    why = await self._one_connection(http, stop)
                failures = 0
            except (aiohttp.ClientError, TimeoutError, OSError) as e:
                why, failures = f"{type(e).__name__}: {e}", failures + 1
                if failures >= _FIRST_TRIES and not self.recorded.n_messages:
                    raise TryAgainError(
                        f"{_host(self._feed.url)} cannot be reached ({why}): check the network and the address"
                    ) from e
            finally:
                self._close_file()
            if not stop.is_set():
                await self._wait(why, failures, stop)

    async def _wait(self, why: str, failures: int, stop: asyncio.Event) -> None:
        longest = min(self._settings.longest_wait_seconds, 0.5 * 2.0 ** min(failures, 16))
        seconds = random.uniform(longest / 2, longest)
        self._say(f"the connection ended ({why}), the next try is in {seconds:.1f} s")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)

    async def _one_connection(self, http: Any, stop: asyncio.Event) -> str:
        """Record one connection to its end; why it ended."""
        import aiohttp

        connected = http.ws_connect(self._feed.url, max_msg_size=_LARGEST_MESSAGE, heartbeat=10.0)
        async with connected as socket:
            self._begin()
            for text in self._feed.subscriptions():
                await socket.send_str(text)
            stopping = asyncio.create_task(stop.wait())
            try:
                while True:
                    receiving = asyncio.create_task(socket.receive())
                    waiting = {receiving, stopping}
                    done, _ = await asyncio.wait(waiting, timeout=self._settings.silent_seconds,
                                                 return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
                    if receiving not in done:
                        receiving.cancel()
                        return "stopped" if stopping in done else f"silent for {self._settings.silent_seconds:g} s"
                    message = receiving.result()
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        return f"closed by the exchange, {message.type.name.lower()} {message.extra or ''}".strip()
                    self._write(message.data)
                    self._ask_for_book(http, message.data)
            finally:
                stopping.cancel()
                for task in self._asking.values():
                    task.cancel()
                self._asking.clear()

    def _begin(self) -> None:
        self.recorded.n_connections += 1
        self._connection_ms = max(time.time_ns() // 1_000_000, self._connection_ms + 1)
        self._part = 0
        self._open_file()

    def _open_file(self) -> None:
        settings = self._settings
        self._part += 1
        self._file = CaptureFile(settings.folder, settings.exchange, self._connection_ms, self._part)
        self._part_ends = time.monotonic() + settings.part_seconds

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None and (path := file.close()) is not None:
            self.recorded.files.append(path)
            self._say(f"{path.name}: {file.n_messages:,} messages")

    def _write(self, text: str) -> None:
        if time.monotonic() > self._part_ends:
            self._close_file()
            self._open_file()
        assert self._file is not None
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        self._file.write(self._last_ns, text)
        self.recorded.n_messages += 1

    def _ask_for_book(self, http: Any, text: str) -> None:
        symbol = self._feed.needs_snapshot(text)
        if symbol is not None and symbol not in self._asking and self._feed.snapshot_url is not None:
            self._asking[symbol] = asyncio.create_task(self._book(http, symbol))

    async def _book(self, http: Any, symbol: str) -> None:
        """Write the answer to a request for a book; tried until it comes, for without it the updates say little."""
        import aiohttp

        failures = 0
        try:
            while True:
                try:
                    parameters = {"symbol": symbol, "limit": "5000"}
                    timeout = aiohttp.ClientTimeout(total=20)
                    async with http.get(self._feed.snapshot_url, params=parameters, timeout=timeout) as answer:
                        answer.raise_for_status()
                        self._write(self._feed.as_line(symbol, await answer.text()))
                        self.recorded.n_books += 1
                        return
                except (aiohttp.ClientError, TimeoutError, OSError) as e:
                    failures += 1
                    self._say(f"the book of {symbol} was not to be had ({type(e).__name__}: {e}), trying again")
                    await asyncio.sleep(min(30.0, 0.2 * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0))
        finally:
            self._asking.pop(symbol, None)


def _host(url: str) -> str:
    return url.split("/stream", 1)[0]
