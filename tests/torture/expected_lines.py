"""What the documents say about any file, in the plainest way: its text, its lines, and the JSON object of a line."""

import gzip
import json
import re
import zlib
from datetime import UTC, datetime
from decimal import Decimal

LONGEST_LINE_BYTES = 1 << 22
LONGEST_RAW_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"
UNFINISHED = {"NOT_JSON", "NUL_BYTE", "NOT_UTF8", "NOT_A_LOG_LINE"}  # of a last line without newline: it may go on
EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)


class RefusedError(Exception):
    """The line is refused with one of ``codes``."""

    def __init__(self, *codes):
        super().__init__(codes)
        self.codes = set(codes)


def uncompressed(data):
    """Text of the file, as far as it can be had, and what became of its gzip stream."""
    if not data.startswith(b"\x1f\x8b"):
        return data, "complete"
    text, place = bytearray(), 0
    while place < len(data):
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while not member.eof:
            if place == len(data):
                return bytes(text), "truncated"
            try:
                text += member.decompress(data[place : place + 1])
            except zlib.error:
                return bytes(text), "corrupt"
            place += 1
        while data[place : place + 1] == b"\0":
            place += 1
    assert gzip.decompress(data) == text
    return bytes(text), "complete"


def lines_of(text):
    """``(number, offset, line, has_newline)`` of each line, without its line end and the byte order mark."""
    place, number = 0, 0
    while place < len(text):
        number += 1
        end = text.find(b"\n", place)
        line = text[place:] if end < 0 else text[place:end]
        offset, place = place, len(text) if end < 0 else end + 1
        if number == 1 and line.startswith(BOM):
            if line == BOM and end < 0:
                return
            line = line[len(BOM) :]
        yield number, offset, line.removesuffix(b"\r"), end >= 0


def raw_text(line):
    """A line as the quarantine shows it."""
    start = line[:LONGEST_RAW_BYTES].decode("utf-8", errors="backslashreplace")
    return start.replace("\0", "\\x00")


def decoded(line):
    if len(line) > LONGEST_LINE_BYTES:
        raise RefusedError("LINE_TOO_LONG")
    if b"\0" in line:
        raise RefusedError("NUL_BYTE")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise RefusedError("NOT_UTF8") from None
    if not text.strip():
        raise RefusedError("BLANK_LINE")
    return text


def json_object(text):
    """Fields of the one JSON object of a text; numbers as they were written."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise RefusedError("NOT_JSON") from None
    if not isinstance(value, dict):
        codes = {"NOT_AN_OBJECT"} | ({"DUPLICATE_KEY"} if _has_twice(text) else set())
        raise RefusedError(*codes)
    if _has_twice(text):
        raise RefusedError("DUPLICATE_KEY")
    return value


def _has_twice(text):
    found = []

    def look(pairs):
        found.append(len({name for name, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=look, parse_int=str)
    return any(found)


class Fields:
    """Values of a message read as text, with the codes of what is wrong in them."""

    def __init__(self, message):
        self.message, self.codes = message, set()

    def text(self, name):
        value = self.message.get(name) or None
        if value is not None and (not isinstance(value, str) or re.search("[\ud800-\udfff]", value)):
            self.codes.add("BAD_VALUE")
            return None
        return value

    def need(self, *values):
        """Note that a field is absent where all of ``values`` are."""
        if all(value is None for value in values):
            self.codes.add("MISSING_FIELD")

    def one_of(self, value, *allowed):
        if value is not None and value not in allowed:
            self.codes.add("BAD_VALUE")

    def number(self, text, whole_digits=10, places=8, is_double=False):
        """Exact decimal of a text; where it was a double, its last digits may be noise."""
        if text is None:
            return None
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?", text) or abs(float(text)) > 1e308:
            self.codes.add("BAD_NUMBER")
            return None
        value = Decimal(text)
        if value and value.adjusted() >= whole_digits:
            self.codes.add("TOO_LARGE")
            return None
        cut = Decimal(format(value, f".{places}f"))  # to the even neighbour, as a decimal is quantized
        if cut != value and not (is_double and float(cut) == float(text)):
            self.codes.add("OVER_PRECISE")
        if abs(cut) >= 10**whole_digits:
            self.codes.add("TOO_LARGE")
        return cut

    def above(self, value, code, zero_too):
        if value is not None and (value <= 0 if zero_too else value < 0):
            self.codes.add(code)

    def whole(self, text):
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,40}", text) or int(text) >= 2**63:
            self.codes.add("BAD_SEQUENCE")
            return None
        return int(text)

    def instant(self, text, now):
        value = instant_us(text)
        if text is not None and not is_plausible(value, now):
            self.codes.add("BAD_TIME")
        return value


def is_plausible(us, now):
    return us is not None and EARLIEST.timestamp() * 1e6 <= us <= (now.timestamp() + 86_400) * 1e6


def instant_us(text):
    """Microseconds since 1970 of ISO 8601 with a zone, or of a number of s, ms, µs or ns."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        number = Decimal(text)
        for limit, per_second in ((10**11, 1), (10**14, 10**3), (10**17, 10**6)):
            if number < limit:
                return int(number * 10**6 / per_second)
        return int(number / 1000)
    form = (
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]{1,9})?\s?(Z|[+-][0-9]{2}:?([0-9]{2})?)"
    )
    found = re.fullmatch(form, text)
    if found is None:
        return None
    day, clock, fraction, zone = found.group(1, 2, 3, 4)
    sign = "" if zone == "Z" else zone[0]
    hours, minutes = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[3:].lstrip(":") or 0))
    if hours > 14 or minutes > 59:
        return None
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}+00:00")
    except ValueError:
        return None
    ahead = (hours * 60 + minutes) * 60 * (-1 if sign == "-" else 1)
    return (int(moment.timestamp()) - ahead) * 10**6 + int((fraction or ".0")[1:].ljust(6, "0")[:6])
