"""Instants read exactly from text: ISO 8601 with a zone, or time since 1970 in s, ms, µs or ns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np

EARLIEST_US = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000  # no exchange of today traded before
_DAY_US = 86_400_000_000
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?(?:\d\d)?)", re.ASCII
)
_EPOCH = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)


def parse_instant(text: str) -> int | None:
    """Microseconds since 1970 UTC, finer digits cut off; None where ``text`` is neither form or no such day exists.

    A number counts seconds below 1e11, milliseconds below 1e14, microseconds below 1e17, else nanoseconds: each
    unit covers the years 1973 to 5138. A time without a zone is refused: it would be a guess.

    >>> parse_instant("2018-01-21T00:00:00.123456789+09:00") == parse_instant("1516460400123456789")
    True
    """
    if _EPOCH.fullmatch(text):
        number = Decimal(text)
        unit_us = next(u for limit, u in _UNITS if limit is None or number < limit)
        return int(number * unit_us)
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    *parts, fraction, zone = match.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=_zone(zone))  # type: ignore[misc, arg-type]
        whole = (moment - _START) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return whole * 1_000_000 + int((fraction or "").ljust(6, "0")[:6])


def are_plausible(instants_us: np.ndarray, now_us: int) -> np.ndarray:
    """True from 2009 until a day after ``now_us``: what lies outside comes from a wrong unit or clock."""
    return np.asarray((instants_us >= EARLIEST_US) & (instants_us <= now_us + _DAY_US))


_START = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: list[tuple[Decimal | None, Decimal]] = [
    (Decimal(10) ** 11, Decimal(10) ** 6),
    (Decimal(10) ** 14, Decimal(10) ** 3),
    (Decimal(10) ** 17, Decimal(1)),
    (None, Decimal(10) ** -3),
]


def _zone(zone: str) -> timezone:
    if zone == "Z":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 14 or minutes > 59:
        raise ValueError(f"no such zone {zone}")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if zone[0] == "-" else ahead)
