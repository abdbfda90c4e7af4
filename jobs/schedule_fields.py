"""The five fields of a cron expression: which numbers and names each takes, and what a list, range or step means."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import UsageError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Field:
    """One of the five places; ``names[0]`` stands for ``first``."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def read(self, word: str) -> tuple[str, tuple[int, ...]]:
        """The word in numbers, as every cron takes it, and the sorted values that it allows.

        Raises:
            UsageError: says which part is wrong and what the field takes.
        """
        if "*" in word.split(",")[1:] or word.startswith("*,"):
            raise UsageError(f"{word!r} of the {self.name} lists more than everything: write * alone")
        parts = [self._part(part) for part in word.split(",")]
        # Sunday may be written as 7; it is day 0 for everyone who asks.
        values = {value % 7 if self.names == WEEKDAYS else value for _, some in parts for value in some}
        return ",".join(text for text, _ in parts), tuple(sorted(values))

    def _part(self, part: str) -> tuple[str, range]:
        span, slash, step_text = part.partition("/")
        step = self._step(step_text, part) if slash else 1
        low_text, dash, high_text = span.partition("-")
        if span == "*":
            low, high, text = self.first, self.last, "*"
        elif dash:
            low, high = self._number(low_text, part), self._number(high_text, part)
            high = 7 if high_text.upper() == "SUN" and low > 0 else high  # FRI-SUN ends the week
            text = f"{low}-{high}"
        else:
            low = high = self._number(span, part)
            text = str(low)
        if low > high:
            two = f"{low}-{6 if self.names == WEEKDAYS else self.last},{self.first}-{high}"
            raise UsageError(f"{part!r} of the {self.name} runs backwards: write {two}")
        if slash and low == high:
            raise UsageError(f"{part!r} of the {self.name} is a step without a range: write {low}-{self.last}/{step}")
        return (f"{text}/{step}" if slash else text), range(low, high + 1, step)

    def _step(self, text: str, part: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise UsageError(f"the step of {part!r} in the {self.name} must be a number from 1, got {text!r}")
        return int(text)

    def _number(self, text: str, part: str) -> int:
        if text.upper() in self.names:
            return self.first + self.names.index(text.upper())
        if text.isascii() and text.isdigit() and self.first <= int(text) <= self.last:
            return int(text)
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        where = f" in {part!r}" if part != text else ""
        raise UsageError(f"the {self.name} takes {self.first} to {self.last}{names}, got {text!r}{where}")


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, _MONTHS),
    Field("weekday", 0, 7, WEEKDAYS),
)
