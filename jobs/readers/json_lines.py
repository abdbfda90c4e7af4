"""JSON objects of lines, with every number as the text that was sent and repeated keys refused."""

from __future__ import annotations

import json
from typing import Any

from jobs.readers.lines import MAX_LINE_BYTES
from jobs.readers.refusal import Refusal, shown

_SPACE = " \t\r\n"


class RefusedLineError(Exception):
    """A line cannot be read; carries the ``Refusal``."""

    def __init__(self, refusal: Refusal) -> None:
        """Wrap ``refusal``."""
        super().__init__(refusal.reason)
        self.refusal = refusal


def decode_line(line: bytes) -> str:
    """The line as text.

    Raises:
        RefusedLineError: LINE_TOO_LONG, NUL_BYTE, NOT_UTF8 or BLANK_LINE.
    """
    if len(line) > MAX_LINE_BYTES:
        raise RefusedLineError(Refusal("LINE_TOO_LONG"))
    if b"\0" in line:
        raise RefusedLineError(Refusal("NUL_BYTE"))
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as e:
        raise RefusedLineError(
            Refusal("NOT_UTF8", f"byte 0x{line[e.start]:02x} at position {e.start} of the line")
        ) from e
    if not text or text.isspace():
        raise RefusedLineError(Refusal("BLANK_LINE"))
    return text


def parse_object(text: str, start: int = 0) -> dict[str, Any]:
    """The JSON object that fills ``text`` from ``start``; its numbers, and NaN and Infinity, stay text as sent.

    Raises:
        RefusedLineError: NOT_JSON, NOT_AN_OBJECT or DUPLICATE_KEY.
    """
    try:
        value, end = _scan(text, start)
        if end != len(text) and text[end:].strip(_SPACE):
            raise RefusedLineError(Refusal("NOT_JSON", f"more text follows at character {end + 1}"))
    except RefusedLineError as e:
        # A key that is there twice is found before the end of the text, and a line that was cut may go on.
        if e.refusal.code == "DUPLICATE_KEY" and not _is_json(text[start:]):
            raise RefusedLineError(Refusal("NOT_JSON")) from e
        raise
    except StopIteration as e:
        if text[start : start + 1] in _SPACE and text[start:].strip(_SPACE):
            return parse_object(text[start:].strip(_SPACE))
        raise RefusedLineError(Refusal("NOT_JSON")) from e
    except json.JSONDecodeError as e:
        raise RefusedLineError(Refusal("NOT_JSON", f"{e.msg} at character {e.pos + 1}")) from e
    except RecursionError as e:
        raise RefusedLineError(Refusal("NOT_JSON", "nested too deeply")) from e
    if type(value) is not dict:
        raise RefusedLineError(Refusal("NOT_AN_OBJECT"))
    return value


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object, for the hook of a JSON decoder.

    Raises:
        RefusedLineError: DUPLICATE_KEY.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedLineError(Refusal("DUPLICATE_KEY", f"field {shown(twice)}"))
    return fields


_decoder = json.JSONDecoder(object_pairs_hook=unique_keys, parse_float=str, parse_int=str, parse_constant=str)
_scan = _decoder.scan_once  # type: ignore[attr-defined]
