"""Thrift's binary protocol behind a SASL PLAIN handshake: just enough to talk to Spark's JDBC server.

Written by hand, since a JVM client takes over a second to start and the generated Python one is not on PyPI.
Formats: the Thrift binary protocol specification (strict messages) and TSaslTransport of Apache Thrift.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any

from models.errors import TryAgainError

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
_NUMBERS = {BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}
_CALL, _EXCEPTION = 1, 3
_SASL_START, _SASL_OK, _SASL_COMPLETE = 1, 2, 5

Typed = tuple[int, Any]  # a value with its Thrift type
Struct = Mapping[int, Typed]  # by field id


class Connection:
    """One connection to a Thrift server.

    A call may be given up (Ctrl-C while it waits): its answer is then skipped when a later call is made.
    """

    def __init__(self, host: str, port: int, user: str, timeout_seconds: float = 10.0) -> None:
        """Connect and greet.

        Raises:
            OSError: nothing listens there.
            TryAgainError: what listens is not a Thrift server with SASL PLAIN.
        """
        self._socket = socket.create_connection((host, port), timeout=timeout_seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arrived = bytearray()  # not yet read: what is here survives an interrupted call
        self._sequence = 0
        try:
            self._greet(f"{host}:{port}", user)
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(None)  # a query takes as long as it takes

    def _greet(self, address: str, user: str) -> None:
        for status, payload in ((_SASL_START, b"PLAIN"), (_SASL_OK, f"\0{user}\0{user}".encode())):
            self._socket.sendall(struct.pack(">BI", status, len(payload)) + payload)
        self._wait_for(5)
        if self._arrived[0] != _SASL_COMPLETE:
            raise TryAgainError(f"{address} is not a foretable server (no SASL PLAIN): check the URL")
        self._take_frame(start=1)

    def call(self, method: str, request: Struct) -> dict[int, Any]:
        """Call a method with its request and return the fields of the answer, without their types.

        Raises:
            ConnectionError: the server went away.
        """
        self._sequence += 1
        name = method.encode()
        head = struct.pack(">Ii", 0x80010000 | _CALL, len(name)) + name + struct.pack(">i", self._sequence)
        message = head + _encode(STRUCT, {1: (STRUCT, request)})
        self._socket.sendall(struct.pack(">I", len(message)) + message)
        kind, sequence = 0, 0
        while sequence != self._sequence:
            reader = Reader(self._take_frame())
            kind = reader.number(">I") & 0xFF
            reader.value(STRING)
            sequence = reader.number(">i")
        fields = reader.value(STRUCT)
        if kind == _EXCEPTION or 0 not in fields:
            raise ConnectionError(f"the server refused {method}")
        answer: dict[int, Any] = fields[0]
        return answer

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _take_frame(self, start: int = 0) -> bytes:
        """The next message: four bytes of length after ``start`` bytes, then its content."""
        self._wait_for(start + 4)
        (length,) = struct.unpack_from(">I", self._arrived, start)
        end = start + 4 + length
        self._wait_for(end)
        frame = bytes(self._arrived[start + 4 : end])
        del self._arrived[:end]
        return frame

    def _wait_for(self, length: int) -> None:
        while len(self._arrived) < length:
            part = self._socket.recv(1 << 20)
            if not part:
                raise ConnectionError("the server closed the connection")
            self._arrived += part


class Reader:
    """Reads values from one message."""

    def __init__(self, message: bytes) -> None:
        self._message, self._at = message, 0

    def number(self, layout: str) -> Any:
        """The next number of that ``struct`` layout."""
        (value,) = struct.unpack_from(layout, self._message, self._at)
        self._at += struct.calcsize(layout)
        return value

    def value(self, kind: int) -> Any:
        """The next value: bytes for a STRING, a dict by field id for a STRUCT, a list for a LIST or SET."""
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == BOOL:
            return self.number(">b") == 1
        if kind == STRING:
            start = self._at + 4
            self._at = start + self.number(">i")
            return self._message[start : self._at]
        if kind == STRUCT:
            fields = {}
            while field_kind := self.number(">b"):
                number = self.number(">h")
                fields[number] = self.value(field_kind)
            return fields
        if kind in (LIST, SET):
            item_kind, count = self.number(">b"), self.number(">i")
            return self._numbers(_NUMBERS[item_kind], count) if item_kind in _NUMBERS else self._items(item_kind, count)
        key_kind, value_kind, count = self.number(">b"), self.number(">b"), self.number(">i")
        return {self.value(key_kind): self.value(value_kind) for _ in range(count)}

    def _numbers(self, layout: str, count: int) -> list[Any]:
        values = struct.unpack_from(f">{count}{layout[1]}", self._message, self._at)
        self._at += count * struct.calcsize(layout)
        return list(values)

    def _items(self, kind: int, count: int) -> list[Any]:
        return [self.value(kind) for _ in range(count)]


def _encode(kind: int, value: Any) -> bytes:
    """Bytes of one value; a MAP is always of text to text."""
    if kind in _NUMBERS:
        return struct.pack(_NUMBERS[kind], value)
    if kind == BOOL:
        return b"\1" if value else b"\0"
    if kind == STRING:
        content = value.encode() if isinstance(value, str) else value
        return struct.pack(">i", len(content)) + content
    if kind == MAP:
        pairs = b"".join(_encode(STRING, k) + _encode(STRING, v) for k, v in value.items())
        return struct.pack(">bbi", STRING, STRING, len(value)) + pairs
    fields = (
        struct.pack(">bh", field_kind, number) + _encode(field_kind, content)
        for number, (field_kind, content) in value.items()
    )
    return b"".join(fields) + b"\0"
