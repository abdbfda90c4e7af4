"""Raw messages of a websocket as they came, one JSON object a line, each with its receive time before it or without.

``<receive time, ns since 1970> <JSON>``, as ``foretable record`` writes: the receive time, made strictly ascending by
the recorder, is the sequence, so the files of a recording follow one another. Without it the line number serves, and
the first time in the file, in ms, is the epoch, as for a log of Bitstamp.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from jobs.readers.instants import are_plausible, parse_instant
from jobs.readers.json_lines import RefusedLineError, decode_line, parse_object
from jobs.readers.lines import Lines
from jobs.readers.message_columns import MessageColumns
from jobs.readers.plain_events import event_columns
from jobs.readers.refusal import Refusal
from jobs.readers.schema import ReadLines

HEADER = "foretable_capture"  # the first line of a recording of ours: {"foretable_capture": {"connection_ms": …}}
_CUT = ("NOT_JSON", "NUL_BYTE", "NOT_UTF8", "NOT_A_LOG_LINE")


class Feed(Protocol):
    """What the messages of one exchange mean."""

    def plain(self, message: dict[str, Any]) -> dict[str, str | None]:
        """The message with the field names of ``orders``, without ``event_time`` where it has none.

        Raises:
            RefusedLineError: it is none of the feed's, tells nothing about an order, or a level in it is wrong.
        """


class WebsocketCaptureReader:
    """Reads the lines of one file from its first to its last."""

    def __init__(self, feed: Feed, now_us: int) -> None:
        """Take the feed and the instant that no message may lie a day ahead of."""
        self.feed = feed
        self.now_us = now_us
        self.epoch: int | None = None
        self._is_timed: bool | None = None  # receive times stand before the messages
        self._time: str | None = None  # of the last message that had one: the exchange's own clock

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines."""
        n = len(lines.lines)
        sequences, is_open_end = lines.numbers.copy(), np.zeros(n, dtype=bool)
        messages: list[dict[str, Any]] = [{} for _ in range(n)]
        refusals: dict[int, Refusal] = {}
        for row, line in enumerate(lines.lines):
            try:
                received_ns, message = self._message(line)
                sequences[row] = lines.numbers[row] if received_ns is None else received_ns
                messages[row] = self.feed.plain(message)
            except RefusedLineError as e:
                refusals[row] = e.refusal
                is_open_end[row] = e.refusal.code in _CUT
        self._fill_times(messages, refusals)
        columns = event_columns(batch := MessageColumns(messages, refusals), self.epoch, self.now_us, is_binary=False)
        return ReadLines(columns | {"sequence": pa.array(sequences)}, batch.refusals, set(), is_open_end)

    def _message(self, line: bytes) -> tuple[int | None, dict[str, Any]]:
        text = decode_line(line)
        received_ns, start = receive_time(text)
        message = parse_object(text, start)
        if self._is_timed is None:
            self._is_timed = received_ns is not None
        if self._is_timed != (received_ns is not None):
            raise RefusedLineError(Refusal("NOT_A_LOG_LINE", "the first line of the file differs in its receive time"))
        if HEADER in message:
            self.epoch = _connection_ms(message[HEADER])
            raise RefusedLineError(Refusal("NOT_AN_ORDER_EVENT", "header of the recording"))
        return received_ns, message

    def _fill_times(self, messages: list[dict[str, Any]], refusals: dict[int, Refusal]) -> None:
        """A message without a time has that of the one before it; the first ones have that of the next."""
        times = [message.get("event_time") for row, message in enumerate(messages) if row not in refusals]
        if self._time is None:
            self._time = next((time for time in times if time and self._is_plausible(time)), None)
        if self.epoch is None and self._time is not None:
            self.epoch = 0 if self._is_timed else (parse_instant(self._time) or 0) // 1000
        for row, message in enumerate(messages):
            if row not in refusals:
                message["event_time"] = message.get("event_time") or self._time
                self._time = message["event_time"]

    def _is_plausible(self, time: str) -> bool:
        instant_us = parse_instant(time)
        return instant_us is not None and bool(are_plausible(np.array([instant_us], dtype=object), self.now_us).all())


def receive_time(text: str) -> tuple[int | None, int]:
    """Nanoseconds since 1970 at the start of the line, None where there are none; and where the JSON starts."""
    end = text.find(" ")
    if 16 <= end <= 19 and text[:end].isascii() and text[:end].isdigit():
        return int(text[:end]), end + 1
    return None, 0


def _connection_ms(header: Any) -> int | None:
    value = header.get("connection_ms") if isinstance(header, dict) else None
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) <= 15 else None
