"""Who serves a home, and on which addresses a server may listen."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from jobs.serve_address import check_host, check_port, is_loopback
from jobs.serve_state import RunningServer, await_server, only_server, published, running_server
from models.errors import SafetyError, TryAgainError, UsageError

SERVER = RunningServer(
    4711, "jdbc:hive2://127.0.0.1:10000/foretable", "sc://127.0.0.1:15002", "2026-01-02T03:04:05+00:00"
)


def test_clients_find_a_server_as_long_as_it_holds_its_place(tmp_path):
    assert running_server(tmp_path) is None
    with only_server(tmp_path):
        assert running_server(tmp_path) is None
        with published(tmp_path, SERVER):
            assert running_server(tmp_path) == SERVER
        assert running_server(tmp_path) is None
    assert not (tmp_path / "serve.json").exists()


def test_the_file_of_a_killed_server_is_ignored_and_its_place_is_free(tmp_path):
    (tmp_path / "serve.json").write_text(json.dumps(asdict(SERVER)))
    (tmp_path / "serve.lock").touch()
    assert running_server(tmp_path) is None
    with only_server(tmp_path):
        assert not (tmp_path / "serve.json").exists()


def test_a_client_waits_for_a_server_that_is_starting_and_not_for_one_that_is_not(tmp_path):
    assert await_server(tmp_path, grace_seconds=0) is None
    with only_server(tmp_path), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(await_server, tmp_path, 0.0, 30.0)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        with published(tmp_path, SERVER):
            assert waiting.result(timeout=30) == SERVER
    with only_server(tmp_path):
        assert await_server(tmp_path, 0.0, start_seconds=0.1) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_file_that_is_no_account_of_a_server_is_ignored(tmp_path, content):
    with only_server(tmp_path):
        (tmp_path / "serve.json").write_text(content)
        assert running_server(tmp_path) is None


def test_a_second_server_is_told_where_the_first_one_runs(tmp_path):
    with (
        only_server(tmp_path),
        published(tmp_path, SERVER),
        pytest.raises(TryAgainError, match=r"10000/foretable .* kill 4711"),
        only_server(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("example.org", False), ("127.0.0.1.example.org", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_address_alone(host, expected):
    assert is_loopback(host) is expected


def test_an_open_host_needs_a_proxy_before_it():
    with pytest.raises(SafetyError, match=r"^0\.0\.0\.0 can be reached from other machines"):
        check_host("0.0.0.0", is_behind_proxy=False)
    check_host("0.0.0.0", is_behind_proxy=True)


def test_a_taken_port_is_found_before_spark_starts():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(TryAgainError, match=r"is taken: choose another with --port"):
            check_port("127.0.0.1", other.getsockname()[1], "--port")
    check_port("127.0.0.1", 0, "--port")


def test_an_address_of_another_machine_is_a_mistake_of_the_caller():
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:1"):  # TEST-NET-1, never assigned
        check_port("192.0.2.1", 10_000, "--port")
