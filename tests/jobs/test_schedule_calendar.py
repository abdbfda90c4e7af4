import os
import random
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from jobs.schedule_calendar import on_calendar
from jobs.schedule_expression import firing_times, read_cron
from models.errors import UsageError

BEFORE_BOTH_CHANGES = "2026-03-20 00:00:00 UTC"  # of the clocks, within the months that follow
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")  # the last one changes by half an hour
N_TIMES = 25


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 5 * * MON-SAT", ["Mon..Sat *-*-* 05:00:00 UTC"]),
        ("*/15 * * * *", ["*-*-* *:00,15,30,45:00 UTC"]),
        ("0 6-8 1 1,7 *", ["*-01,07-01 06..08:00:00 UTC"]),
        ("0 0 * * 0,3", ["Wed,Sun *-*-* 00:00:00 UTC"]),
        ("0 0 * * FRI-SUN", ["Fri..Sun *-*-* 00:00:00 UTC"]),
        ("0 12 13 * FRI", ["*-*-13 12:00:00 UTC", "Fri *-*-* 12:00:00 UTC"]),  # either day, as cron has it
        ("0 12 */12 * FRI", ["Fri *-*-01,13,25 12:00:00 UTC"]),
    ],
)
def test_a_cron_expression_as_systemd_writes_it(expression, expected):
    assert on_calendar(read_cron(expression), "UTC") == expected


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("zone", ZONES)
def test_systemd_fires_when_the_cron_expression_does(zone):
    after = datetime.fromisoformat("2026-03-20T00:00+00:00")
    for cron in random_expressions(n=25, seed=ZONES.index(zone)):
        ours = [time.astimezone(UTC) for time in islice(firing_times(cron, after, ZoneInfo(zone)), N_TIMES)]
        assert systemd_times(on_calendar(cron, zone)) == ours, cron


def systemd_times(calendars):
    """The first instants at which one of the calendars elapses."""
    words = ["systemd-analyze", "calendar", f"--iterations={N_TIMES}", f"--base-time={BEFORE_BOTH_CHANGES}"]
    said = subprocess.run(
        [*words, *calendars], capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"}
    )
    lines = [line for line in said.stdout.splitlines() if line.endswith(" UTC") and "Normalized" not in line]
    times = {" ".join(line.split()[-3:-1]) for line in lines if "Original" not in line}
    return [datetime.fromisoformat(f"{time}+00:00") for time in sorted(times)][:N_TIMES]


def random_expressions(n, seed):
    chance = random.Random(seed)
    found = []
    while len(found) < n:
        fields = [random_field(chance, *bounds) for bounds in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))]
        try:
            found.append(read_cron(" ".join(fields)))
        except UsageError:
            continue  # such as the 31st of April
    return found


def random_field(chance, first, last):
    if chance.random() < 0.35:
        return "*"
    parts = []
    for _ in range(chance.choice((1, 1, 2))):
        low, high = sorted(chance.sample(range(first, last + 1), 2))
        parts.append(
            chance.choice((str(low), f"{low}-{high}", f"{low}-{high}/{chance.randint(1, 5)}", f"*/{max(2, low)}"))
        )
    return ",".join(parts)
