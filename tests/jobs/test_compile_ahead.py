"""What is compiled ahead is what a first run asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import prepare

JOBS = Path(__file__).parent
OF_BOOKS_AND_BARS = [str(JOBS / f"test_{name}.py") for name in ("replay_of_files", "partial_bars", "chosen_quotes")]


@pytest.mark.slow
def test_books_and_bars_find_their_passes_compiled(tmp_path):
    def run(*command):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        subprocess.run([sys.executable, "-m", *command], env=environment, check=True, cwd=JOBS.parents[1])
        return {file.relative_to(tmp_path) for file in tmp_path.rglob("*.nbc")}

    compiled = run("jobs.compile_ahead")
    assert compiled
    assert run("pytest", "-q", "-p", "no:cacheprovider", *OF_BOOKS_AND_BARS) == compiled


def test_a_failure_to_compile_ahead_is_said_and_no_more(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    said = []
    with prepare.compiling(said.append):
        pass
    assert said == ["passes over books and bars were not compiled (no word): a first run does it"]
