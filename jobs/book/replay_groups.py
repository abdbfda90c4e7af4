"""Replay of sorted rows of ``orders`` that hold many books one after the other, from saved books or from nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from jobs.book.book_rows import Key, rows_by_book
from jobs.book.event_columns import event_columns
from jobs.book.keyed_replay import KeyedReplay
from jobs.book.replay import BookOptions


def replay_groups(
    batches: Iterator[pa.RecordBatch], options_of: Callable[[str], BookOptions]
) -> Iterator[pa.RecordBatch]:
    """Rows of ``GROUP_SCHEMA``: the quotes of each book, and the book itself at the end of each UTC day and of all.

    Args:
        batches: Rows of ``orders`` with ``EVENT_COLUMNS``, ``GROUP_KEY`` and ``saved_book``, sorted by key and
            sequence. A first row of a key with a ``saved_book`` is no event, but where to go on from.
        options_of: Exchange to options.
    """
    key: Key | None = None
    book: KeyedReplay | None = None
    for batch in batches:
        events = event_columns(batch)
        for next_key, rows in rows_by_book(batch):
            if next_key != key or book is None:
                if book is not None:
                    yield from book.saved()
                key, saved_book = next_key, batch.column("saved_book")[int(rows[0])].as_py()
                book = KeyedReplay(next_key, options_of(next_key[0]), saved_book)
                rows = rows if saved_book is None else rows[1:]
            yield from book.replay(batch, events, rows)
    if book is not None:
        yield from book.saved()
