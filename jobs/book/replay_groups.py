"""Replay of sorted rows of ``orders`` that hold many books one after the other, from saved books or from nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from jobs.book.quote_columns import INSTANT, QUOTE_SCHEMA
from jobs.book.replay import BookOptions, BookReplay

Key = tuple[str, str, int]
_DAY_US = 86_400_000_000
_KEY_FIELDS = [pa.field("exchange", pa.string()), pa.field("symbol", pa.string()), pa.field("epoch", pa.int64())]
GROUP_KEY = tuple(field.name for field in _KEY_FIELDS)
_COUNTS = ("n_events", "n_contradictions", "n_gaps", "n_snapshots", "n_snapshots_agreed")
# A row of quotes; or a saved book, which has saved_book, sequence, event_time and the counts only.
GROUP_SCHEMA = pa.schema(
    [
        *_KEY_FIELDS,
        *QUOTE_SCHEMA,
        pa.field("saved_book", pa.binary()),
        pa.field("is_contiguous", pa.bool_()),
        *[pa.field(name, pa.int64()) for name in _COUNTS],
    ]
)


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
    book: BookReplay | None = None
    options = BookOptions()
    for batch in batches:
        for next_key, rows in _by_group(batch):
            if next_key != key or book is None:
                if key is not None and book is not None:
                    yield from _saved(key, book, options)
                key, options = next_key, options_of(next_key[0])
                saved_book = rows.column("saved_book")[0].as_py()
                book = BookReplay(options, saved_book)
                rows = rows if saved_book is None else rows.slice(1)
            for piece, is_new_day in _by_day(rows, book.last_time_us):
                if is_new_day:
                    yield from _saved(next_key, book, options)
                for quotes in book.replay(piece):
                    yield _group_rows(
                        next_key, dict(zip(quotes.schema.names, quotes.columns, strict=True)), len(quotes)
                    )
    if key is not None and book is not None:
        yield from _saved(key, book, options)


def _by_group(batch: pa.RecordBatch) -> Iterator[tuple[Key, pa.RecordBatch]]:
    """Runs of rows with the same key."""
    if not len(batch):
        return
    is_new = np.zeros(len(batch), dtype=bool)
    is_new[0] = True
    for name in GROUP_KEY:
        values = batch.column(name)
        codes = values.to_numpy() if name == "epoch" else values.dictionary_encode().indices.to_numpy()
        is_new[1:] |= codes[1:] != codes[:-1]
    starts = np.flatnonzero(is_new)
    for start, end in zip(starts, [*starts[1:], len(batch)], strict=True):
        exchange, symbol, epoch = (batch.column(name)[int(start)].as_py() for name in GROUP_KEY)
        yield (exchange, symbol, epoch), batch.slice(start, end - start)


def _by_day(rows: pa.RecordBatch, last_time_us: int | None) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """The rows cut where a UTC day begins, and whether one does with the piece's first row."""
    if not len(rows):
        return
    days = rows.column("event_time").cast(pa.timestamp("us", "UTC")).view(pa.int64()).to_numpy() // _DAY_US
    before = days[0] if last_time_us is None else last_time_us // _DAY_US
    is_new = days > np.concatenate([[before], days[:-1]])
    starts = np.flatnonzero(is_new)
    starts = starts if len(starts) and starts[0] == 0 else np.concatenate([[0], starts])
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield rows.slice(start, end - start), bool(is_new[start])


def _saved(key: Key, book: BookReplay, options: BookOptions) -> Iterator[pa.RecordBatch]:
    counts = book.counts
    if counts.n_events == 0:
        return
    values = {
        "sequence": pa.array([book.last_sequence], pa.int64()),
        "event_time": pa.array([book.last_time_us], pa.int64()).cast(pa.timestamp("us")).cast(INSTANT),
        "n_unknown": pa.array([counts.n_unknown], pa.int64()),
        "saved_book": pa.array([book.save()], pa.binary()),
        "is_contiguous": pa.array([options.is_contiguous]),
        **{name: pa.array([getattr(counts, name)], pa.int64()) for name in _COUNTS},
    }
    yield _group_rows(key, values, 1)


def _group_rows(key: Key, columns: dict[str, pa.Array], n: int) -> pa.RecordBatch:
    named = {
        field.name: pa.repeat(pa.scalar(part, field.type), n) for field, part in zip(_KEY_FIELDS, key, strict=True)
    }
    named |= columns
    arrays = [named[field.name] if field.name in named else pa.nulls(n, field.type) for field in GROUP_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=GROUP_SCHEMA)
