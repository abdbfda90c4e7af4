"""Decimal numbers read exactly from text: refused rather than rounded."""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_EXACT = Context(prec=60)


def parse_decimal(text: str, scale: int, integer_digits: int, is_binary: bool = False) -> Decimal | str:
    """Value of ``text`` with ``scale`` decimals, or the code of its refusal.

    Args:
        text: Decimal number, with or without exponent.
        scale: Decimals of the column; zeros behind them are fine.
        integer_digits: Digits before the point that the column holds.
        is_binary: The sender wrote a double: digits behind ``scale`` are its noise where the value cut to ``scale``
            decimals is the same double.

    Returns:
        The value, or BAD_NUMBER (no number, not finite as a double), TOO_LARGE or OVER_PRECISE.

    >>> parse_decimal("1.50", 8, 10), parse_decimal("1e400", 8, 10), parse_decimal("0.123456789", 8, 10)
    (Decimal('1.50000000'), 'BAD_NUMBER', 'OVER_PRECISE')
    >>> parse_decimal("1.7885566900000001", 8, 10, is_binary=True)
    Decimal('1.78855669')
    """
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return "BAD_NUMBER"
    value = Decimal(text)
    if value and value.adjusted() >= integer_digits:
        return "TOO_LARGE"
    kept = value.quantize(Decimal(1).scaleb(-scale), context=_EXACT) if value else Decimal(0).scaleb(-scale)
    if kept != value and not (is_binary and float(kept) == float(text)):
        return "OVER_PRECISE"
    return "TOO_LARGE" if kept and kept.adjusted() >= integer_digits else kept
