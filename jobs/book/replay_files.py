"""Replay of books whose events lie in files, as many at a time as a task has: each file is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.book.book_rows import Key, rows_by_book
from jobs.book.event_columns import event_columns
from jobs.book.event_files import EventPiece, read_events
from jobs.book.keyed_replay import KeyedReplay
from jobs.book.replay import BookOptions, room_for_rows


@dataclass(frozen=True)
class BookPart:
    """The events of a book to replay: those after a sequence (None: all), up to a piece of the task (-1: none)."""

    key: Key
    after: int | None
    last_piece: int


@dataclass(frozen=True)
class ReplayTask:
    """Books, and the pieces that hold their events, in an order in which those of each book ascend."""

    books: Sequence[BookPart]
    pieces: Sequence[EventPiece]


def replay_files(
    task: ReplayTask, saved_books: Mapping[Key, bytes], options_of: Callable[[str], BookOptions]
) -> Iterator[pa.RecordBatch]:
    """Rows of ``GROUP_SCHEMA`` as from ``replay_groups``, those of a book in order.

    Args:
        task: What to replay.
        saved_books: Where the books of the task go on from; the others begin with nothing.
        options_of: Exchange to options.
    """
    if not task.books:
        return
    out = room_for_rows(options_of(task.books[0].key[0]))
    parts, books = {part.key: part for part in task.books}, dict[Key, KeyedReplay]()
    ending: dict[int, list[Key]] = {}
    for part in task.books:
        ending.setdefault(part.last_piece, []).append(part.key)

    def book_of(key: Key) -> KeyedReplay:
        return books.get(key) or KeyedReplay(key, options_of(key[0]), saved_books.get(key), out)

    def ended_with(number: int) -> Iterator[pa.RecordBatch]:
        for key in ending.get(number, ()):
            yield from book_of(key).saved()
            books.pop(key, None)

    yield from ended_with(-1)
    for number, piece in enumerate(task.pieces):
        for batch in read_events(piece, len(books)):
            events = event_columns(batch)
            for key, rows in rows_by_book(batch):
                if key in parts and number <= parts[key].last_piece:
                    books[key] = book_of(key)
                    wanted = _wanted(rows, events.sequence, parts[key].after, piece)
                    yield from books[key].replay(batch, events, wanted)
        yield from ended_with(number)


def _wanted(rows: np.ndarray, sequence: np.ndarray, after: int | None, piece: EventPiece) -> np.ndarray:
    """Those after a sequence, in ascending order."""
    rows = rows if after is None else rows[sequence[rows] > after]
    return rows if piece.is_ascending else rows[np.argsort(sequence[rows], kind="stable")]
