from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from jobs.config import Config, load_config
from jobs.schedule_expression import MACROS, firing_times, read_cron
from models.errors import UsageError


def next_times(expression, after, n, zone="UTC"):
    times = firing_times(read_cron(expression), datetime.fromisoformat(after).replace(tzinfo=UTC), ZoneInfo(zone))
    return [f"{time.astimezone(UTC):%a %Y-%m-%d %H:%M}" for time in islice(times, n)]


@pytest.mark.parametrize(
    ("expression", "in_numbers"),
    [
        ("0 5 * * MON-SAT", "0 5 * * 1-6"),
        ("*/15 6-8,20 1,15 jan,Mar-may *", "*/15 6-8,20 1,15 1,3-5 *"),
        ("5-59/10 0 * * FRI-SUN", "5-59/10 0 * * 5-7"),  # Sunday ends the week as 7
        ("0 0 * * SUN-TUE", "0 0 * * 0-2"),
        ("  0   5  * * 7 ", "0 5 * * 7"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
    ],
)
def test_names_and_macros_are_written_in_numbers_that_every_cron_reads(expression, in_numbers):
    assert read_cron(expression).text == in_numbers


def test_fields_hold_the_values_that_they_allow():
    cron = read_cron("*/20 22-23 31,1 FEB 5-7")
    assert cron.minutes == (0, 20, 40)
    assert cron.hours == (22, 23)
    assert cron.days == (1, 31)
    assert cron.months == (2,)
    assert cron.weekdays == (0, 5, 6)  # Sunday is 0, also where it was written as 7
    assert read_cron("0 0 * * *").weekdays == tuple(range(7))


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("0 5 * *", "a schedule has 5 fields (minute hour day month weekday), got 4 in '0 5 * *': for example"),
        ("", "a schedule has 5 fields (minute hour day month weekday), got 0 in ''"),
        ("@reboot", "@reboot names no times: write five fields or one of @hourly, @daily"),
        ("60 5 * * *", "the minute takes 0 to 59, got '60'"),
        ("0 24 * * *", "the hour takes 0 to 23, got '24'"),
        ("0 5 0 * *", "the day of the month takes 1 to 31, got '0'"),
        ("0 5 * 13 *", "the month takes 1 to 12 or JAN to DEC, got '13'"),
        ("0 5 * * MONDAY", "the weekday takes 0 to 7 or SUN to SAT, got 'MONDAY'"),
        ("0 5 * * MON-8", "the weekday takes 0 to 7 or SUN to SAT, got '8' in 'MON-8'"),
        ("0 5 * JAN-FEBR *", "the month takes 1 to 12 or JAN to DEC, got 'FEBR' in 'JAN-FEBR'"),
        ("0 5 28-3 * *", "'28-3' of the day of the month runs backwards: write 28-31,1-3"),
        ("0 5 * * FRI-MON", "'FRI-MON' of the weekday runs backwards: write 5-6,0-1"),
        ("*/0 5 * * *", "the step of '*/0' in the minute must be a number from 1, got '0'"),
        ("*/x 5 * * *", "the step of '*/x' in the minute must be a number from 1, got 'x'"),
        ("5/15 * * * *", "'5/15' of the minute is a step without a range: write 5-59/15"),
        ("0 5 *,3 * *", "'*,3' of the day of the month lists more than everything: write * alone"),
        ("0 5 3,,4 * *", "the day of the month takes 1 to 31, got ''"),
        ("0 -5 * * *", "the hour takes 0 to 23, got '' in '-5'"),
        ("٣ 5 * * *", "the minute takes 0 to 59, got '٣'"),
        ("0 0 30 FEB *", "the schedule '0 0 30 FEB *' never fires: no month it names has such a day"),
        ("0 0 31 4,6,9,11 *", "the schedule '0 0 31 4,6,9,11 *' never fires"),
    ],
)
def test_what_cron_would_not_take_is_one_sentence(expression, sentence):
    with pytest.raises(UsageError) as e:
        read_cron(expression)
    assert sentence in str(e.value)


def test_it_fires_at_the_next_times_that_fit():
    # 2026-11-20 is a Friday.
    assert next_times("0 5 * * MON-SAT", "2026-11-20T05:00", 3) == [
        "Sat 2026-11-21 05:00",
        "Mon 2026-11-23 05:00",
        "Tue 2026-11-24 05:00",
    ]
    assert next_times("30 23 31 * *", "2026-11-20", 2) == ["Thu 2026-12-31 23:30", "Sun 2027-01-31 23:30"]
    assert next_times("0 0 29 2 *", "2096-03-01", 2) == ["Fri 2104-02-29 00:00", "Wed 2108-02-29 00:00"]  # not 2100


def test_day_of_month_or_weekday_is_enough_where_both_are_given_but_not_where_one_begins_with_a_star():
    assert next_times("0 12 13 * FRI", "2026-11-01", 4) == [
        "Fri 2026-11-06 12:00",
        "Fri 2026-11-13 12:00",
        "Fri 2026-11-20 12:00",
        "Fri 2026-11-27 12:00",
    ]
    assert next_times("0 12 14 * FRI", "2026-11-07", 2) == ["Fri 2026-11-13 12:00", "Sat 2026-11-14 12:00"]
    assert next_times("0 12 */12 * FRI", "2026-11-01", 2) == [
        "Fri 2026-11-13 12:00",
        "Fri 2026-12-25 12:00",
    ]  # 1, 13, 25


def test_a_time_that_the_clocks_skip_is_left_out_and_one_that_comes_twice_fires_at_the_first():
    # Berlin: 2026-03-29 02:00 becomes 03:00 (UTC+1 to +2), 2026-10-25 03:00 becomes 02:00.
    assert next_times("30 2 * * *", "2026-03-28", 2, "Europe/Berlin") == [
        "Sat 2026-03-28 01:30",
        "Mon 2026-03-30 00:30",
    ]
    assert next_times("30 2 * * *", "2026-10-25", 2, "Europe/Berlin") == [
        "Sun 2026-10-25 00:30",
        "Mon 2026-10-26 01:30",
    ]
    assert next_times("30 1-3 * * *", "2026-10-24T23:00", 3, "Europe/Berlin") == [
        "Sat 2026-10-24 23:30",
        "Sun 2026-10-25 00:30",
        "Sun 2026-10-25 02:30",
    ]


def test_every_macro_is_an_expression():
    for macro, expression in MACROS.items():
        assert read_cron(macro) == read_cron(expression)


def test_the_configuration_takes_a_schedule_and_refuses_a_wrong_one(tmp_path):
    assert Config().schedule is None
    file = tmp_path / "foretable.yml"
    file.write_text("schedule: 0 5 * * MON-SAT\n")
    assert load_config(file, {}, {}).schedule == "0 5 * * MON-SAT"
    file.write_text("schedule: 0 25 * * *\n")
    with pytest.raises(UsageError, match=r"foretable.yml: schedule: the hour takes 0 to 23, got '25'"):
        load_config(file, {}, {})
