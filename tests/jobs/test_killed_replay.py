"""Replays as processes of their own that are ended by SIGKILL at three places, and run again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable

pytestmark = pytest.mark.slow
MOST_SECONDS = 300


def message(sequence):
    return (
        f'{{"type":"open","side":"buy","price":"100","order_id":"o{sequence}","remaining_size":"1",'
        f'"product_id":"BTC-USD","sequence":{sequence},"time":"2018-03-25T00:00:00Z"}}'
    )


@pytest.fixture
def home(tmp_path):
    """A home that has read one good line and three broken ones."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "jars").symlink_to(Path.home() / ".foretable" / "jars")
    lines = [message(1), *(message(number)[:-1] + "?" for number in (2, 3, 4)), ""]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    arguments = ("ingest", str(tmp_path / "a.jsonl"), "--format", "coinbase_full", "--exchange", "coinbase")
    assert finish(start(home, *arguments, "--max-bad", "1")) == 0
    return home


def start(home, *arguments, **environment):
    command = [sys.executable, "-m", "jobs.cli", "--home", str(home), "--master", "local[1]", "--json", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


def finish(process):
    process.out, _ = process.communicate(timeout=MOST_SECONDS)
    return process.returncode


def seen(home):
    """Sequence numbers in ``orders`` as readers are shown it."""
    schema = home / "warehouse" / "foretable.db"
    version = json.loads((schema / "_last_good.json").read_text())["orders"]
    return sorted(DeltaTable(schema / "orders", version=version).to_pyarrow_table()["sequence"].to_pylist())


def test_a_replay_that_is_killed_anywhere_is_healed_by_the_next(home, tmp_path):
    show = start(home, "quarantine", "show")
    assert finish(show) == 0
    lines = json.loads(show.out)
    assert [line["line_number"] for line in lines] == [2, 3, 4]

    def kill_at(point, line, number):
        (tmp_path / "mended.json").write_text(json.dumps(line | {"raw_text": message(number)}))
        folder = tmp_path / point
        folder.mkdir()
        words = ("quarantine", "replay", "--edited", str(tmp_path / "mended.json"))
        process = start(home, *words, FORETABLE_PAUSE_AT=f"{point}:{folder}")
        until = time.monotonic() + MOST_SECONDS
        while not (folder / "reached").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
        process.communicate()
        return words

    words = kill_at("before_write", lines[0], 2)
    assert finish(start(home, *words)) == 0
    assert seen(home) == [1, 2]
    kill_at("after_write", lines[1], 3)  # the first table is written: the quarantine knows the text
    assert seen(home) == [1, 2]
    assert finish(start(home, "quarantine", "replay", "--code", "BAD_TIME")) == 0
    assert seen(home) == [1, 2, 3]
    kill_at("before_publish", lines[2], 4)
    assert seen(home) == [1, 2, 3]
    assert finish(start(home, "quarantine", "replay")) == 0
    assert seen(home) == [1, 2, 3, 4]
    assert finish(start(home, "quarantine", "replay")) == 99
    ledger = DeltaTable(home / "warehouse" / "foretable.db" / "ingested_files").to_pyarrow_table().to_pylist()
    counts = [(row["n_read"], row["n_good"], row["n_quarantined"]) for row in ledger if row["state"] != "replayed"]
    assert counts == [(4, 4, 0)]
    runs = DeltaTable(home / "warehouse" / "foretable.db" / "runs").to_pyarrow_table().to_pylist()
    states = sorted(row["state"] for row in runs if row["job"] == "replay")
    assert states == ["done", "done", "done", "killed", "killed", "killed"]
