"""LOBSTER's order book files: row n is the book after message n of the message file beside it.

https://lobsterdata.com/info/DataStructure.php: ask price, ask size, bid price, bid size of each level, best first,
prices in 1/10000; a level that is not there has the price 9999999999 or -9999999999. The time is that of the message.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.readers.json_lines import RefusedLineError, decode_line
from jobs.readers.lines import Lines
from jobs.readers.mapped_csv import read_each
from jobs.readers.mapped_rows import MappedRows
from jobs.readers.price_levels import levels_text
from jobs.readers.refusal import Refusal, shown
from jobs.readers.schema import ReadLines
from models.errors import DataContractError

_UNIT = Decimal("0.0001")
_ABSENT = ("9999999999", "-9999999999")
_INTEGER = re.compile(r"-?[0-9]{1,10}")


def is_book(file_name: str) -> bool:
    """Whether a file of this name holds books."""
    return "_orderbook_" in file_name


def message_name(book_name: str) -> str:
    """Name of the message file of a book file."""
    return book_name.replace("_orderbook_", "_message_")


class LobsterBookReader:
    """Reads the lines of a book file together with those of the message file beside it."""

    def __init__(self, path: Path, rows: MappedRows) -> None:
        """Take the book file and what makes events of its message file's rows.

        Raises:
            DataContractError: there is no message file beside it.
        """
        self._rows = rows
        self._messages = path.with_name(message_name(path.name))
        if not self._messages.is_file():
            raise DataContractError(f"{path.name} has no {self._messages.name} beside it, which has its times")
        self._times = self._read_times()
        self._step = rows.mapping.sequence.step

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines."""
        events, refusals, is_open_end = read_each(lines, self._event)
        columns, refusals = self._rows.columns(events, refusals, lines.numbers)
        columns["sequence"] = pa.array(self._step * lines.numbers + 1)
        return ReadLines(columns, refusals, set(), is_open_end)

    def _event(self, line: bytes) -> dict[str, Any]:
        time = next(self._times, None)
        if time is None:
            raise RefusedLineError(Refusal("MISSING_FIELD", "the message of this book is absent"))
        levels = _levels(decode_line(line))
        return {"event": "snapshot", "event_time": time, "snapshot": levels, "symbol": self._rows.of_name["symbol"]}

    def _read_times(self) -> Iterator[str | None]:
        opened = gzip.open if self._messages.suffix == ".gz" else open
        names = self._rows.mapping.columns
        with opened(self._messages, "rt", encoding="utf-8", errors="replace") as messages:
            for line in messages:
                values = line.rstrip("\r\n").split(",")
                yield self._rows.time(dict(zip(names, values, strict=False)))


def _levels(line: str) -> str:
    values = line.split(",")
    if len(values) % 4 or not all(map(_INTEGER.fullmatch, values)):
        raise RefusedLineError(Refusal("NOT_CSV", f"{len(values)} columns, {shown(line)}"))
    sides = [
        [[_price(price), size] for price, size in zip(values[at::4], values[at + 1 :: 4], strict=True)
         if price not in _ABSENT and size != "0"]
        for at in (2, 0)
    ]  # fmt: skip
    return levels_text(*sides)


def _price(text: str) -> str:
    return format(Decimal(text) * _UNIT, "f")
