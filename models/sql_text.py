"""Names and values as SQL text that means the same under every setting of Spark's parser."""

import re
from typing import Any

from models.manifest import LabelType

# Backslashes and doubled quotes depend on settings of the parser, and ${…} is replaced before it reads the text.
_PLAIN_TEXT = re.compile(r"[^\\'$\x00-\x1f\x7f]*")


def identifier(name: str) -> str:
    """Return a name in back quotes.

    >>> identifier("a`b")
    '`a``b`'
    """
    return "`" + name.replace("`", "``") + "`"


def double(value: float) -> str:
    """Return the DOUBLE literal that is read as this very value; negative ones in parentheses.

    >>> double(0.1), double(-1e-07)
    ('0.1D', '(-1E-07D)')
    """
    number = repr(float(value)).upper() + "D"
    return f"({number})" if number.startswith("-") else number


def label(value: Any, label_type: LabelType) -> str:
    """Return a label as a literal of its SQL type.

    >>> label("up", "STRING"), label(3, "BIGINT"), label(True, "BOOLEAN")
    ("'up'", 'CAST(3 AS BIGINT)', 'TRUE')
    """
    if label_type == "DOUBLE":
        return double(value)
    if label_type == "BIGINT":
        return f"CAST({int(value)} AS BIGINT)"
    if label_type == "BOOLEAN":
        return "TRUE" if value else "FALSE"
    text = str(value)
    return f"'{text}'" if _PLAIN_TEXT.fullmatch(text) else f"CAST(X'{text.encode().hex().upper()}' AS STRING)"


def within(name: str, largest: float) -> str:
    """Return the condition that a column is a number of at most this size: not NULL, not NaN, not infinite.

    Engines sort NaN after every number, so the upper bound leaves it out.
    """
    return f"{identifier(name)} >= {double(-largest)} AND {identifier(name)} <= {double(largest)}"
