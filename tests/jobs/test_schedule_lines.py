import json
import os
import re
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from jobs import cli
from jobs.schedule_expression import read_cron
from jobs.schedule_lines import ScheduledCommand, cron_line, service_unit, timer_unit
from models.errors import UsageError

NASTY = """a b%c $HOME's "x" \\n;é&"""
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def program(tmp_path):
    """A program in a folder with a nasty name that writes its arguments and fails as told by its last one."""
    folder = tmp_path / NASTY
    folder.mkdir()
    file = folder / "foretable"
    file.write_text(
        '#!/bin/sh\nfor a in "$@"; do printf "<%s>\\n" "$a"; done\necho "{$JAVA_HOME}" >&2\nexit "$(cat "$0.code")"\n'
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def command_of(program, **variables):
    return ScheduledCommand("nightly", [str(program), "--home", NASTY, "run"], variables, program.parent / "the log")


def as_cron_would(line):
    """What cron's shell gets of a line: after the five fields, up to a bare %, with \\% for %."""
    text = line.split(maxsplit=5)[5]
    assert re.search(r"(?<!\\)%", text) is None
    return text.replace(r"\%", "%")


@pytest.mark.parametrize(("exit_code", "is_mailed"), [(0, False), (75, False), (99, False), (3, True), (1, True)])
def test_a_crontab_line_runs_the_command_as_it_is_and_mails_only_failures(program, exit_code, is_mailed):
    Path(f"{program}.code").write_text(str(exit_code))
    command = command_of(program, JAVA_HOME="/opt/my java")
    line = cron_line(command, read_cron("0 5 * * MON"))
    assert line.startswith("0 5 * * 1 JAVA_HOME='/opt/my java' '/")
    done = subprocess.run(["/bin/sh", "-c", as_cron_would(line)], capture_output=True, text=True, env={}, cwd="/")
    told = f"<--home>\n<{NASTY}>\n<run>\n{{/opt/my java}}\n"
    assert command.log.read_text() == told
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (told if is_mailed else "")  # cron mails what a command prints


def test_a_line_that_cron_would_cut_is_refused():
    command = ScheduledCommand("x", ["/" + "long" * 300], {}, Path("/log"))
    with pytest.raises(UsageError, match=r"would be \d+ characters long, more than cron takes: use --systemd"):
        cron_line(command, read_cron("@daily"))


def test_a_name_with_a_line_break_is_refused():
    with pytest.raises(UsageError, match="control character"):
        ScheduledCommand("x", ["/a\nb"], {}, Path("/log"))


def test_the_units_for_a_plain_command():
    command = ScheduledCommand(
        "nightly", ["/opt/foretable", "run", "/srv/50%$HOME.yml"], {"JAVA_HOME": "/opt/java"}, Path("/l/x")
    )
    assert service_unit(command).splitlines() == [
        "[Unit]",
        "Description=Foretable pipeline nightly",
        "",
        "[Service]",
        "Type=oneshot",
        'Environment="JAVA_HOME=/opt/java"',
        'ExecStart="/opt/foretable" "run" "/srv/50%%$$HOME.yml"',
        "SuccessExitStatus=75 99",
        "StandardOutput=append:/l/x",
        "StandardError=inherit",
    ]
    assert timer_unit(command, read_cron("0 12 13 * FRI"), "Europe/Berlin").splitlines()[3:6] == [
        "[Timer]",
        "OnCalendar=*-*-13 12:00:00 Europe/Berlin",
        "OnCalendar=Fri *-*-* 12:00:00 Europe/Berlin",
    ]


@needs_systemd
def test_systemd_takes_both_units_with_a_nasty_path(program, tmp_path):
    command = command_of(program, JAVA_HOME="/opt/my java")
    (tmp_path / "nightly.service").write_text(service_unit(command))
    (tmp_path / "nightly.timer").write_text(timer_unit(command, read_cron("*/7 5 1 * MON"), "UTC"))
    assert verify(tmp_path) == ""
    plain = ScheduledCommand("nightly", [str(tmp_path / "50% there" / "it"), "run"], {}, command.log)
    (tmp_path / "nightly.service").write_text(service_unit(plain))
    assert f"Command {tmp_path}/50% there/it is not executable" in verify(tmp_path)  # the path arrived as it is


def verify(folder):
    units = [folder / "nightly.service", folder / "nightly.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def pipeline_file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("FORETABLE_", "PG"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "my market"
    folder.mkdir()
    file = folder / "foretable.yml"
    file.write_text("home: home\nsources:\n  - {path: data, format: coinbase_full, exchange: simulated}\n")
    return file


def test_the_command_prints_an_absolute_line_that_carries_its_own_settings(pipeline_file, capsys, monkeypatch):
    monkeypatch.chdir(pipeline_file.parent)
    monkeypatch.setenv("FORETABLE_MAX_BAD", "0.5")
    monkeypatch.setenv("FORETABLE_METASTORE_PASSWORD", "secret")
    assert cli.run(["--schema", "btc", "--conf", "spark.a=b c", "schedule", "--at", "@daily"]) == 0
    said = capsys.readouterr()
    home = pipeline_file.parent / "home"
    (line,) = said.out.splitlines()
    assert "FORETABLE_MAX_BAD=0.5 " in line
    assert f" --home '{home}' --schema btc --conf 'spark.a=b c' run '{pipeline_file}' >> " in line
    assert f"'{home}/logs/foretable-my-market.log'" in line
    assert (home / "logs").is_dir()
    assert "secret" not in said.out + said.err
    assert "FORETABLE_METASTORE_PASSWORD is not written down here" in said.err
    program = line.split(" --home")[0].split()[-1]
    assert os.access(program, os.X_OK)


def test_the_times_may_stand_in_the_file_and_the_flag_wins(pipeline_file, capsys):
    assert cli.run(["schedule", str(pipeline_file)]) == 2
    assert "no times: give --at" in capsys.readouterr().err
    pipeline_file.write_text(pipeline_file.read_text() + "schedule: 0 5 * * *\n")
    assert cli.run(["schedule", str(pipeline_file)]) == 0
    assert capsys.readouterr().out.startswith("0 5 * * * ")
    assert cli.run(["schedule", str(pipeline_file), "--at", "0 6 * * *"]) == 0
    assert capsys.readouterr().out.startswith("0 6 * * * ")


def test_units_are_printed_under_their_names_and_as_json(pipeline_file, capsys):
    words = ["schedule", str(pipeline_file), "--at", "@daily", "--systemd", "--name", "btc"]
    assert cli.run(words) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# btc.service\n[Unit]\n")
    assert "\n# btc.timer\n[Unit]\n" in said.out
    assert "systemctl --user enable --now btc.timer" in said.err
    assert cli.run(["--json", *words]) == 0
    service, timer = json.loads(capsys.readouterr().out)
    assert (service["file"], timer["file"]) == ("btc.service", "btc.timer")
    assert "\nOnCalendar=*-*-* 00:00:00 UTC\n" in timer["text"]


def test_another_zone_than_the_machines_is_told_to_cron_and_to_the_person(pipeline_file, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("jobs.commands.schedule._MACHINE_ZONE", Path("/usr/share/zoneinfo/Europe/Vienna"))
    words = ["schedule", str(pipeline_file), "--at", "@daily", "--timezone"]
    assert cli.run([*words, "Europe/Berlin"]) == 0  # the same clock under another name
    assert "CRON_TZ" not in capsys.readouterr().out
    assert cli.run([*words, "UTC"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("CRON_TZ=UTC\n0 0 * * * ")
    assert "Debian and Ubuntu ignores it" in said.err


def test_the_next_firings_are_data(pipeline_file, capsys):
    words = ["schedule", str(pipeline_file), "--at", "0 12 * * *", "--timezone", "Asia/Tokyo", "--next", "3"]
    assert cli.run(["--json", *words]) == 0
    times = json.loads(capsys.readouterr().out)
    instants = [datetime.fromisoformat(time["fires_at"]) for time in times]
    assert instants[0] > datetime.now(UTC)
    assert [(b - a).days for a, b in pairwise(instants)] == [1, 1]
    assert all(time["fires_at"].endswith("T03:00Z") for time in times)  # Tokyo is nine hours ahead, all year
    assert all(time["Asia/Tokyo"].endswith(" 12:00") for time in times)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.yml", "--at", "@daily"], "nowhere.yml: name the pipeline file"),
        (["--at", "@daily"], "foretable.yml: name the pipeline file"),
        (["{file}", "--at", "@daily", "--timezone", "Mars/Base"], "'Mars/Base' is no time zone"),
        (["{file}", "--at", "@daily", "--timezone", "../etc"], "'../etc' is no time zone"),
        (["{file}", "--at", "1 2 3"], "a schedule has 5 fields"),
        (["{file}", "--at", "@daily", "--name", "../x"], "'../x' cannot name a unit"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_exit_2(pipeline_file, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["schedule", *(word.replace("{file}", str(pipeline_file)) for word in words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    pipeline_file.write_text("home: home\n")
    assert cli.run(["schedule", str(pipeline_file), "--at", "@daily"]) == 2
    assert "names no sources" in capsys.readouterr().err
