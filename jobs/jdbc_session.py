"""A session of a JDBC server (HiveServer2's protocol, TCLIService.thrift), with values as the text spark-sql prints."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from ctypes import c_float
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jobs.spark_errors import from_text
from jobs.thrift_wire import BOOL, I16, I32, I64, MAP, STRING, STRUCT, Connection, Struct
from models.errors import DataContractError, ForetableError, TryAgainError

_PROTOCOL = 9  # HIVE_CLI_SERVICE_PROTOCOL_V10: results as columns
_STATUS, _ERROR_STATES = (0, 1), (3, 4, 5, 8)  # SUCCESS, SUCCESS_WITH_INFO; CANCELED, CLOSED, ERROR, TIMEDOUT
_FINISHED = 2
_FLOAT_TYPE = 5
# What HiveServer2 puts before the message: its own class, and the condition and class of Spark's exception.
_WRAPPING = re.compile(
    r"^(?:[\w.$]+Exception: )?(?:Error running query: (?:\[[A-Z_][\w.]*\] )?(?:[\w.$]+Exception:\s)?)?"
)
# A stopping server cancels what runs; one that is killed takes its context down under it.
_STOPPED = re.compile(r"SparkContext was shut ?down|stopped SparkContext|part of cancellation of all jobs")
_ROWS_A_FETCH = 5_000
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Result:
    """What a statement answers: column names and rows of text, ``None`` for NULL. ``is_table`` is False for DDL."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[str | None, ...]]
    is_table: bool


