"""Numbers and instants as people read them; a value that is not there is an en dash."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

MISSING = "–"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Unit:
    """How values of a label are shown: multiplied by ``scale`` and named ``name`` (empty for the label's own unit)."""

    name: str
    scale: float

    @property
    def squared(self) -> str:
        """Name of the unit of a squared error."""
        return f"{self.name}²" if self.name else ""


def unit_of(label: str) -> Unit:
    """Returns are shown in basis points (1 bps = 0.0001), every other label in its own unit.

    >>> unit_of("return_5m").name, unit_of("is_up_5m").name
    ('bps', '')
    """
    return Unit("bps", 1e4) if "return" in label else Unit("", 1.0)


def is_missing(value: Any) -> bool:
    """Whether a scalar is None, NaN, NaT or pandas' NA."""
    return value is None or bool(pd.isna(value))


def whole(value: Any) -> str:
    """A count with thousands separated.

    >>> whole(1234567), whole(None)
    ('1,234,567', '–')
    """
    return MISSING if is_missing(value) else _minus(f"{int(value):,}")


def number(value: Any, digits: int = 4) -> str:
    """A number with that many significant digits, thousands separated, powers of ten only for extremes.

    >>> number(0.0012345), number(-12345.678), number(1.5e-9), number(float("nan")), number(0)
    ('0.001234', '−12,346', '1.500e−9', '–', '0')
    """
    if is_missing(value):
        return MISSING
    number = float(value)
    size = abs(number)
    if number == 0:
        return "0"
    if not 1e-5 <= size < 1e15:
        mantissa, _, exponent = f"{number:.{digits - 1}e}".partition("e")
        return _minus(f"{mantissa}e{int(exponent)}" if exponent else mantissa)
    if size >= 10 ** (digits - 1):
        return _minus(f"{number:,.0f}")
    return _minus(f"{number:#.{digits}g}".rstrip("."))


def fixed(value: Any, decimals: int) -> str:
    """A number with fixed decimals, so that a column of them lines up.

    >>> fixed(-0.5, 3)
    '−0.500'
    """
    return MISSING if is_missing(value) else _minus(f"{float(value):,.{decimals}f}")


def percent(share: Any, decimals: int = 1) -> str:
    """A share as a percentage.

    >>> percent(0.5), percent(0.00012, 2)
    ('50.0\\xa0%', '0.01\\xa0%')
    """
    return MISSING if is_missing(share) else _minus(f"{100 * float(share):,.{decimals}f}\N{NO-BREAK SPACE}%")


def instant(time: Any) -> str:
    """An instant in UTC to the minute; a naive one is UTC already.

    >>> instant("2024-01-01T12:30:59+02:00")
    '2024-01-01 10:30'
    """
    return MISSING if is_missing(time) else pd.to_datetime(time, utc=True).strftime("%Y-%m-%d %H:%M")


def seconds(n_seconds: Any) -> str:
    """A bar width.

    >>> seconds(10), seconds(60), seconds(3600)
    ('10 s', '1 min', '1 h')
    """
    n = int(n_seconds)
    if n % 3600 == 0:
        return f"{n // 3600} h"
    return f"{n // 60} min" if n % 60 == 0 else f"{n} s"


def text(value: Any) -> str:
    """Any value as HTML text, escaped."""
    return MISSING if is_missing(value) else escape(str(value))


def _minus(digits: str) -> str:
    return digits.replace("-", MINUS)
