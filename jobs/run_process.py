"""Which process does a run: ``home/run/<run_id>.pid``, true only while that very process lives; and how to end it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from models.errors import DataContractError, SafetyError, StorageError, TryAgainError, UsageError

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class RunProcess:
    """The process of a run."""

    run_id: str
    pid: int
    started: str  # when the process began, as the system tells it: two processes of one pid differ in it
    host: str


def check_run_id(run_id: str) -> str:
    """Return a name that can be a file name on every system.

    Raises:
        UsageError: it has other characters, or more than 128.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise UsageError(f"{run_id!r} cannot name a run: take up to 128 letters, digits, '_', '.' and '-'")
    return run_id


@contextmanager
def announce(home: Path, run_id: str) -> Iterator[None]:
    """Let :func:`cancel` find this process, to the end of the block.

    Raises:
        TryAgainError: another process does a run of this name.
        StorageError: the home cannot be written.
    """
    file = _file(home, run_id)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = _hold(file)
    except OSError as e:
        raise StorageError(
            f"the home {home} cannot be written ({e.strerror}): set FORETABLE_HOME to a folder of yours"
        ) from e
    if held is None:
        raise TryAgainError(f"{run_id} is running already: wait for its end, or stop it with --cancel {run_id}")
    with held:
        me = RunProcess(run_id, os.getpid(), _start_of(os.getpid()) or "", socket.gethostname())
        held.truncate(0)
        held.write(json.dumps(asdict(me)) + "\n")
        held.flush()
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def running(home: Path, run_id: str) -> RunProcess | None:
    """The process that does this run on this machine; None where there is none, also where a killed one left a file."""
    process = _read(home, run_id)
    if process is None or process.host != socket.gethostname() or _start_of(process.pid) != process.started:
        return None
    return process


def cancel(home: Path, run_id: str, wait_seconds: float = 60.0) -> RunProcess:
    """Ask the process of a run to stop (SIGTERM) and wait until it has ended; never another process of its pid.

    Raises:
        DataContractError: no such run goes on.
        SafetyError: it goes on, on another machine or of another user.
        TryAgainError: it has not ended in time.
    """
    written = _read(home, run_id)
    process = running(home, run_id)
    if process is None:
        if written is not None and written.host != socket.gethostname():
            raise SafetyError(f"{run_id} was started on {written.host}: cancel it there")
        raise DataContractError(f"no run {run_id} is going on: foretable runs lists what has ended")
    try:
        _terminate(process)
    except PermissionError as e:
        raise SafetyError(f"{run_id} is the process {process.pid} of another user: ask them to cancel it") from e
    until = time.monotonic() + wait_seconds
    while _start_of(process.pid) == process.started:
        if time.monotonic() > until:
            raise TryAgainError(
                f"{run_id} (process {process.pid}) is still stopping after {wait_seconds:.0f} s: see its log"
            )
        time.sleep(0.05)
    return process


def _file(home: Path, run_id: str) -> Path:
    return home / "run" / f"{check_run_id(run_id)}.pid"


def _hold(file: Path) -> IO[str] | None:
    """The file, locked; None where another process holds it."""
    while True:
        held = file.open("a+", encoding="utf-8")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            return None
        with suppress(FileNotFoundError):
            if file.stat().st_ino == os.fstat(held.fileno()).st_ino:
                return held
        held.close()  # its owner ended in between and took the file away: make a new one


def _read(home: Path, run_id: str) -> RunProcess | None:
    try:
        return RunProcess(**json.loads(_file(home, run_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _terminate(process: RunProcess) -> None:
    """Send SIGTERM. A pidfd stays with the process it was opened for, so the check and the signal mean the same one."""
    with suppress(ProcessLookupError):  # it has just ended by itself
        if not hasattr(os, "pidfd_open"):
            os.kill(process.pid, signal.SIGTERM)
            return
        handle = os.pidfd_open(process.pid)
        try:
            if _start_of(process.pid) == process.started:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
        finally:
            os.close(handle)


def _start_of(pid: int) -> str | None:
    """When a process began, in the words of the system; None where none of this pid lives."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_without_proc(pid)
    state, ticks = facts[0], facts[19]  # fields 3 and 22 of proc(5)
    return None if state in "ZX" else f"{boot} {ticks}"


def _start_without_proc(pid: int) -> str | None:
    """As ``ps`` tells it: to the second, on systems without /proc such as macOS."""
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
