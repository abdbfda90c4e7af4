"""The accounting of an ingest, line by line, by the documents: nothing of the code under test is called here."""

import hashlib
import itertools
from dataclasses import dataclass, field

from expected_events import COLUMNS, BitstampLines, CoinbaseLines
from expected_lines import UNFINISHED, RefusedError, lines_of, raw_text, uncompressed

READERS = {"coinbase_full": CoinbaseLines, "bitstamp_log": BitstampLines}


@dataclass
class ExpectedFile:
    """What should become of a file; ``rows``, ``refused`` and the counts are those of its lines."""

    name: str
    digest: str
    state: str
    n_read: int = 0
    n_duplicate: int = 0
    n_pending: int = 0
    rows: list = field(default_factory=list)  # (place, row) of the good lines that may land
    good: dict = field(default_factory=dict)  # byte offset to the row of orders
    refused: dict = field(default_factory=dict)  # byte offset to (line number, codes it may have, raw text)

    @property
    def counts(self):
        counts = (self.n_read, len(self.good), len(self.refused), self.n_duplicate, self.n_pending)
        return (self.state, *counts)


def read(name, data, format_, now):
    """A file on its own: repetitions of what other files hold are not known yet."""
    text, state = uncompressed(data)
    lines = list(lines_of(text))
    reader = READERS[format_]([line for _, _, line, _ in lines], now)
    file = ExpectedFile(name, hashlib.sha256(data).hexdigest(), state, n_read=len(lines))
    for number, offset, line, has_newline in lines:
        try:
            file.rows.append(((number, offset, raw_text(line)), reader.row(number, line)))
        except RefusedError as e:
            if not has_newline and e.codes & UNFINISHED:
                file.n_pending = 1
            else:
                file.refused[offset] = (number, e.codes, raw_text(line))
    if state == "complete":
        file.state = "truncated" if file.n_pending else "complete" if lines else "empty"
    return file


class Ledger:
    """Everything that one exchange has sent so far."""

    def __init__(self, format_, now):
        self.format, self.now = format_, now
        self.is_numbered = READERS[format_].is_numbered
        self.files = {}  # digest to file
        self.held = {}  # key to content
        self.good_contents = set()

    def ingest(self, named):
        """One run over ``named`` files (name to bytes): those that are new, in the order of their names."""
        fresh = []
        for name, data in sorted(named.items()):
            file = read(name, data, self.format, self.now)
            if file.digest not in self.files:
                self.files[file.digest] = file
                fresh.append(file)
        in_conflict = set()  # contents
        for file in fresh:
            for place, row in file.rows:
                self._decide(file, place, row, in_conflict)
        return fresh

    def _decide(self, file, place, row, in_conflict):
        number, offset, text = place
        key, content = row[:3], row if self.is_numbered else (*row[:2], *row[3:])
        if content in self.good_contents:
            file.n_duplicate += 1
        elif content in in_conflict or key in self.held:
            in_conflict.add(content)
            file.refused[offset] = (number, {"KEY_CONFLICT"}, text)
        else:
            self.good_contents.add(content)
            self.held[key] = row
            file.good[offset] = row

    def holes(self):
        """``(symbol, first, last)`` of the sequence numbers absent between events held."""
        symbols = {}
        for symbol, _, sequence in self.held:
            symbols.setdefault(symbol, []).append(sequence)
        for symbol, sequences in symbols.items():
            sequences.sort()
            for before, after in itertools.pairwise(sequences):
                if after > before + 1:
                    yield symbol, before + 1, after - 1

    def trades(self):
        """``(symbol, trade_id)`` of the matches."""
        event, trade_id = COLUMNS.index("event"), COLUMNS.index("trade_id")
        return {(row[0], row[trade_id]) for row in self.held.values() if row[event] == "match"}
