"""The wire format, against a server of a few bytes written by hand from Thrift's binary protocol specification."""

import socket
import struct
import threading

import pytest

from jobs.thrift_wire import BOOL, DOUBLE, I32, I64, LIST, MAP, STRING, STRUCT, Connection, Reader, _encode
from models.errors import TryAgainError

GREETING = b"\1\0\0\0\5PLAIN\2\0\0\0\6\0me\0me"
SASL_COMPLETE = struct.pack(">BI", 5, 0)


def reply(sequence, number):
    """A frame: reply to ``Ping`` whose result (field 0) is a struct with the i32 ``number`` as field 1."""
    head = struct.pack(">Ii4si", 0x80010002, 4, b"Ping", sequence)
    body = struct.pack(">bh bhi bb", STRUCT, 0, I32, 1, number, 0, 0)
    return struct.pack(">I", len(head + body)) + head + body


@pytest.fixture
def serve():
    """Accept one connection, answer the greeting, then send what is given; returns the port."""
    sockets = []

    def start(greeting, *answers):
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def run():
            peer, _ = listener.accept()
            sockets.append(peer)
            peer.recv(len(GREETING), socket.MSG_WAITALL)
            peer.sendall(greeting)
            for answer in answers:
                peer.recv(1 << 16)
                peer.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for each in sockets:
        each.close()


def test_an_answer_is_the_fields_of_the_result(serve):
    connection = Connection("127.0.0.1", serve(SASL_COMPLETE, reply(1, 42)), "me")
    assert connection.call("Ping", {}) == {1: 42}
    connection.close()


def test_the_answer_of_a_call_that_was_given_up_is_skipped(serve):
    connection = Connection("127.0.0.1", serve(SASL_COMPLETE, reply(1, 41)[:7], reply(1, 41)[7:] + reply(2, 42)), "me")
    connection._socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.call("Ping", {})
    assert connection.call("Ping", {}) == {1: 42}
    connection.close()


def test_something_else_that_listens_is_told_apart(serve):
    with pytest.raises(TryAgainError, match="is not a foretable server"):
        Connection("127.0.0.1", serve(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "me")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (I32, -2, b"\xff\xff\xff\xfe"),
        (I64, 258, b"\0\0\0\0\0\0\1\2"),
        (BOOL, True, b"\1"),
        (DOUBLE, 1.0, b"\x3f\xf0\0\0\0\0\0\0"),
        (STRING, "é", b"\0\0\0\2\xc3\xa9"),
        (MAP, {"k": "v"}, b"\x0b\x0b\0\0\0\1\0\0\0\1k\0\0\0\1v"),
        (STRUCT, {3: (BOOL, False)}, b"\x02\0\3\0\0"),
    ],
)
def test_values_have_the_bytes_of_the_specification(kind, value, expected):
    assert _encode(kind, value) == expected


def test_lists_of_numbers_and_of_text_are_read():
    assert Reader(b"\x08\0\0\0\2\0\0\0\7\xff\xff\xff\xff").value(LIST) == [7, -1]
    assert Reader(b"\x0b\0\0\0\2\0\0\0\1a\0\0\0\0").value(LIST) == [b"a", b""]
