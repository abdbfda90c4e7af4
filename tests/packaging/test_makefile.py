import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE_PYTHON = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) exit {pip_exit} ;;
  "-m jobs.prepare") exit {prepare_exit} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder with a space in its name that holds what the set-up reads."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def make(checkout, tmp_path):
    """Runs make from another folder with a Python that only writes down what it is asked for."""
    log = tmp_path / "asked"
    python = tmp_path / "python"

    def run(*goals, pip_exit=0, prepare_exit=0):
        log.write_text("")
        for script in (python, checkout / ".venv" / "bin" / "python"):
            if script == python or script.exists():
                script.write_text(FAKE_PYTHON.format(log=log, pip_exit=pip_exit, prepare_exit=prepare_exit))
                script.chmod(0o755)
        command = ["make", "--no-print-directory", "-C", str(checkout), f"PYTHON={python}", *goals]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done, [line for line in log.read_text().splitlines() if line != "--version"]

    return run


INSTALL = "-m pip install --quiet --disable-pip-version-check -c constraints.txt -e .[keras,java,connect,test,dev]"


def test_make_alone_lists_every_goal_on_one_line(make):
    done, asked = make()
    goals = [line.split()[1] for line in done.stdout.splitlines()]
    assert goals == ["help", "demo", "test", "test-slow", "torture", "check", "format", "lock", "clean"]
    assert asked == []


def test_the_first_test_run_sets_up_and_the_second_does_not(make):
    _, first = make("test")
    assert first == ["-m venv .venv", INSTALL, "-m jobs.prepare", "-m pytest"]
    _, second = make("test")
    assert second == ["-m jobs.prepare", "-m pytest"]


@pytest.mark.parametrize("name", ["setup.cfg", "constraints.txt", "pyproject.toml"])
def test_a_change_of_what_is_installed_installs_again(make, checkout, name):
    make("test")
    later = time.time() + 10
    os.utime(checkout / name, (later, later))
    _, asked = make("test")
    assert asked[0] == INSTALL


def test_an_installation_that_failed_is_done_again_and_nothing_runs_meanwhile(make):
    done, asked = make("test", pip_exit=1)
    assert done.returncode != 0
    assert asked[-1] == INSTALL
    _, asked = make("test")
    assert asked == [INSTALL, "-m jobs.prepare", "-m pytest"]


def test_nothing_runs_where_java_or_the_jars_are_missing(make):
    done, asked = make("test", prepare_exit=74)
    assert done.returncode != 0
    assert asked[-1] == "-m jobs.prepare"


def test_no_python_is_one_sentence_with_the_remedy(make):
    done, asked = make("test", "PYTHON=")
    assert done.returncode != 0
    assert "make: Python 3.11 to 3.13 with venv is needed (Debian: apt-get install python3-venv)" in done.stderr
    assert asked == []


def test_the_ci_runs_the_suite_from_any_folder(make, checkout, tmp_path):
    make("test")  # leaves an environment whose Python only writes down
    shutil.copytree(ROOT / ".ci", checkout / ".ci")
    subprocess.run([checkout / ".ci" / "run"], cwd="/", check=True, capture_output=True)
    assert (tmp_path / "asked").read_text().splitlines()[-2:] == ["-m jobs.prepare", "-m pytest"]