class JdbcSession:
    """One session; statements run one after another."""

    def __init__(self, connection: Connection, user: str, schema: str, variables: Mapping[str, str]) -> None:
        """Open the session in ``schema``; ``variables`` replace ``${key}`` in statements, as in spark-sql."""
        settings = {"use:database": schema, **{f"set:hivevar:{name}": value for name, value in variables.items()}}
        self._connection = connection
        request: Struct = {1: (I32, _PROTOCOL), 2: (STRING, user), 3: (STRING, user), 4: (MAP, settings)}
        answer = self._call("OpenSession", request)
        self._session = _handle(answer[3])
        self._operation: Struct | None = None

    def execute(self, statement: str) -> Result:
        """Run one statement and wait for it.

        Raises:
            ForetableError: the statement failed, in one sentence.
            KeyboardInterrupt: passed on, once the query is cancelled.
        """
        self._close_operation()
        request: Struct = {1: (STRUCT, self._session), 2: (STRING, statement), 4: (BOOL, True)}
        answer = self._call("ExecuteStatement", request)
        self._operation = _operation_handle(answer[2])
        try:
            self._wait(self._operation)
            return self._result(self._operation)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel the statement that runs, if one does."""
        if self._operation:
            self._call("CancelOperation", {1: (STRUCT, self._operation)})

    def close(self) -> None:
        """End the session and hang up."""
        try:
            self._close_operation()
            self._call("CloseSession", {1: (STRUCT, self._session)})
        except (OSError, ForetableError):
            pass  # the server is gone, and the session with it
        self._connection.close()

    def _wait(self, operation: Struct) -> None:
        while True:
            answer = self._call("GetOperationStatus", {1: (STRUCT, operation)})
            state = answer.get(2)
            if state == _FINISHED:
                return
            if state in _ERROR_STATES:
                raise server_error(
                    answer.get(5, b"").decode(errors="replace") or "the statement was cancelled by the server"
                )
            time.sleep(_POLL_SECONDS)

    def _result(self, operation: Struct) -> Result:
        schema = self._call("GetResultSetMetadata", {1: (STRUCT, operation)})[2][1]
        names = tuple(column[1].decode() for column in schema)
        kinds = [column[2][1][0][1][1] for column in schema]
        rows = self._fetch(operation, kinds)
        first = next(rows, None)
        # A statement without a result, such as CREATE VIEW, comes as an empty table with this one column.
        is_table = names != ("Result",) or first is not None
        return Result(names, _chain(first, rows), is_table)

    def _fetch(self, operation: Struct, kinds: list[int]) -> Iterator[tuple[str | None, ...]]:
        request: Struct = {1: (STRUCT, operation), 2: (I32, 0), 3: (I64, _ROWS_A_FETCH), 4: (I16, 0)}
        while True:
            columns = self._call("FetchResults", request)[3].get(3, [])
            if not columns:  # a statement without a result
                return
            texts = [_texts(column, kind) for column, kind in zip(columns, kinds, strict=True)]
            if not texts[0]:
                return
            yield from zip(*texts, strict=True)

    def _close_operation(self) -> None:
        operation, self._operation = self._operation, None
        if operation:
            self._call("CloseOperation", {1: (STRUCT, operation)})

    def _call(self, method: str, request: Struct) -> dict[int, Any]:
        try:
            answer = self._connection.call(method, request)
        except ConnectionError as e:
            raise TryAgainError("the connection to the server broke: see foretable serve, then run again") from e
        status = answer[1]
        if status[1] not in _STATUS:
            raise server_error(status.get(5, b"").decode(errors="replace"))
        return answer


def server_error(text: str) -> ForetableError:
    """The error in one sentence; the server sends conditions, class names and a trace around it."""
    if _STOPPED.search(text):
        return TryAgainError("the server stopped while the statement ran: run again once foretable serve is up")
    message = _WRAPPING.sub("", text.split("\n\tat ")[0]).strip()
    first_line = (message.splitlines() or ["no reason given"])[0]
    return from_text(message) or DataContractError(f"the server refused the statement: {first_line[:300]}")


def _chain(first: tuple[str | None, ...] | None, rows: Iterator[tuple[str | None, ...]]) -> Iterator[Any]:
    if first is not None:
        yield first
        yield from rows


def _handle(handle: Mapping[int, Any]) -> Struct:
    """A decoded session handle, ready to be sent back."""
    identifier = handle[1]
    return {1: (STRUCT, {1: (STRING, identifier[1]), 2: (STRING, identifier[2])})}


def _operation_handle(handle: Mapping[int, Any]) -> Struct:
    return {**_handle(handle), 2: (I32, handle[2]), 3: (BOOL, handle[3])}


def _texts(column: Mapping[int, Any], kind: int) -> list[str | None]:
    """The values of one TColumn as text; its only field is the one of the value's type."""
    ((field, content),) = column.items()
    values, nulls = content[1], content.get(2, b"")
    if field == 1:
        texts = ["true" if value else "false" for value in values]
    elif field == 6:
        texts = [java_text(value, is_float=kind == _FLOAT_TYPE) for value in values]
    elif field in (7, 8):
        texts = [value.decode(errors="replace") for value in values]
    else:
        texts = [str(value) for value in values]
    return [None if _is_set(nulls, i) else text for i, text in enumerate(texts)]


def _is_set(bits: bytes, i: int) -> bool:
    return i // 8 < len(bits) and bool(bits[i // 8] & (1 << (i % 8)))


def java_text(value: float, is_float: bool = False) -> str:
    """A number as Java, hence spark-sql, writes it.

    >>> java_text(0.0001), java_text(12345678.9), java_text(2.0), java_text(float("nan"))
    ('1.0E-4', '1.23456789E7', '2.0', 'NaN')
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    number = Decimal(_shortest_float(value) if is_float else repr(value))
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(number, "f")
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = number.normalize().as_tuple()
    assert isinstance(exponent, int)  # finite
    fraction = "".join(str(digit) for digit in digits[1:]) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{exponent + len(digits) - 1}"


def _shortest_float(value: float) -> str:
    """The fewest digits that name this 32-bit number."""
    single = c_float(value).value
    return next(text for n in range(1, 10) if c_float(float(text := f"{value:.{n}g}")).value == single)
