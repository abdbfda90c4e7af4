"""``foretable schedule``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from jobs.app import App, pass_app
from models.errors import StorageError, UsageError

if TYPE_CHECKING:
    from jobs.schedule_expression import CronExpression
    from jobs.schedule_lines import ScheduledCommand

_MACHINE_ZONE = Path("/etc/localtime")


@click.command(epilog="""\b
Examples:
  foretable schedule foretable.yml --at '0 5 * * MON-SAT'
  foretable schedule foretable.yml --at '*/15 * * * *' --next 5
  (crontab -l; foretable schedule foretable.yml --at @daily) | crontab -
  foretable schedule foretable.yml --at '0 5 * * *' --timezone Europe/Berlin --systemd

The key schedule of foretable.yml may hold the times instead of --at.""")  # fmt: skip
@click.argument("file", required=False, type=click.Path(dir_okay=False), metavar="[FILE]")
@click.option("--at", "expression", metavar="CRON", help="When: minute hour day month weekday, or @daily and the like.")
@click.option("--timezone", "zone_name", default="UTC", show_default=True, help="Zone of these times.")
@click.option(
    "--systemd/--cron", "is_systemd", default=False, help="A service and a timer, or a crontab line (default)."
)
@click.option("--name", metavar="NAME", help="Of the units and the log; default: after the file.")
@click.option("--next", "n_next", type=click.IntRange(1, 1_000), metavar="N", help="Only print the next N firings.")
@pass_app
def schedule(app: App, file: str | None, expression: str | None, zone_name: str, is_systemd: bool, name: str | None,
             n_next: int | None) -> None:  # fmt: skip
    """Print what makes cron or systemd run a pipeline file: a line, or two units. It installs nothing.

    What the run says goes to logs/NAME.log of the home. That another run is at work (75) or nothing is new (99) does
    not count as a failure.
    """
    from jobs.schedule_command import scheduled_run, secrets_left_out
    from jobs.schedule_expression import read_cron

    if file:
        app.config_file = file
    zone = _zone(zone_name)
    wanted = expression or app.config.schedule
    if not wanted:
        raise UsageError("no times: give --at '0 5 * * MON-SAT', or the key schedule in foretable.yml")
    cron = read_cron(wanted)
    if n_next:
        app.emit(_next_firings(cron, zone, n_next))
        return
    command = scheduled_run(app, name)
    _make_log_folder(command.log.parent)
    print_units = _print_systemd if is_systemd else _print_cron
    print_units(app, command, cron, zone)
    for name in secrets_left_out():
        app.say(f"{name} is not written down here: give it to the scheduler yourself (systemd: EnvironmentFile=)")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise UsageError(f"{name!r} is no time zone: write one such as UTC or Europe/Berlin") from e


def _next_firings(cron: CronExpression, zone: ZoneInfo, n: int) -> list[dict[str, str]]:
    from jobs.schedule_expression import firing_times

    times = islice(firing_times(cron, datetime.now(UTC), zone), n)
    return [{"fires_at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}", zone.key: f"{at:%a %Y-%m-%d %H:%M}"} for at in times]


def _make_log_folder(folder: Path) -> None:
    """cron and systemd open the log before Foretable starts, so its folder has to be there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StorageError(f"the log folder {folder} cannot be made ({e.strerror}): choose another --home") from e


def _print_cron(app: App, command: ScheduledCommand, cron: CronExpression, zone: ZoneInfo) -> None:
    from jobs.schedule_lines import cron_line

    lines = [cron_line(command, cron)]
    if not _is_zone_of_machine(zone):
        lines.insert(0, f"CRON_TZ={zone.key}")
        app.say(
            f"the machine's own time is not {zone.key}; CRON_TZ tells cronie (Fedora, RHEL, Arch), for all lines below "
            "it, while the cron of Debian and Ubuntu ignores it: there use --systemd, or the machine's --timezone"
        )
    _print(app, {"crontab": "".join(f"{line}\n" for line in lines)})
    app.say("to install: (crontab -l; foretable schedule ...) | crontab -")


def _print_systemd(app: App, command: ScheduledCommand, cron: CronExpression, zone: ZoneInfo) -> None:
    from jobs.schedule_lines import service_unit, timer_unit

    texts = {"service": service_unit(command), "timer": timer_unit(command, cron, zone.key)}
    _print(app, {f"{command.name}.{kind}": text for kind, text in texts.items()})
    app.say(
        f"to install: put both under ~/.config/systemd/user (or /etc/systemd/system), then\n"
        f"  systemctl --user daemon-reload && systemctl --user enable --now {command.name}.timer\n"
        "  loginctl enable-linger   # so that it also runs while you are logged out"
    )


def _print(app: App, texts: dict[str, str]) -> None:
    """The texts as they belong into their files, each unit under a comment with the name of its file."""
    if app.is_json:
        app.emit([{"file": file, "text": text} for file, text in texts.items()])
        return
    with_name = [text if file == "crontab" else f"# {file}\n{text}" for file, text in texts.items()]
    click.echo("\n".join(with_name), nl=False)


def _is_zone_of_machine(zone: ZoneInfo) -> bool:
    """Whether the machine's clock shows the same in the two years to come; names may differ (UTC and Etc/UTC)."""
    if not _MACHINE_ZONE.exists():
        return zone.key in ("UTC", "Etc/UTC")
    with _MACHINE_ZONE.open("rb") as file:
        machine = ZoneInfo.from_file(file)
    days = (datetime.now(UTC) + timedelta(days=n) for n in range(731))
    return all(day.astimezone(zone).utcoffset() == day.astimezone(machine).utcoffset() for day in days)
