"""``foretable sql`` is Spark's own shell: real processes, each with a session of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORETABLE = Path(sys.executable).with_name("foretable")


@pytest.fixture(scope="module")
def shell(in_home):
    """Run ``foretable ... sql`` on the home of the suite, from another folder."""

    def run(*arguments, stdin=None):
        command = [str(FORETABLE), "--home", str(in_home), "--schema", "pipeline", "sql", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, input=stdin, cwd="/", env={**os.environ}, timeout=300
        )

    return run


@pytest.fixture(scope="module")
def in_home(home, market):
    return home


def test_a_prediction_comes_out_of_the_real_shell_from_any_folder(shell, spark, in_pipeline):
    query = "SELECT bar_start, predict('ridge_return_5m/1', features) AS p FROM features WHERE is_warm ORDER BY symbol, bar_start LIMIT 3"
    expected = [f"{row.bar_start:%Y-%m-%d %H:%M:%S}\t{row.p}" for row in spark.sql(query).collect()]
    done = shell("-e", query)
    assert done.returncode == 0, done.stderr
    heading, *rows = done.stdout.splitlines()
    assert heading == "bar_start\tp"
    assert [row.split("\t")[0] for row in rows] == [row.split("\t")[0] for row in expected]
    assert [float(row.split("\t")[1]) for row in rows] == [float(row.split("\t")[1]) for row in expected]
    assert "starting Spark" in done.stderr.splitlines()[0]


@pytest.mark.slow
def test_an_unknown_model_ends_with_one_sentence_and_code_4(shell):
    done = shell("-e", "SELECT predict('rigde_return_5m', features) FROM features")
    assert (done.returncode, done.stdout) == (4, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("foretable: There is no model 'rigde_return_5m'; known models: ")
    assert "ridge_return_5m" in last
    assert "\tat " not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "code", "sentence"),
    [
        ("SELECT * FROM nowhere", 3, "there is no table or view nowhere: SHOW TABLES lists what is there"),
        ("SELECT nope FROM bars", 3, "there is no column nope: did you mean "),
        ("SELEC 1", 2, "SQL: Syntax error at or near 'SELEC'"),
    ],
)
def test_a_mistake_ends_with_one_sentence_and_its_code(shell, statement, code, sentence):
    done = shell("-e", statement)
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith(f"foretable: {sentence}")
    assert "\tat " not in done.stderr


@pytest.mark.slow
def test_a_file_of_statements_with_a_variable_leaves_a_view_for_the_next_shell(shell, tmp_path):
    file = tmp_path / "nightly.sql"
    file.write_text("CREATE OR REPLACE VIEW top AS SELECT ${n} AS n;\nSELECT n + 1 AS m FROM top;\n")
    first = shell("-f", str(file), "--hivevar", "n=41")
    # spark-sql heads a statement without rows with "Response code"
    assert (first.returncode, first.stdout.splitlines()) == (0, ["Response code", "m", "42"])
    second = shell("-e", "SELECT n FROM top; DROP VIEW top")
    assert (second.returncode, second.stdout.splitlines()[:2]) == (0, ["n", "41"])


@pytest.mark.slow
def test_the_interactive_shell_reads_statements_from_its_input(shell):
    done = shell(stdin="SELECT 6 * 7 AS answer;\nquit;\n")
    assert done.returncode == 0
    assert "42" in done.stdout
