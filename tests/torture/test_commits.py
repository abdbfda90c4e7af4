"""Several processes commit to one table, plain SQL shells among them: no commit is lost, none is there twice."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from deltalake import DeltaTable
from processes import QUICK

FORETABLE = Path(sys.executable).with_name("foretable")
LONGEST_SECONDS = 3_600
N_SHELLS, N_SESSIONS = 2, 2


@pytest.fixture
def start_shell(torture_home, tmp_path):
    """Start ``foretable sql -f`` with tagged INSERTs, one commit each."""
    shells = []

    def start(writer, n):
        file = tmp_path / f"{writer}.sql"
        tag = "SET spark.databricks.delta.commitInfo.userMetadata={0}-{1};\nINSERT INTO commits VALUES ('{0}', {1});\n"
        file.write_text("".join(tag.format(writer, i) for i in range(n)))
        settings = [word for name, value in QUICK.items() for word in ("--conf", f"{name}={value}")]
        command = [
            str(FORETABLE),
            "--home",
            str(torture_home),
            "--schema",
            "ta_race",
            *settings,
            "sql",
            "-f",
            str(file),
        ]
        said = (tmp_path / f"{writer}.out").open("w+"), (tmp_path / f"{writer}.err").open("w+")
        shells.append(subprocess.Popen(command, stdout=said[0], stderr=said[1], text=True))
        return shells[-1], said

    yield start
    for shell in shells:
        shell.kill()
        shell.wait()


def acknowledged_by(shell, said, writer):
    """Tags of the INSERTs that the shell has answered: it says "Response code" after each."""
    code = shell.wait(LONGEST_SECONDS)
    texts = []
    for file in said:
        file.seek(0)
        texts.append(file.read())
        file.close()
    assert code == 0, texts[1][-2_000:]
    n_answers = texts[0].splitlines().count("Response code")
    return [f"{writer}-{i}" for i in range(n_answers)]


def tag_of(commit):
    text = commit.get("userMetadata", "")
    return json.loads(text)["foretable_run"] if text.startswith("{") else text


@pytest.mark.parametrize(
    "n_each", [pytest.param(5, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.torture)]
)
def test_commits_of_shells_and_sessions_are_there_once(n_each, pool, torture_home, start_shell, figure):
    pool.start(N_SESSIONS)
    sessions = {f"session_{i}": pool.take() for i in range(N_SESSIONS)}
    first = sessions["session_0"]
    for statement in ("CREATE SCHEMA ta_race", "CREATE TABLE ta_race.commits (writer STRING, number INT)"):
        first.run(sql=statement)
    started = time.monotonic()
    shells = {f"shell_{i}": start_shell(f"shell_{i}", n_each) for i in range(N_SHELLS)}
    for writer, session in sessions.items():
        session.ask(insert={"table": "ta_race.commits", "writer": writer, "n": n_each})
    acknowledged = [tag for session in sessions.values() for tag in session.answer(LONGEST_SECONDS)["acknowledged"]]
    for writer, shell in shells.items():
        acknowledged += acknowledged_by(*shell, writer)
    seconds = time.monotonic() - started
    wanted = Counter(acknowledged)
    assert wanted == Counter(f"{writer}-{i}" for writer in [*sessions, *shells] for i in range(n_each))

    by_spark = Counter(f"{w}-{n}" for w, n in first.run(sql="SELECT writer, number FROM ta_race.commits")["rows"])
    table = DeltaTable(torture_home / "warehouse" / "ta_race.db" / "commits")
    by_deltalake = Counter(f"{row['writer']}-{row['number']}" for row in table.to_pyarrow_table().to_pylist())
    in_log = Counter(tag_of(commit) for commit in table.history() if commit["operation"] == "WRITE")
    assert by_spark == wanted
    assert by_deltalake == wanted
    assert in_log == wanted
    assert table.version() == len(acknowledged)
    first.run(sql="DROP SCHEMA ta_race CASCADE")
    for session in sessions.values():
        pool.give_back(session)
    figure(
        f"{len(wanted):,} tagged commits of {N_SHELLS} shells and {N_SESSIONS} sessions in {seconds:,.0f} s: "
        "0 lost, 0 doubled by Spark, by deltalake and in the log"
    )
