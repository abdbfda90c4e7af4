import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jobs import cli
from jobs.app import App, format_table
from jobs.stop_request import Stopped
from models.errors import (
    DataContractError,
    ModelContractError,
    NothingToDo,
    SafetyError,
    StorageError,
    TryAgainError,
    UsageError,
)

FIRST_WORDS = """
import sys
from jobs import app, cli
def stop(self, text):
    print(text, *sorted({"pandas", "numba", "sklearn", "mlflow", "tensorflow", "pydantic"} & set(sys.modules)))
    sys.exit()
app.App.say = stop
cli.main(sys.argv[1:])
"""


@pytest.fixture
def command(monkeypatch, tmp_path):
    """``command(body)`` makes ``foretable boom`` call ``body(app)``; notes on bugs go to tmp_path."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def make(body):
        found = click.Command("boom", callback=click.pass_obj(body))
        monkeypatch.setattr(cli.CommandFolder, "get_command", lambda *_: found)

    return make


def raising(error):
    def body(_app):
        raise error

    return body


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_help_of_a_command_shows_an_example(name, capsys):
    assert cli.run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"  foretable {name}" in text.partition("Example")[2]


def test_the_help_shows_examples_every_command_and_the_exit_codes(capsys):
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert "foretable sql -e" in text
    assert "Exit codes: 0 ok · 1 bug · 2 usage" in text
    listed = {line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.startswith("  ")}
    assert set(cli.COMMANDS) <= listed


def test_the_version_is_that_of_the_distribution(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("foretable, version ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope"], "foretable: No such command 'nope' (see foretable --help)"),
        (
            ["simulate", "--nope"],
            "foretable: No such option '--nope'. Did you mean '--no-gzip'? (see foretable simulate --help)",
        ),
        (["simulate"], "foretable: Missing option '--out' (see foretable simulate --help)"),
        (["--conf", "x", "simulate"], "foretable: --conf takes KEY=VALUE, got 'x' (see foretable --help)"),
        (["sql", "-e", "SELECT 1", "-f", __file__], "foretable: give -e or -f, not both (see foretable sql --help)"),
    ],
)
def test_a_wrong_command_or_option_is_one_sentence_and_exit_2(arguments, sentence, capsys):
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == sentence


def test_no_command_at_all_shows_the_help(capsys):
    assert cli.run([]) == 2
    assert "foretable demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (DataContractError, 3),
        (ModelContractError, 4),
        (StorageError, 74),
        (TryAgainError, 75),
        (SafetyError, 77),
        (NothingToDo, 99),
    ],
)
def test_an_error_of_ours_is_one_sentence_with_its_exit_code(command, capsys, error, code):
    command(raising(error("the value 7 is wrong: do this")))
    assert cli.run(["boom"]) == code
    assert capsys.readouterr() == ("", "foretable: the value 7 is wrong: do this\n")


def test_an_error_of_the_disk_is_one_sentence_with_exit_74(command, capsys):
    command(lambda _app: Path("/nonexistent/file").read_text())
    assert cli.run(["boom"]) == 74
    assert capsys.readouterr().err == "foretable: No such file or directory: /nonexistent/file\n"


def test_a_bug_is_exit_1_with_a_note_and_without_a_stack_trace(command, capsys, tmp_path):
    command(raising(RuntimeError("the inner\nworkings")))
    assert cli.run(["boom"]) == 1
    text = capsys.readouterr().err
    [note] = tmp_path.glob("foretable_*.log")
    assert text == f"foretable: this is a bug (RuntimeError: the inner workings); the details are in {note}\n"
    assert "Traceback (most recent call last)" in note.read_text()
    assert "RuntimeError: the inner\nworkings" in note.read_text()


def test_an_interruption_says_what_holds(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert cli.run(["boom"]) == 130
    assert "run again to go on" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_names_its_signal_and_has_the_exit_code_of_shells(command, capsys, number, code):
    command(raising(Stopped(number)))
    assert cli.run(["boom"]) == code
    sentence = f"stopped by {number.name}; what was published stays, run again to go on"
    assert capsys.readouterr().err.splitlines()[-1] == sentence


@pytest.mark.parametrize(
    ("statement", "code", "sentence"),
    [
        (
            "SELECT * FROM nowhere",
            3,
            "foretable: there is no table or view nowhere: SHOW TABLES lists what is there",
        ),
        ("SELECT symbl FROM gaps", 3, "foretable: there is no column symbl: did you mean symbol"),
        ("SELEC 1", 2, "foretable: SQL: Syntax error at or near 'SELEC'"),
    ],
)
def test_an_error_of_spark_is_one_sentence(spark, schema, command, capsys, statement, code, sentence):
    command(lambda _app: spark.sql(statement))
    assert cli.run(["boom"]) == code
    text = capsys.readouterr().err
    assert text.startswith(sentence)
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("text", ["shema: x\n", "bars: [\n"])
def test_a_wrong_configuration_is_one_sentence_and_exit_2(command, capsys, tmp_path, text):
    file = tmp_path / "mine.yml"
    file.write_text(text)
    command(lambda app: app.config)
    assert cli.run(["--config", str(file), "boom"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"foretable: {file}")
    assert len(err.splitlines()) == 1


def test_flags_before_the_command_reach_the_configuration(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    command(lambda app: seen.append(app.config))
    settings = ["--home", "h", "--schema", "s", "--master", "local[1]", "--conf", "spark.a=b=c", "--conf", "spark.d=e"]
    assert cli.run([*settings, "boom"]) == 0
    [config] = seen
    assert (config.home, config.schema_name, config.master) == (tmp_path / "h", "s", "local[1]")
    assert config.spark == {"spark.a": "b=c", "spark.d": "e"}


@pytest.mark.parametrize(("flags", "talk"), [([], "starting\n"), (["--quiet"], "")])
def test_talk_goes_to_stderr_and_quiet_silences_it(command, capsys, flags, talk):
    def body(app):
        app.say("starting")
        app.emit({"n": 1})

    command(body)
    assert cli.run([*flags, "boom"]) == 0
    assert capsys.readouterr() == ("n\n-\n1\n", talk)


def test_json_prints_json_on_stdout(command, capsys):
    command(lambda app: app.emit([{"name": "é", "n": None}]))
    assert cli.run(["--json", "boom"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "é", "n": None}]


def test_a_table_has_its_numbers_to_the_right_and_null_empty():
    rows = [{"name": "a", "n": 1234, "x": 0.5, "ok": True}, {"name": None, "n": None, "x": 12.0, "ok": False}]
    assert format_table(rows) == [
        "name      n    x  ok",
        "----  -----  ---  -----",
        "a     1,234  0.5  true",
        "              12  false",
    ]
    assert format_table([]) == []


@pytest.mark.parametrize("arguments", [["sql", "-e", "SELECT 1"], ["resample"]])
def test_the_first_words_come_before_anything_slow_is_imported(arguments, tmp_path):
    command = [sys.executable, "-c", FIRST_WORDS, *arguments]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "starting Spark …\n", done.stderr


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    code = "import sys; from jobs.app import App; from jobs import cli\n"
    code += "import click; cli.CommandFolder.get_command = lambda *_: click.Command('boom', callback="
    code += "lambda: [click.echo('row') for _ in range(100_000)])\ncli.main(['boom'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), err) == (0, b"")


def test_a_connection_that_broke_elsewhere_is_not_taken_for_such_a_reader(command, capfd):
    command(raising(BrokenPipeError(32, "Broken pipe")))
    assert cli.run(["boom"]) == 75
    assert capfd.readouterr().err.startswith("foretable: the connection to Spark broke")


def test_a_session_that_was_never_asked_for_is_not_stopped():
    App().close()
