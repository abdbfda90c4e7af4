"""Finding and ending the process of a run, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.run_process import announce, cancel, running
from models.errors import DataContractError, SafetyError, StorageError, TryAgainError, UsageError

RUN = """
import signal, sys, time
from pathlib import Path
from jobs.run_process import announce
if sys.argv[3] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with announce(Path(sys.argv[1]), sys.argv[2]):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def start():
    """``start(home, run_id)`` runs a process that announces itself, and returns it when it has."""
    started = []

    def begin(home, run_id, kind="polite"):
        command = [sys.executable, "-c", RUN, str(home), run_id, kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def reaped(process):
    """Let another thread take the exit status, as an init process does: a zombie is a process that has ended."""
    return process.wait(timeout=10)


def test_a_run_is_found_while_it_goes_on_and_cancelled(tmp_path, start):
    process = start(tmp_path, "nightly")
    found = running(tmp_path, "nightly")
    assert (found.pid, found.host) == (process.pid, socket.gethostname())
    assert cancel(tmp_path, "nightly", wait_seconds=10) == found
    assert reaped(process) == -signal.SIGTERM
    assert running(tmp_path, "nightly") is None
    with pytest.raises(DataContractError, match="no run nightly is going on"):
        cancel(tmp_path, "nightly")


def test_one_name_is_one_process(tmp_path, start):
    start(tmp_path, "nightly")
    with pytest.raises(TryAgainError, match="nightly is running already"), announce(tmp_path, "nightly"):
        pass
    with announce(tmp_path, "other"):
        assert running(tmp_path, "other").pid == os.getpid()
    assert not (tmp_path / "run" / "other.pid").exists()


def test_a_killed_run_leaves_its_name_free(tmp_path, start):
    process = start(tmp_path, "nightly")
    process.kill()
    reaped(process)
    assert (tmp_path / "run" / "nightly.pid").exists()
    assert running(tmp_path, "nightly") is None
    with announce(tmp_path, "nightly"):
        assert running(tmp_path, "nightly").pid == os.getpid()


def test_another_process_of_the_same_pid_is_never_ended(tmp_path, start):
    bystander = start(tmp_path, "bystander")
    facts = json.loads((tmp_path / "run" / "bystander.pid").read_text())
    stale = {**facts, "run_id": "old", "started": facts["started"][:-1] + "x"}
    (tmp_path / "run" / "old.pid").write_text(json.dumps(stale))
    assert running(tmp_path, "old") is None
    with pytest.raises(DataContractError):
        cancel(tmp_path, "old")
    time.sleep(0.2)
    assert bystander.poll() is None


def test_a_run_of_another_machine_is_left_to_it(tmp_path, start):
    process = start(tmp_path, "far")
    file = tmp_path / "run" / "far.pid"
    file.write_text(json.dumps({**json.loads(file.read_text()), "host": "elsewhere"}))
    assert running(tmp_path, "far") is None
    with pytest.raises(SafetyError, match="started on elsewhere: cancel it there"):
        cancel(tmp_path, "far")
    assert process.poll() is None


def test_cancel_says_when_a_run_does_not_stop(tmp_path, start):
    process = start(tmp_path, "slow", "deaf")
    with pytest.raises(TryAgainError, match=f"slow .process {process.pid}. is still stopping after 0 s"):
        cancel(tmp_path, "slow", wait_seconds=0.3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_file_that_says_nothing_names_no_process(tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "torn.pid").write_text(text)
    assert running(tmp_path, "torn") is None


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden", "x" * 129, "a b"])
def test_a_name_is_a_file_name(tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a run"):
        cancel(tmp_path, name)


def test_a_home_that_is_a_file_is_said_to_be(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StorageError, match="cannot be written"), announce(Path(tmp_path / "home"), "x"):
        pass
