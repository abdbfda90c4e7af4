"""Values of records as Arrow columns of declared types; a value of another type costs its row, not the job."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from jobs.batch_records import NumberText, Record, Unreadable, json_text
from jobs.readers.refusal import shown

_NUMBER = re.compile(
    r"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|infinity|nan)\s*", re.IGNORECASE | re.ASCII
)
_WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_TRUTHS = {"true": True, "false": False}
REFUSAL = "__refusal"
REFUSAL_TYPE = pa.struct([("code", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True)
class Column:
    """A column to read: its type as ``DataType.simpleString`` says it; of ``features`` the fields of each element."""

    name: str
    type: str
    fields: tuple[str, ...] = ()  # of a STRUCT (type struct) or an ARRAY of them (type array<struct>): all DOUBLE

    @property
    def sql_type(self) -> str:
        """Type in SQL."""
        if not self.fields:
            return self.type
        struct = "struct<" + ",".join(f"`{name.replace('`', '``')}`:double" for name in self.fields) + ">"
        return struct if self.type == "struct" else f"array<{struct}>"


def to_batch(records: Sequence[Record], columns: Sequence[Column]) -> pa.RecordBatch:
    """The records as rows of ``columns``, and ``__refusal``: why a record, or a value of it, is unreadable."""
    refusals: dict[int, Unreadable] = {i: r for i, r in enumerate(records) if isinstance(r, Unreadable)}
    rows = [{} if isinstance(record, Unreadable) else record for record in records]
    arrays = [_array(column, [row.get(column.name) for row in rows], refusals) for column in columns]
    reasons = [refusals.get(i) for i in range(len(records))]
    arrays.append(pa.array([r._asdict() if r else None for r in reasons], REFUSAL_TYPE))
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Schema of what :func:`to_batch` returns."""
    return pa.schema([*((column.name, arrow_type(column)) for column in columns), (REFUSAL, REFUSAL_TYPE)])


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column."""
    if column.fields:
        struct = pa.struct([(name, pa.float64()) for name in column.fields])
        return struct if column.type == "struct" else pa.list_(struct)
    return _arrow_type(column.type)


def _arrow_type(type_: str) -> pa.DataType:
    if type_.startswith("array<"):
        return pa.list_(_arrow_type(type_[6:-1]))
    if match := _DECIMAL.fullmatch(type_):
        return pa.decimal128(int(match[1]), int(match[2]))
    return _SIMPLE[type_][0]


def is_known_type(type_: str) -> bool:
    """Whether a column of a file can be declared to be of this type."""
    return type_ in _SIMPLE or _DECIMAL.fullmatch(type_) is not None


def _array(column: Column, values: list[Any], refusals: dict[int, Unreadable]) -> pa.Array:
    type_, convert = arrow_type(column), _converter(column)
    try:
        return pa.array([None if value is None else convert(value) for value in values], type_)
    except (ValueError, TypeError, OverflowError):
        return _array_one_by_one(column, values, refusals)


def _array_one_by_one(column: Column, values: list[Any], refusals: dict[int, Unreadable]) -> pa.Array:
    type_, convert = arrow_type(column), _converter(column)
    good: list[Any] = []
    for row, value in enumerate(values):
        converted = None
        try:
            converted = None if value is None else convert(value)
            pa.scalar(converted, type_)
        except (ValueError, TypeError, OverflowError):
            converted = None
            reason = f"{column.name} = {_shown(value)} is no {column.type.upper()}"
            refusals.setdefault(row, Unreadable("BAD_VALUE", reason))
        good.append(converted)
    return pa.array(good, type_)


def _shown(value: Any) -> str:
    return shown(json_text(value) if isinstance(value, dict | list | NumberText) else value)


def _converter(column: Column) -> Callable[[Any], Any]:
    if column.fields:
        return _fields_of(column)
    if column.type.startswith("array<"):
        convert = _simple(column.type[6:-1])
        return lambda value: [convert(item) for item in (value if isinstance(value, tuple) else (value,))]
    return _simple(column.type)


def _simple(type_: str) -> Callable[[Any], Any]:
    return _to_decimal if _DECIMAL.fullmatch(type_) else _SIMPLE[type_][1]


def _fields_of(column: Column) -> Callable[[Any], Any]:
    def struct(value: Any) -> dict[str, float | None]:
        if not isinstance(value, dict):
            raise ValueError
        found = {name: value.get(name) for name in column.fields}
        return {name: None if item is None else to_double(item) for name, item in found.items()}

    def structs(value: Any) -> list[dict[str, float | None] | None]:
        if not isinstance(value, list):
            raise ValueError
        return [None if item is None else struct(item) for item in value]

    return struct if column.type == "struct" else structs


def to_double(value: Any) -> float:
    """A number, a truth value or a text that holds a number; NaN and Infinity are numbers.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            raise ValueError
        return float(value)
    if isinstance(value, int | float):  # a truth value is one
        return float(value)
    raise ValueError


def _to_whole(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError


def _to_text(value: Any) -> str:
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return json_text(value)


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return _to_text(value).encode()


def _to_truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUTHS:
        return _TRUTHS[value.strip().lower()]
    raise ValueError


def _to_instant(value: Any) -> datetime:
    """An ISO 8601 time; one without a zone is UTC."""
    if not isinstance(value, str) or isinstance(value, NumberText):
        raise ValueError
    time = datetime.fromisoformat(value.strip())
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _to_day(value: Any) -> date:
    if not isinstance(value, str) or isinstance(value, NumberText):
        raise ValueError
    return date.fromisoformat(value.strip())


def _to_decimal(value: Any) -> Decimal:
    """A number with all its digits; Arrow refuses one that its column would have to round."""
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        raise ValueError
    try:
        number = Decimal(value)
    except InvalidOperation as e:
        raise ValueError from e
    if not number.is_finite():
        raise ValueError
    return number


_SIMPLE: dict[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "double": (pa.float64(), to_double),
    "float": (pa.float32(), to_double),
    "bigint": (pa.int64(), _to_whole),
    "int": (pa.int32(), _to_whole),
    "string": (pa.string(), _to_text),
    "boolean": (pa.bool_(), _to_truth),
    "binary": (pa.binary(), _to_bytes),
    "timestamp": (pa.timestamp("us", "UTC"), _to_instant),
    "date": (pa.date32(), _to_day),
}
