"""Fields of many messages, cast column by column from text with a check; what does not pass is refused row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.decimals import parse_decimal
from jobs.readers.flat_json import flat_texts
from jobs.readers.instants import are_plausible, parse_instant
from jobs.readers.refusal import Refusal, shown

PRICE = pa.decimal128(18, 8)
FUNDS = pa.decimal128(38, 18)
INSTANT = pa.timestamp("us", tz="UTC")
MAX_BIGINT = 2**63 - 1
_PLAIN_ISO = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"
_INTEGER = re.compile(r"[0-9]{1,40}")


class MessageColumns:
    """A batch of messages under check. A row keeps its first refusal; a refused row is checked no further."""

    def __init__(self, messages: list[dict[str, Any]] | pa.Table, refusals: dict[int, Refusal]) -> None:
        """Take one dict a row, empty where it is refused, or a table of ``read_flat``; and the refusals by row."""
        self.messages = messages
        self.refusals = refusals
        self.is_refused = np.zeros(len(messages), dtype=bool)
        self.is_refused[list(refusals)] = True

    def refuse(self, rows: Iterable[int], code: str, about: Callable[[int], str]) -> None:
        """Refuse ``rows`` with ``code``; ``about(row)`` names the field and value."""
        for row in map(int, rows):
            if not self.is_refused[row]:
                self.refusals[row] = Refusal(code, about(row))
                self.is_refused[row] = True

    def texts(self, field: str) -> pa.Array:
        """The field as text: numbers as sent; NULL where absent, null or empty. Refuses the rest (BAD_VALUE)."""
        if isinstance(self.messages, pa.Table):
            return flat_texts(self.messages, field)
        values = [message.get(field) or None for message in self.messages]
        try:
            return pa.array(values, pa.string())
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            odd = {row: value for row, value in enumerate(values) if not _is_text(value)}
            self.refuse(odd, "BAD_VALUE", lambda row: f"{field} = {shown(odd[row])}")
            return pa.array([None if row in odd else value for row, value in enumerate(values)], pa.string())

    def require(self, column: pa.Array, field: str, where: np.ndarray) -> None:
        """Refuse rows of ``where`` whose ``column`` is NULL (MISSING_FIELD)."""
        if column.null_count:
            self.refuse(np.flatnonzero(where & _nulls(column)), "MISSING_FIELD", lambda row: f"{field} is absent")

    def choice(self, column: pa.Array, field: str, allowed: Collection[str]) -> pa.Array:
        """Refuse values outside ``allowed`` (BAD_VALUE); NULL passes."""
        outside = ~_nulls(column) & ~_bools(pc.is_in(column, pa.array(allowed, pa.string())))
        self._refuse_values(outside, column, field, "BAD_VALUE")
        return column

    def decimals(
        self, column: pa.Array, field: str, kind: pa.Decimal128Type = PRICE, is_binary: bool = False
    ) -> pa.Array:
        """Exact decimals of any sign. Refuses BAD_NUMBER, TOO_LARGE and OVER_PRECISE."""
        scale, digits = kind.scale, kind.precision - kind.scale
        odd = _rows_unlike(column, rf"^[0-9]{{1,{digits}}}(\.[0-9]{{1,{scale}}}0*)?$")
        if len(odd):
            texts = column.to_pylist()
            for row in odd:
                number = parse_decimal(texts[row], scale, digits, is_binary)
                if isinstance(number, str):
                    self.refuse([row], number, lambda row: f"{field} = {shown(column[row].as_py())}")
                texts[row] = None if isinstance(number, str) else format(number, "f")
            return pa.array(texts, pa.string()).cast(kind)
        return column.cast(kind)

    def refuse_below(self, column: pa.Array, field: str, code: str, where: np.ndarray, zero_too: bool) -> None:
        """Refuse negative values of the rows ``where``, and zeros if ``zero_too``."""
        zero = pa.scalar(Decimal(0), column.type)
        low = _bools((pc.less_equal if zero_too else pc.less)(column, zero)) & where
        self._refuse_values(low, column, field, code)

    def integers(self, column: pa.Array, field: str) -> pa.Array:
        """BIGINTs from 0 on. Refuses BAD_SEQUENCE."""
        odd = _rows_unlike(column, r"^[0-9]{1,18}$")
        if len(odd):
            texts = column.to_pylist()
            for row in odd:
                number = int(texts[row]) if _INTEGER.fullmatch(texts[row]) else MAX_BIGINT + 1
                if number > MAX_BIGINT:
                    self.refuse([row], "BAD_SEQUENCE", lambda row: f"{field} = {shown(column[row].as_py())}")
                texts[row] = None if number > MAX_BIGINT else str(number)
            column = pa.array(texts, pa.string())
        return column.cast(pa.int64())

    def instants(self, column: pa.Array, field: str, now_us: int) -> pa.Array:
        """UTC instants, cut to microseconds. Refuses BAD_TIME: unreadable, before 2009, more than a day after now."""
        instants = _plain_instants(column)
        odd = np.flatnonzero(_nulls(instants) & ~_nulls(column))
        if len(odd):
            values = instants.cast(pa.int64()).to_pylist()
            for row in odd:
                values[row] = parse_instant(column[int(row)].as_py())
            instants = pa.array([v if v is not None and v <= MAX_BIGINT else None for v in values], pa.int64())
        numbers = instants.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        wrong = ~_nulls(column) & ~are_plausible(numbers, now_us)
        self._refuse_values(wrong, column, field, "BAD_TIME")
        return instants.cast(INSTANT)

    def _refuse_values(self, rows: np.ndarray, column: pa.Array, field: str, code: str) -> None:
        def reason(row: int) -> str:
            value = column[row].as_py()
            text = f"{value:f}" if isinstance(value, Decimal) else str(value)  # never 0E-8
            return f"{field} = {shown(text)}"

        self.refuse(np.flatnonzero(rows), code, reason)


def _plain_instants(column: pa.Array) -> pa.Array:
    """The usual ``2018-03-25T00:00:00.002Z`` at Arrow's speed; NULL for every other text."""
    plain = pc.if_else(pc.match_substring_regex(column, _PLAIN_ISO), column, pa.scalar(None, pa.string()))
    try:
        return plain.cast(pa.timestamp("ns", tz="UTC")).cast(INSTANT, safe=False)
    except pa.ArrowInvalid:  # one of them names no real day: the caller reads each by itself
        return pa.nulls(len(column), INSTANT)


def _rows_unlike(column: pa.Array, pattern: str) -> np.ndarray:
    return np.flatnonzero(~_bools(pc.fill_null(pc.match_substring_regex(column, pattern), True)))


def _nulls(column: pa.Array) -> np.ndarray:
    return _bools(pc.is_null(column))


def _bools(column: pa.Array) -> np.ndarray:
    return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def _is_text(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and UTF-8 cannot
        return False
    return True
