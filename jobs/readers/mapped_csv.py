"""CSV by a mapping: one row a line, the columns named by the first line or by the mapping."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import numpy as np

from jobs.readers.json_lines import RefusedLineError, decode_line
from jobs.readers.lines import Lines
from jobs.readers.mapped_rows import MappedRows
from jobs.readers.refusal import Refusal
from jobs.readers.schema import ReadLines
from models.errors import DataContractError


def read_each(
    lines: Lines, to_event: Callable[[bytes], dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[int, Refusal], np.ndarray]:
    """The event of each line (empty where it is refused), the refusals by row, and which line is pending."""
    events: list[dict[str, Any]] = [{} for _ in lines.lines]
    refusals: dict[int, Refusal] = {}
    for row, line in enumerate(lines.lines):
        try:
            events[row] = to_event(line)
        except RefusedLineError as e:
            refusals[row] = e.refusal
    is_open_end = np.zeros(len(lines.lines), dtype=bool)
    is_open_end[-1] = lines.is_last_open
    return events, refusals, is_open_end


class MappedCsvReader:
    """Reads the lines of one file from its first to its last.

    A field may stand in double quotes, but not go over a line's end. A last line without newline is pending: nothing
    tells a number that was cut in two from a whole one.
    """

    def __init__(self, rows: MappedRows) -> None:
        """Take what makes events of rows."""
        self._rows = rows
        self._names: tuple[str, ...] | None = rows.mapping.columns or None

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines."""
        events, refusals, is_open_end = read_each(lines, lambda line: self._rows.event(self._fields(line)))
        columns, refusals = self._rows.columns(events, refusals, lines.numbers)
        return ReadLines(columns, refusals, set(), is_open_end)

    def _fields(self, line: bytes) -> dict[str, str]:
        try:
            values = next(csv.reader([decode_line(line)], delimiter=self._rows.mapping.delimiter, strict=True))
        except csv.Error as e:
            raise RefusedLineError(Refusal("NOT_CSV", str(e))) from e
        if self._names is None:
            if len(set(values)) < len(values):
                raise DataContractError(
                    f"the first line names a column twice ({', '.join(values)[:200]}): mend the file"
                )
            self._names = tuple(values)
            raise RefusedLineError(Refusal("HEADER_LINE"))
        if len(values) != len(self._names):
            raise RefusedLineError(Refusal("NOT_CSV", f"{len(values)} columns instead of {len(self._names)}"))
        return dict(zip(self._names, values, strict=True))
