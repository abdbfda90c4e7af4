"""Writes a simulated market to files, as a recorder of the feed would."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np

from jobs.simulator.coinbase_format import CoinbaseFormat
from jobs.simulator.day_file import DayFile
from jobs.simulator.faults import Faults, InjectedFault, inject
from jobs.simulator.generator import Chunk, generate
from jobs.simulator.market import Market
from jobs.simulator.order_flow import DAY_US
from jobs.simulator.random_stream import stream_key

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class SimulationSummary:
    """What was written.

    Attributes:
        files: Paths in order of time.
        n_messages: Messages generated per symbol, before any fault.
        n_lines: Lines written, after the faults.
        faults: Every fault injected, in order of time.
        seconds: Wall-clock time taken.
    """

    files: tuple[Path, ...]
    n_messages: dict[str, int]
    n_lines: int
    faults: tuple[InjectedFault, ...]
    seconds: float


def file_name(first_us: int, is_compressed: bool = True) -> str:
    """Name of the file of a UTC day."""
    day = datetime.fromtimestamp(first_us / 1e6, UTC)
    return f"coinbase_full_{day:%Y%m%d}.jsonl" + (".gz" if is_compressed else "")


def simulate(
    market: Market,
    folder: Path,
    faults: Faults | None = None,
    progress: Progress | None = None,
    is_compressed: bool = True,
    observe: Callable[[Chunk], None] | None = None,
) -> SimulationSummary:
    """Write one file per UTC day, ``coinbase_full_<YYYYMMDD>.jsonl.gz``.

    All symbols share a file, ordered by time, as one subscription to several products delivers them. A file gets its
    name when it is whole; a file that exists with the same bytes is kept, so a second run changes nothing.

    Args:
        market: What to simulate.
        folder: Where to; created when absent.
        faults: Faults to put into the lines; None for a clean feed.
        progress: Called with the share done (0 to 1) and a text.
        is_compressed: False writes plain ``.jsonl``.
        observe: Called with every chunk, for example to keep its truth.

    Raises:
        SafetyError: A file exists with other content.
        StorageError: The disk refuses.
    """
    started = time.perf_counter()
    tell = progress or (lambda share, text: None)
    writer = _FaultyWriter(market, faults or Faults())
    files: list[Path] = []
    tell(0.0, "compiling the order book where this is the first run")
    for day, chunks in groupby(generate(market), key=lambda chunk: chunk.first_us // DAY_US):
        path = folder / file_name(day * DAY_US, is_compressed)
        with DayFile(path) as day_file:
            for chunk in chunks:
                day_file.write(writer.lines(chunk, path.name))
                if observe:
                    observe(chunk)
                done_us = chunk.first_us + chunk.n_seconds * 1_000_000 - market.start_us
                tell(done_us / 1e6 / market.duration_seconds, f"{sum(writer.n_messages):,} messages")
            writer.end_file()
        files.append(path)
    n_messages = dict(zip(market.symbols, map(int, writer.n_messages), strict=True))
    return SimulationSummary(
        tuple(files), n_messages, writer.n_lines, tuple(writer.faults), time.perf_counter() - started
    )


class _FaultyWriter:
    """Lines of chunks, with faults where asked for, and the count of both."""

    def __init__(self, market: Market, faults: Faults):
        self._market = market
        self._faults = faults
        self._format = CoinbaseFormat(market.symbols, market.seed, market.start_us)
        self._random = np.random.Generator(np.random.PCG64(stream_key("faults", market.seed)))
        self._lines_before = 0
        self.n_messages = np.zeros(len(market.symbols), dtype=np.int64)
        self.n_lines = 0
        self.faults: list[InjectedFault] = []

    def lines(self, chunk: Chunk, file: str) -> bytes | memoryview:
        self.n_messages += np.bincount(chunk.messages["symbol"], minlength=len(self.n_messages))
        content = self._format.lines(chunk.messages)
        if self._faults.is_none:
            self._count(len(chunk.messages))
            return content
        faulty = inject(bytes(content).split(b"\n")[:-1], self._faults, self._random)
        self.faults += self._records(chunk, file, faulty.kinds, faulty.places, faulty.messages)
        self._count(len(faulty.lines))
        return b"".join(line + b"\n" for line in faulty.lines)

    def end_file(self) -> None:
        self._lines_before = 0

    def _count(self, n_lines: int) -> None:
        self.n_lines += n_lines
        self._lines_before += n_lines

    def _records(
        self, chunk: Chunk, file: str, kinds: list[str], places: list[int], messages: list[int]
    ) -> Iterator[InjectedFault]:
        for kind, place, message in zip(kinds, places, messages, strict=True):
            yield InjectedFault(
                kind=kind,
                file=file,
                line_number=None if place < 0 else self._lines_before + place + 1,
                symbol=self._market.symbols[chunk.messages["symbol"][message]],
                sequence=int(chunk.messages["sequence"][message]),
            )
