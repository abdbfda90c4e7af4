"""CSV as RFC 4180 has it: the first line names the columns, a field in quotes may hold commas, quotes and lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jobs.batch_records import Record, at_line
from jobs.readers.byte_stream import ByteStream
from jobs.readers.json_lines import RefusedLineError, decode_line
from jobs.readers.lines import MAX_LINE_BYTES, split_lines
from models.errors import DataContractError


class _Line(NamedTuple):
    number: int
    data: bytes


class _NotARowError(Exception):
    """The text is no row of this table; carries the code."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_header(path: Path) -> list[str]:
    """Names of the columns of a file.

    Raises:
        DataContractError: there is no header, or it names a column twice or not at all.
    """
    for lines in split_lines(ByteStream(path, path.stat().st_size).blocks()):
        try:
            return _header(path, lines.lines[0])
        except RefusedLineError as e:
            raise DataContractError(f"the header of {path} cannot be read: {e.refusal.reason}") from e
    raise DataContractError(f"{path} is empty: its first line must name the columns")


def csv_records(stream: ByteStream) -> Iterator[list[Record]]:
    """Rows of a file as text by column; an empty field is None."""
    names: list[str] = []
    held: list[_Line] = []  # of a row with an open quote
    for lines in split_lines(stream.blocks()):
        numbered = [_Line(int(number), line) for number, line in zip(lines.numbers, lines.lines, strict=True)]
        if not names:
            names = _header(stream.path, numbered.pop(0).data)
        records, held = _rows(stream, names, held + numbered)
        yield records
    while held:
        records, held = _give_up(stream, names, held)
        yield records


def _rows(stream: ByteStream, names: list[str], lines: list[_Line]) -> tuple[list[Record], list[_Line]]:
    """Records of the lines, and the lines of a last row whose quote is still open."""
    records: list[Record] = []
    at = 0
    while at < len(lines):
        end = _end_of_row(lines, at)
        if end is None:
            held = lines[at:]
            if sum(len(line.data) for line in held) <= MAX_LINE_BYTES:
                return records, held
            end = at  # the quote is never closed: it costs one line
        try:
            records.append(_row(names, b"\n".join(line.data for line in lines[at : end + 1])))
        except _NotARowError as e:
            end = at  # what follows may be rows of their own
            records.append(at_line(stream, lines[at].number, e.code, str(e)))
        at = end + 1
    return records, []


def _give_up(stream: ByteStream, names: list[str], held: list[_Line]) -> tuple[list[Record], list[_Line]]:
    """The file has ended within a quote: its line is no row, those behind it may be."""
    first: Record = at_line(stream, held[0].number, "OPEN_QUOTE", "a quote is opened and never closed")
    records, rest = _rows(stream, names, held[1:])
    return [first, *records], rest


def _end_of_row(lines: list[_Line], at: int) -> int | None:
    """The line with which a row ends: where its quotes are even; None where that is not among the lines."""
    is_open, n_bytes = False, 0
    for i in range(at, len(lines)):
        data = lines[i].data
        n_bytes += len(data)
        if data.count(b'"') % 2:
            is_open = not is_open
        if not is_open:
            return i
        if n_bytes > MAX_LINE_BYTES:
            return None
    return None


def _row(names: list[str], data: bytes) -> Record:
    try:
        text = decode_line(data)
    except RefusedLineError as e:
        raise _NotARowError(e.refusal.code, e.refusal.reason) from e
    fields = text.split(",") if '"' not in text else _quoted(text)
    if len(fields) != len(names):
        raise _NotARowError("FIELD_COUNT", f"the row has {len(fields)} fields, the header names {len(names)}")
    return {name: field or None for name, field in zip(names, fields, strict=True)}


def _quoted(text: str) -> list[str]:
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as e:
        open_quote = text.count('"') % 2
        raise _NotARowError(
            "OPEN_QUOTE" if open_quote else "BAD_QUOTES", f"the quotes of the row do not fit: {e}"
        ) from e


def _header(path: Path, line: bytes) -> list[str]:
    text = decode_line(line)
    names = text.split(",") if '"' not in text else next(csv.reader([text]))
    names = [name.strip() for name in names]
    lowered = [name.lower() for name in names]
    if "" in names:
        raise DataContractError(f"the header of {path} leaves column {names.index('') + 1} without a name: name it")
    if twice := [name for name in names if lowered.count(name.lower()) > 1]:
        raise DataContractError(f"the header of {path} names {twice[0]} twice: rename one")
    return names
