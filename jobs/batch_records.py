"""One file to its records: each line, row or record is a ``dict`` of what it holds, or ``Unreadable`` and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from jobs.readers.byte_stream import ByteStream
from jobs.readers.json_lines import RefusedLineError, decode_line, unique_keys
from jobs.readers.lines import split_lines
from jobs.readers.refusal import Refusal

_INT64 = range(-(2**63), 2**63)
_RECORDS_A_BATCH = 2_048


class Unreadable(NamedTuple):
    """A record that cannot be read: a code (README lists them) and a sentence with file and line."""

    code: str
    reason: str


class NumberText(str):
    """A number as it stands in JSON, so that no digit is lost."""

    __slots__ = ()


Record = dict[str, Any] | Unreadable


def read_records(stream: ByteStream, format_: str) -> Iterator[list[Record]]:
    """Batches of records in the order of the file, the file read once.

    Where the file breaks off, or its bytes are damaged so that nothing after them can be read, one more record says so.
    """
    if format_ == "jsonl":
        yield from _json_records(stream)
    elif format_ == "csv":
        from jobs.batch_csv import csv_records

        yield from csv_records(stream)
    else:
        yield from _tfrecords(stream)
    if stream.state == "truncated":
        yield [
            Unreadable("CUT_OFF", f"{stream.path.name} breaks off in its gzip data: copy it again, more lines are lost")
        ]
    elif stream.state == "corrupt":
        yield [Unreadable("DAMAGED", f"{stream.path.name} has damaged gzip data: copy it again, more lines are lost")]


def _json_records(stream: ByteStream) -> Iterator[list[Record]]:
    for lines in split_lines(stream.blocks()):
        records: list[Record] = []
        for number, line in zip(lines.numbers, lines.lines, strict=True):
            try:
                records.append(parse_object(decode_line(line)))
            except RefusedLineError as e:
                records.append(at_line(stream, int(number), e.refusal.code, e.refusal.reason))
        yield records


def _tfrecords(stream: ByteStream) -> Iterator[list[Record]]:
    from jobs.tfrecord import DamagedError, read_records
    from jobs.tfrecord_example import NotAnExampleError, decode_example

    records: list[Record] = []
    number = 0
    try:
        for number, (data, is_intact) in enumerate(read_records(stream.blocks()), start=1):
            place = f"{stream.path.name} record {number}"
            if not is_intact:
                records.append(Unreadable("DAMAGED", f"{place}: its CRC is wrong, copy the file again"))
            else:
                try:
                    records.append(decode_example(data))
                except NotAnExampleError as e:
                    records.append(Unreadable("NOT_AN_EXAMPLE", f"{place} is no tf.train.Example: {e}"))
            if len(records) == _RECORDS_A_BATCH:
                yield records
                records = []
    except DamagedError as e:
        if stream.state == "complete":  # else the gzip layer says it better
            records.append(
                Unreadable("DAMAGED", f"{stream.path.name} after record {number}: {e}; more records may be lost")
            )
            for _ in stream.blocks():  # the digest covers the whole file
                pass
    yield records


def at_line(stream: ByteStream, number: int, code: str, reason: str) -> Unreadable:
    """What is wrong with a line of the file."""
    return Unreadable(code, f"{stream.path.name} line {number}: {reason}")


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object of a line. Whole numbers of 64 bits are ``int``, other numbers ``NumberText``, NaN is a number.

    Raises:
        RefusedLineError: NOT_JSON, NOT_AN_OBJECT or DUPLICATE_KEY.
    """
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as e:
        raise RefusedLineError(Refusal("NOT_JSON", f"{e.msg} at character {e.pos + 1}")) from e
    except RecursionError as e:
        raise RefusedLineError(Refusal("NOT_JSON", "nested too deeply")) from e
    if type(value) is not dict:
        raise RefusedLineError(Refusal("NOT_AN_OBJECT"))
    return value


def json_text(value: Any) -> str:
    """A value of :func:`parse_object` as JSON again, its numbers as they stood there."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{json_text(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return str(value) if isinstance(value, NumberText) else json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> int | NumberText:
    if len(text) < 20 and (number := int(text)) in _INT64:
        return number
    return NumberText(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_float=NumberText, parse_int=_whole, parse_constant=NumberText
)
