import hashlib
import http.server
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jobs.jars import DELTA_JARS, Jar, fetched_jars
from models.errors import StorageError

CONTENT = bytes(range(256)) * 1024
JAR = Jar("delta-test", "1.0", hashlib.sha256(CONTENT).hexdigest())
FETCH = """
import sys
from pathlib import Path
from jobs.jars import Jar, fetched_jars
cache, mirror, sha256 = sys.argv[1:]
print("ready", flush=True)
[jar] = fetched_jars(Path(cache), mirror, (Jar("delta-test", "1.0", sha256),))
print(jar)
"""


class Mirror:
    """A Maven repository on 127.0.0.1 that can misbehave; remembers the Range header of each request."""

    def __init__(self):
        self.content, self.break_after, self.takes_ranges, self.is_chunked = CONTENT, None, True, False
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.ranges = []
        self.paths = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                mirror.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/maven2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        self.paths.append(request.path)
        self.may_answer.wait(60)
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        request.close_connection = True
        if self.content is None:
            request.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.takes_ranges else 0
        if start >= len(self.content):
            request.send_error(416)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if self.is_chunked:
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            request.wfile.write(b"ffff\r\n" + body[:100])  # announces 65,535 bytes and ends
            return
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.break_after])


@pytest.fixture
def mirror():
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


def fetch(cache, mirror, **options):
    return fetched_jars(cache, mirror.address, (JAR,), **options)


def test_a_jar_is_fetched_once_from_its_maven_address(tmp_path, mirror):
    words = []
    for _ in range(2):
        [jar] = fetch(tmp_path, mirror, say=words.append)
        assert jar.read_bytes() == CONTENT
    assert mirror.paths == ["/maven2/io/delta/delta-test/1.0/delta-test-1.0.jar"]
    assert words == [f"fetching delta-test-1.0.jar from {mirror.address}"]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, mirror):
    mirror.break_after = 100_000
    with pytest.raises(StorageError, match=r"the connection broke after 100000 bytes; the next run goes on from there"):
        fetch(tmp_path, mirror)
    mirror.break_after = None
    [jar] = fetch(tmp_path, mirror)
    assert jar.read_bytes() == CONTENT
    assert mirror.ranges == [None, "bytes=100000-"]


def test_a_server_without_ranges_sends_it_all_again(tmp_path, mirror):
    mirror.break_after, mirror.takes_ranges = 100_000, False
    for _ in range(2):  # the second break starts from nothing again, and says so
        with pytest.raises(StorageError, match="the connection broke after 100000 bytes"):
            fetch(tmp_path, mirror)
    mirror.break_after = None
    [jar] = fetch(tmp_path, mirror)
    assert jar.read_bytes() == CONTENT


def test_a_chunked_answer_that_breaks_is_one_sentence(tmp_path, mirror):
    mirror.is_chunked = True
    with pytest.raises(StorageError, match=r"delta-test-1\.0\.jar could not be fetched from http://127"):
        fetch(tmp_path, mirror)


def test_a_whole_part_file_whose_renaming_was_cut_off_is_used(tmp_path, mirror):
    (tmp_path / "delta-test-1.0.part").write_bytes(CONTENT)
    [jar] = fetch(tmp_path, mirror)
    assert jar.read_bytes() == CONTENT
    assert mirror.ranges == [f"bytes={len(CONTENT)}-"]


def test_wrong_bytes_are_refused_and_not_kept(tmp_path, mirror):
    mirror.content = CONTENT[:-1] + b"x"
    with pytest.raises(StorageError, match=r"not the pinned one: try another FORETABLE_MAVEN_MIRROR$"):
        fetch(tmp_path, mirror)
    assert [file.name for file in tmp_path.iterdir()] == [".lock"]
    mirror.content = CONTENT
    assert fetch(tmp_path, mirror)[0].read_bytes() == CONTENT


def test_a_changed_file_in_the_cache_is_refused_and_left_for_the_user(tmp_path, mirror):
    file = tmp_path / JAR.file_name
    file.write_bytes(b"something else")
    with pytest.raises(StorageError, match=rf"^{file} is not the pinned file .*: delete it and run again$"):
        fetch(tmp_path, mirror)
    assert file.read_bytes() == b"something else"


def test_a_mirror_without_the_jar_is_named_with_the_remedies(tmp_path, mirror):
    mirror.content = None
    with pytest.raises(StorageError) as error:
        fetch(tmp_path, mirror)
    assert str(error.value) == (
        f"delta-test-1.0.jar could not be fetched from {mirror.address} (Not Found): copy it to {tmp_path}, "
        "or name a mirror in FORETABLE_MAVEN_MIRROR, and run again"
    )


def test_offline_is_one_sentence_with_the_remedies(tmp_path, mirror):
    mirror.server.shutdown()
    mirror.server.server_close()
    with pytest.raises(StorageError, match=rf"refused\): copy it to {tmp_path}, or name a mirror in FORETABLE_MAVEN"):
        fetch(tmp_path, mirror)


def test_a_mirror_that_is_no_address_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match=r"could not be fetched from repo\.local .*name a mirror"):
        fetched_jars(tmp_path, "repo.local", (JAR,))


def test_a_folder_serves_as_mirror(tmp_path):
    jar = tmp_path / "mirror" / "io" / "delta" / "delta-test" / "1.0" / "delta-test-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(CONTENT)
    [got] = fetched_jars(tmp_path / "cache", (tmp_path / "mirror").as_uri() + "/", (JAR,))
    assert got == tmp_path / "cache" / "delta-test-1.0.jar"
    assert got.read_bytes() == CONTENT


def test_a_cache_that_holds_the_jars_needs_no_network(tmp_path):
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    assert fetched_jars(tmp_path, "http://127.0.0.1:9", (JAR,)) == [tmp_path / JAR.file_name]


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(
        StorageError, match=r"^the jar cache .*cache cannot be written \(File exists\): set FORETABLE_HO"
    ):
        fetched_jars(tmp_path / "cache", "http://127.0.0.1:9", (JAR,))


def test_processes_that_start_at_once_fetch_once(tmp_path, mirror):
    command = [sys.executable, "-c", FETCH, str(tmp_path), mirror.address, JAR.sha256]
    mirror.may_answer.clear()
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)  # time to reach the mirror, for one that does not wait for the first
    mirror.may_answer.set()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said == [str(tmp_path / "delta-test-1.0.jar")] * 3
    assert len(mirror.paths) == 1


def test_the_pinned_jars_are_those_that_the_sessions_of_this_suite_run_on(home):
    for jar in fetched_jars(Path(home) / "jars"):
        assert hashlib.sha256(jar.read_bytes()).hexdigest() in {pinned.sha256 for pinned in DELTA_JARS}
