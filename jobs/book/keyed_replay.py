"""The replay of one book of many: its rows say whose they are, and it is saved at the end of each UTC day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from jobs.book.book_rows import KEY_FIELDS, Key
from jobs.book.quote_columns import INSTANT, QUOTE_SCHEMA
from jobs.book.replay import BookOptions, BookReplay
from jobs.book.replay_kernel import Events
from jobs.book.row_writer import Rows

_DAY_US = 86_400_000_000
_COUNTS = ("n_events", "n_contradictions", "n_gaps", "n_snapshots", "n_snapshots_agreed")
# A row of quotes; or a saved book, which has saved_book, sequence, event_time and the counts only.
GROUP_SCHEMA = pa.schema(
    [
        *KEY_FIELDS,
        *QUOTE_SCHEMA,
        pa.field("saved_book", pa.binary()),
        pa.field("is_contiguous", pa.bool_()),
        *[pa.field(name, pa.int64()) for name in _COUNTS],
    ]
)


class KeyedReplay:
    """A book whose events come in ascending sequence, as places in batches that hold other books' events too."""

    def __init__(
        self, key: Key, options: BookOptions, saved_book: bytes | None = None, out: Rows | None = None
    ) -> None:
        """Begin with an empty book, or with a saved one; ``out`` as of :class:`BookReplay`.

        Raises:
            DataContractError: ``saved_book`` cannot be read.
        """
        self._key, self._options = key, options
        self._book = BookReplay(options, saved_book, out)

    def replay(self, orders: pa.RecordBatch, events: Events, rows: np.ndarray) -> Iterator[pa.RecordBatch]:
        """Rows of ``GROUP_SCHEMA`` for some rows of ``orders``: quotes, and the book where a UTC day has ended.

        Raises:
            DataContractError: the events are not in ascending sequence.
        """
        for part, is_new_day in _by_day(rows, events.time_us, self._book.last_time_us):
            if is_new_day:
                yield from self.saved()
            for quotes in self._book.replay_rows(orders, events, part):
                columns = dict(zip(quotes.schema.names, quotes.columns, strict=True))
                yield _group_rows(self._key, columns, len(quotes))

    def saved(self) -> Iterator[pa.RecordBatch]:
        """The book as a row of ``GROUP_SCHEMA``; none before its first event."""
        counts = self._book.counts
        if counts.n_events == 0:
            return
        values = {
            "sequence": pa.array([self._book.last_sequence], pa.int64()),
            "event_time": pa.array([self._book.last_time_us], pa.int64()).cast(pa.timestamp("us")).cast(INSTANT),
            "n_unknown": pa.array([counts.n_unknown], pa.int64()),
            "saved_book": pa.array([self._book.save()], pa.binary()),
            "is_contiguous": pa.array([self._options.is_contiguous]),
            **{name: pa.array([getattr(counts, name)], pa.int64()) for name in _COUNTS},
        }
        yield _group_rows(self._key, values, 1)


def _by_day(rows: np.ndarray, time_us: np.ndarray, last_time_us: int | None) -> Iterator[tuple[np.ndarray, bool]]:
    """The rows cut where a UTC day begins, and whether one does with the part's first row."""
    if not len(rows):
        return
    days = time_us[rows] // _DAY_US
    before = days[0] if last_time_us is None else last_time_us // _DAY_US
    is_new = days > np.concatenate([[before], days[:-1]])
    starts = np.flatnonzero(is_new)
    starts = starts if len(starts) and starts[0] == 0 else np.concatenate([[0], starts])
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield rows[start:end], bool(is_new[start])


def _group_rows(key: Key, columns: dict[str, pa.Array], n: int) -> pa.RecordBatch:
    named = {field.name: pa.repeat(pa.scalar(part, field.type), n) for field, part in zip(KEY_FIELDS, key, strict=True)}
    named |= columns
    arrays = [named[field.name] if field.name in named else pa.nulls(n, field.type) for field in GROUP_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=GROUP_SCHEMA)
