"""Faults put into the written lines on purpose, each one recorded.

Every line suffers at most one fault. A gap drops the line; a duplicate repeats it, bytes and all, some lines later;
disorder delays it by some lines; a malformed line is damaged in one of the ways of ``MALFORMED_KINDS``.
"""

from dataclasses import dataclass, fields

import numpy as np

from models.errors import UsageError

MALFORMED_KINDS = (
    "truncated_json",
    "nan_price",
    "negative_price",
    "zero_price",
    "missing_field",
    "not_utf8",
    "not_json",
)
_FARTHEST_LINES = 20


@dataclass(frozen=True)
class Faults:
    """Share of lines that suffer each fault, 0 to 1, together at most 1.

    Raises:
        UsageError: A share is outside its range.
    """

    gap_share: float = 0.0
    duplicate_share: float = 0.0
    disorder_share: float = 0.0
    malformed_share: float = 0.0

    def __post_init__(self) -> None:
        """Check the shares."""
        shares = [getattr(self, field.name) for field in fields(self)]
        if not (min(shares) >= 0 and sum(shares) <= 1):
            raise UsageError(f"fault shares must be at least 0 and together at most 1, got {shares}")

    @property
    def is_none(self) -> bool:
        """True where no line suffers."""
        return not any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class InjectedFault:
    """What was done to one line.

    Attributes:
        kind: gap, duplicate, disorder or one of MALFORMED_KINDS.
        file: Name of the file.
        line_number: Line of the file, from 1, that is repeated, late or damaged; None for a gap.
        symbol: Product of the message.
        sequence: Sequence number of the message.
    """

    kind: str
    file: str
    line_number: int | None
    symbol: str
    sequence: int


@dataclass(frozen=True)
class FaultyLines:
    """Lines after the faults, and per fault its kind, index in ``lines`` (-1 for a gap) and index of the message."""

    lines: list[bytes]
    kinds: list[str]
    places: list[int]
    messages: list[int]


def damage(line: bytes, kind: str) -> tuple[bytes, str]:
    """Damage one line (without newline); a line without a price is truncated where the kind asks for a price.

    Returns:
        The damaged line and the kind of damage done.
    """
    start = line.find(b'"price":"') + len(b'"price":"')
    prices = {"nan_price": b"NaN", "negative_price": b"-1.00000000", "zero_price": b"0.00000000"}
    if kind in prices and b'"price":"' in line:
        return line[:start] + prices[kind] + line[line.index(b'"', start) :], kind
    if kind == "missing_field":
        start = line.index(b',"sequence":')
        return line[:start] + line[line.index(b",", start + 1) :], kind
    if kind == "not_utf8":
        middle = line.index(b'"product_id":"') + len(b'"product_id":"')
        return line[:middle] + b"\xff" + line[middle:], kind
    if kind == "not_json":
        return b"connection reset by peer", kind
    return line[: len(line) // 2], "truncated_json"


def inject(lines: list[bytes], faults: Faults, random: np.random.Generator) -> FaultyLines:
    """Put faults into lines (without newlines)."""
    n_lines = len(lines)
    draw = random.random(n_lines)
    delay = random.integers(1, _FARTHEST_LINES, n_lines, endpoint=True)
    damage_kind = random.integers(0, len(MALFORMED_KINDS), n_lines)
    borders = np.cumsum([faults.gap_share, faults.duplicate_share, faults.disorder_share, faults.malformed_share])
    fault = np.searchsorted(borders, draw, side="right")
    # A line is sorted by its own number, a late one by the number of the line it follows.
    rows: list[tuple[float, bytes, str, int]] = []
    gaps = []
    for index, line in enumerate(lines):
        late = index + int(delay[index]) + 0.5
        if fault[index] == 0:
            gaps.append(index)
        elif fault[index] == 1:
            rows += [(index, line, "", index), (late, line, "duplicate", index)]
        elif fault[index] == 2:
            rows.append((late, line, "disorder", index))
        elif fault[index] == 3:
            damaged, kind = damage(line, MALFORMED_KINDS[damage_kind[index]])
            rows.append((index, damaged, kind, index))
        else:
            rows.append((index, line, "", index))
    rows.sort(key=lambda row: row[0])
    marked = [(place, row) for place, row in enumerate(rows) if row[2]]
    return FaultyLines(
        lines=[row[1] for row in rows],
        kinds=["gap"] * len(gaps) + [row[2] for _, row in marked],
        places=[-1] * len(gaps) + [place for place, _ in marked],
        messages=gaps + [row[3] for _, row in marked],
    )
