"""A cron expression as systemd writes times: the values of ``OnCalendar=``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs.schedule_expression import CronExpression

_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALL_DAYS, _ALL_WEEKDAYS = tuple(range(1, 32)), tuple(range(7))


def on_calendar(cron: CronExpression, zone: str) -> list[str]:
    """Calendar expressions that fire together when the cron expression does.

    systemd asks for the day of the month and the weekday, cron for one of them where both are restricted: then there
    are two expressions, and a timer with two fires once where both fall on one instant.
    """
    if cron.is_either_day:
        return [
            _calendar(replace(cron, weekdays=_ALL_WEEKDAYS), zone),
            _calendar(replace(cron, days=_ALL_DAYS), zone),
        ]
    return [_calendar(cron, zone)]


def _calendar(cron: CronExpression, zone: str) -> str:
    weekdays = _weekdays(cron.weekdays)
    day = f"*-{_numbers(cron.months, 1, 12)}-{_numbers(cron.days, 1, 31)}"
    time = f"{_numbers(cron.hours, 0, 23)}:{_numbers(cron.minutes, 0, 59)}:00"
    return " ".join(part for part in (weekdays, day, time, zone) if part)


def _weekdays(weekdays: Sequence[int]) -> str:
    if len(weekdays) == 7:
        return ""
    from_monday = sorted((day - 1) % 7 for day in weekdays)
    if _is_run(from_monday):
        return f"{_DAY_NAMES[from_monday[0]]}..{_DAY_NAMES[from_monday[-1]]}"
    return ",".join(_DAY_NAMES[day] for day in from_monday)


def _numbers(values: Sequence[int], first: int, last: int) -> str:
    """All, a range or a list; not ``0/15``, with which systemd 252 leaves out times in zones whose clocks change."""
    if len(values) == last - first + 1:
        return "*"
    if _is_run(values):
        return f"{values[0]:02}..{values[-1]:02}"
    return ",".join(f"{value:02}" for value in values)


def _is_run(values: Sequence[int]) -> bool:
    return len(values) > 2 and values[-1] - values[0] == len(values) - 1
