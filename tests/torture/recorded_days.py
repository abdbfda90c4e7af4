"""A faulty market of several days as pieces that arrive day by day, and what the lines that have arrived add up to."""

import hashlib
import itertools
import json
import re
from decimal import Decimal

from jobs.simulator.faults import Faults
from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate

FAULTS = Faults(gap_share=0.002, duplicate_share=0.005, disorder_share=0.005, malformed_share=0.003)
HARMLESS = ("gap", "duplicate", "disorder")
SHARES = (0, 0.5, 0.8, 1)  # of the lines of a day: where its pieces begin and end
SECONDS_A_DAY = 86_400


class RecordedDays:
    """The pieces of each day. Every other day its middle piece comes a day late."""

    def __init__(self, folder, n_days, messages_per_second, seed):
        market = Market(
            duration_seconds=n_days * SECONDS_A_DAY, messages_per_second=messages_per_second, signal_strength=2.0,
            seed=seed,
        )  # fmt: skip
        summary = simulate(market, folder, FAULTS, is_compressed=False)
        self.n_messages = sum(summary.n_messages.values())
        self.n_faults = len(summary.faults)
        damaged = {(f.file, f.line_number) for f in summary.faults if f.kind not in HARMLESS}
        self.arrivals = [[] for _ in summary.files]
        for day, file in enumerate(summary.files):
            lines = file.read_bytes().splitlines(keepends=True)
            is_damaged = [(file.name, number) in damaged for number in range(1, len(lines) + 1)]
            ends = [int(share * len(lines)) for share in SHARES]
            for i, (start, end) in enumerate(itertools.pairwise(ends)):
                is_late = i == 1 and day % 2 == 0 and day + 1 < len(summary.files)
                piece = (f"{file.stem}_{i}.jsonl", lines[start:end], is_damaged[start:end])
                self.arrivals[day + is_late].append(piece)


class Arrived:
    """Totals of all lines that have arrived, from their bytes alone."""

    def __init__(self):
        self.digests, self.good = set(), set()
        self.n_read = self.n_damaged = self.n_trades = 0
        self.volume = {}  # symbol to base units traded
        self.sequences = {}  # symbol to the numbers held

    def add(self, lines, is_damaged):
        self.digests.add(hashlib.sha256(b"".join(lines)).hexdigest())
        for line, damaged in zip(lines, is_damaged, strict=True):
            self.n_read += 1
            self.n_damaged += damaged
            digest = hashlib.blake2b(line, digest_size=12).digest()
            if damaged or digest in self.good:
                continue
            self.good.add(digest)
            symbol, sequence = re.search(rb'"product_id":"([^"]+)","sequence":([0-9]+)', line).groups()
            self.sequences.setdefault(symbol.decode(), []).append(int(sequence))
            if b'"type":"match"' in line:
                message = json.loads(line)
                self.n_trades += 1
                self.volume[message["product_id"]] = self.volume.get(message["product_id"], 0) + Decimal(
                    message["size"]
                )

    @property
    def n_duplicate(self):
        return self.n_read - self.n_damaged - len(self.good)

    def holes(self):
        """``(symbol, first, last)`` of the numbers that lie between two held ones and are absent."""
        for symbol, numbers in self.sequences.items():
            numbers.sort()
            for before, after in itertools.pairwise(numbers):
                if after > before + 1:
                    yield symbol, before + 1, after - 1
