"""``foretable sql --server`` prints what the spark-sql shell prints, and fails as it fails."""

import subprocess

import pytest

VALUES = """SELECT 'a;b' AS x, "it's" AS y, array(1, NULL, 2) AS a, named_struct('k', 1, 'z', 'q') AS s, map('a', 1.5) AS m,
  X'414243' AS b, true AS t, CAST(0.1 AS FLOAT) AS f, CAST(16777216 AS FLOAT) AS f2, 1e20D AS d, 1e-7D AS e, 123.0D AS g,
  CAST('nan' AS DOUBLE) AS nn, date'2024-01-01' AS dt, timestamp'2024-01-01 00:00:00' AS ts,
  timestamp'2024-01-01 00:00:00.120' AS ts2, timestamp_ntz'2024-01-01 00:00:00.5' AS tn, '' AS empty, 1.10 AS dec,
  CAST(0.00000001 AS DECIMAL(18, 8)) AS d8, interval 1 day AS i, NULL AS n, CAST(NULL AS DOUBLE) AS nd,
  CAST(5 AS TINYINT) AS ti, CAST(6 AS SMALLINT) AS si, 7L AS bi, array(named_struct('a', 0.1D, 's', 'q"x')) AS nested"""


@pytest.mark.parametrize(
    "statement",
    [
        VALUES,
        "SELECT id, id * 1000003 AS big, id / 7 AS part FROM range(9000)",
        "SELECT * FROM samples ORDER BY id -- a comment; with a semicolon",
        "SELECT * FROM samples WHERE id > 99",
        "CREATE OR REPLACE TEMP VIEW nothing AS SELECT 1",
    ],
)
def test_it_prints_what_the_shell_prints(statement, shell_client, server_shell_client):
    lines, complaint = shell_client.run(statement)
    assert not complaint
    done = server_shell_client.run("--no-header", "-e", statement)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == lines


def test_a_file_with_a_variable_runs_in_one_session_and_a_header_stands_over_each_result(server_shell_client, tmp_path):
    file = tmp_path / "nightly.sql"
    file.write_text("CREATE TEMP VIEW top AS SELECT ${n} AS n;\nSELECT n + 1 AS m FROM top;\nSELECT NULL AS nothing")
    done = server_shell_client.run("-f", str(file), "--hivevar", "n=41")
    assert (done.returncode, done.stdout.splitlines()) == (0, ["m", "42", "nothing", "NULL"])


def test_typed_statements_go_on_after_a_mistake(server_shell_client):
    done = server_shell_client.run("--no-header", stdin="SELECT 6\n* 7;\nSELECT nope;\nSELECT 3; quit;\nSELECT 4;\n")
    assert (done.returncode, done.stdout.splitlines()) == (0, ["42", "3"])
    assert done.stderr.splitlines() == ["foretable: there is no column nope"]


@pytest.mark.parametrize(
    ("statement", "code", "sentence"),
    [
        ("SELECT predict('slopee', features) FROM samples", 4, "There is no model 'slopee'; "),
        ("SELECT * FROM nowhere", 3, "there is no table or view nowhere: SHOW TABLES lists what is there"),
        ("SELECT nope FROM samples", 3, "there is no column nope: did you mean "),
        ("SELEC 1", 2, "SQL: Syntax error at or near 'SELEC'"),
        ("SELECT 1 / 0", 3, "Division by zero. "),
        ("SELECT assert_true(id < 500) FROM range(1000)", 3, "'(id < 500)' is not true!"),
    ],
)
def test_a_mistake_ends_with_one_sentence_and_its_code(server_shell_client, statement, code, sentence):
    done = server_shell_client.run("-e", f"SELECT 1 AS before; {statement}; SELECT 2 AS after")
    assert (done.returncode, done.stdout.splitlines()) == (code, ["before", "1"])
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"foretable: {sentence}")


def test_without_a_server_it_says_how_to_start_one(foretable, tmp_path):
    (tmp_path / "serve.json").write_text(
        '{"pid": 1, "jdbc": "jdbc:hive2://127.0.0.1:1/x", "connect": "", "started_at": ""}'
    )
    command = [*foretable, "--home", str(tmp_path), "sql", "--server", "-e", "SELECT 1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 75
    assert done.stderr == (
        f"foretable: no server runs on {tmp_path}: start one with foretable serve, or leave out --server\n"
    )


def test_a_url_with_options_that_it_does_not_speak_is_refused(foretable):
    command = [*foretable, "sql", "--server", "jdbc:hive2://127.0.0.1:1/x;ssl=true", "-e", "SELECT 1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "for other options use beeline -u" in done.stderr
