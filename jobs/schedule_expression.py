"""A cron expression: read, checked, written back in numbers, and the instants at which it fires."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from jobs.schedule_fields import FIELDS
from models.errors import UsageError

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_EXAMPLE = "for example '0 5 * * MON-SAT' for 05:00 from Monday to Saturday"
_LONGEST_WAIT_DAYS = 41 * 366  # every combination of month, day and weekday that exists comes round within 40 years


@dataclass(frozen=True)
class CronExpression:
    """What a cron expression allows; ``weekdays`` count from Sunday = 0 as cron does.

    ``is_either_day`` is cron's rule: where both the day of the month and the weekday are restricted, one of them is
    enough. A field that begins with ``*`` does not count as restricted, also ``*/2``.
    """

    text: str  # in numbers, as every cron reads it
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    is_either_day: bool

    def fires_on(self, day: date) -> bool:
        """Whether it fires at some time of this day."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.is_either_day else in_month and in_week


def read_cron(expression: str) -> CronExpression:
    """Read ``minute hour day month weekday`` with names, lists, ranges and steps, or a macro such as ``@daily``.

    Raises:
        UsageError: a part is not what cron takes, or the days named do not exist; says which part and what it takes.
    """
    words = expression.split()
    if len(words) == 1 and words[0].startswith("@"):
        if words[0].lower() not in MACROS:
            raise UsageError(f"{words[0]} names no times: write five fields or one of {', '.join(MACROS)}")
        words = MACROS[words[0].lower()].split()
    if len(words) != len(FIELDS):
        raise UsageError(
            f"a schedule has 5 fields (minute hour day month weekday), got {len(words)} in {expression!r}: {_EXAMPLE}"
        )
    read = [field.read(word) for field, word in zip(FIELDS, words, strict=True)]
    minutes, hours, days, months, weekdays = (values for _, values in read)
    is_either_day = not (words[2].startswith("*") or words[4].startswith("*"))
    cron = CronExpression(" ".join(text for text, _ in read), minutes, hours, days, months, weekdays, is_either_day)
    if next(firing_times(cron, datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC")), None) is None:
        raise UsageError(f"the schedule {expression!r} never fires: no month it names has such a day")
    return cron


def checked_cron(expression: str) -> str:
    """The expression itself where it can be read; as pydantic wants errors."""
    try:
        read_cron(expression)
    except UsageError as e:
        raise ValueError(str(e)) from e
    return expression


def firing_times(cron: CronExpression, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants in ``zone`` after ``after``, in order; empty where there is none.

    At a change of the clocks it does what systemd does: a time that does not exist is left out, a time that comes
    twice fires at the first.
    """
    first_day = after.astimezone(zone).date()
    for n in range(_LONGEST_WAIT_DAYS):
        day = first_day + timedelta(days=n)
        if cron.fires_on(day):
            yield from (instant for instant in _times_of(cron, day, zone) if instant > after)


def _times_of(cron: CronExpression, day: date, zone: ZoneInfo) -> list[datetime]:
    times = [datetime.combine(day, time(hour, minute), zone) for hour, minute in product(cron.hours, cron.minutes)]
    existing = (instant for instant in times if _round_trip(instant) == instant.replace(tzinfo=None))
    return sorted(existing, key=lambda instant: instant.astimezone(UTC))


def _round_trip(instant: datetime) -> datetime:
    """Wall-clock time after a way through UTC: another one where the clocks skip it."""
    return instant.astimezone(UTC).astimezone(instant.tzinfo).replace(tzinfo=None)
