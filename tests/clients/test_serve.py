"""The server: what it says, where it listens, what a second one is told, and a plain JDBC client."""

import json
import socket
import subprocess

import psutil
from deltalake import DeltaTable


def test_no_process_of_the_server_listens_off_loopback(server, open_ports, connect_client):
    connect_client.rows("SELECT predict('slope', features) FROM samples")  # so that Python workers are there
    process = psutil.Process(server["pid"])
    found = open_ports([process, *process.children(recursive=True)])
    ports = {port for _, port in found}
    assert {int(url.split(":")[-1].split("/")[0]) for url in (server["jdbc"], server["connect"])} <= ports
    assert all(is_loopback for is_loopback, _ in found)


def test_it_says_where_it_answers_and_writes_the_same_for_clients(server, home):
    assert json.loads((home / "serve.json").read_text()) == server
    assert server["jdbc"].endswith("/clients")


def test_a_second_server_on_the_home_is_told_where_the_first_one_runs(foretable, server):
    done = subprocess.run([*foretable, "serve"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 75
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert server["jdbc"] in line
    assert f"kill {server['pid']}" in line


def test_a_taken_port_is_one_sentence_before_spark_starts(foretable, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [*foretable, "--home", str(tmp_path), "serve", "--connect-port", str(port), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 75
    assert done.stderr == (
        f"foretable: port {port} of 127.0.0.1 is taken: choose another with --connect-port, 0 takes a free one\n"
    )


def test_another_host_is_refused(foretable, tmp_path):
    command = [*foretable, "--home", str(tmp_path), "serve", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 77
    assert "0.0.0.0 can be reached from other machines" in done.stderr


def test_two_processes_insert_at_once_and_no_row_is_lost_or_doubled(shell_client, server_shell_client, home):
    server_shell_client.rows("CREATE TABLE raced (writer STRING, n INT)")
    inserts = [f"INSERT INTO raced VALUES ('server', {n});" for n in range(8)]
    with subprocess.Popen(
        [*server_shell_client.command, "sql", "--server", "-e", "\n".join(inserts)], stderr=subprocess.PIPE, text=True
    ) as beside:
        for n in range(8):
            shell_client.rows(f"INSERT INTO raced VALUES ('shell', {n})")
        assert beside.wait(timeout=120) == 0, beside.stderr.read()
    rows = DeltaTable(home / "warehouse" / "clients.db" / "raced").to_pyarrow_table().to_pylist()
    expected = [(writer, n) for writer in ("server", "shell") for n in range(8)]
    assert sorted((row["writer"], row["n"]) for row in rows) == expected
