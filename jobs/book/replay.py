"""Replay of the order events of one (exchange, symbol, epoch) into rows of ``quotes``, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.arrow_views import read_only
from jobs.book.event_columns import event_columns
from jobs.book.layout import (
    HAS_STARTED,
    LAST_SEQUENCE,
    LAST_US,
    N_CONTRADICTIONS,
    N_EVENTS,
    N_GAPS,
    N_ROW_FIELDS,
    N_SNAPSHOTS,
    N_SNAPSHOTS_AGREED,
    N_UNKNOWN,
)
from jobs.book.level_feed import LevelFeed
from jobs.book.quote_columns import quote_columns
from jobs.book.replay_kernel import FINISHED, MET_LEVELS, NO_ROOM, NOT_ASCENDING, Events, replay_events
from jobs.book.row_writer import Rows
from jobs.book.rules import UPDATE
from jobs.book.storage import enlarged, loaded, new_book, saved
from models.errors import DataContractError

# Rows the kernel writes before they become Arrow. No power of two: its columns would meet in the same few cache lines.
_ROOM = 65_536 + 8
_DEPTH_ROOM = 1_024


@dataclass(frozen=True)
class BookOptions:
    """What rows a replay makes.

    Attributes:
        is_contiguous: The exchange numbers its events without holes (Coinbase), so a hole means missed events. False
            for a log that is numbered by its lines (Bitstamp).
        depth_levels: Price levels of a depth, best first.
        depth_seconds: A depth goes with the first event in each of these intervals since 1970; 0 for none.
        warm_seconds: For how long after its first event a book without a seed is not usable: earlier orders, which it
            does not know, have mostly left by then.
    """

    is_contiguous: bool = True
    depth_levels: int = 10
    depth_seconds: float = 10.0
    warm_seconds: float = 1800.0


@dataclass(frozen=True)
class BookCounts:
    """What a book has met since its first event."""

    n_events: int
    n_unknown: int  # events about orders that are not in the book
    n_contradictions: int  # events that cannot be, such as an open of an order that is open
    n_gaps: int
    n_snapshots: int
    n_snapshots_agreed: int  # whose best bid and ask, with their sizes, were those of the book


def room_for_rows(options: BookOptions) -> Rows:
    """Where the kernel writes; 11 MB."""
    n_depths = _DEPTH_ROOM if options.depth_seconds else 1
    return Rows(
        rows=np.zeros((N_ROW_FIELDS, _ROOM), dtype=np.int64),
        depth=np.zeros((n_depths, 2, options.depth_levels, 2), dtype=np.int64),
    )


class BookReplay:
    """One book and its events in ascending sequence. The batches may be cut anywhere: the rows are the same."""

    def __init__(self, options: BookOptions, state: bytes | None = None, out: Rows | None = None) -> None:
        """Begin with an empty book, or with a saved one; ``out`` is room to work in that other books may use too.

        Raises:
            DataContractError: ``state`` cannot be read.
        """
        self._options = options
        self._book, waiting = (new_book(), ()) if state is None else loaded(state)
        self._feed = LevelFeed(waiting)
        self._out = room_for_rows(options) if out is None else out

    def replay(self, orders: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Rows of ``QUOTE_SCHEMA`` for a batch of rows of ``orders`` with ``EVENT_COLUMNS``.

        Raises:
            DataContractError: the events are not in ascending sequence.
        """
        return self.replay_rows(orders, event_columns(orders), np.arange(len(orders)))

    def replay_rows(self, orders: pa.RecordBatch, events: Events, rows: np.ndarray) -> Iterator[pa.RecordBatch]:
        """The same for the rows at some places, in the order of these; ``events`` are the columns of ``orders``."""
        first, is_begun, why = 0, False, NO_ROOM
        rows = read_only(rows)
        while why != FINISHED:
            first, why, n_rows, n_depths = replay_events(
                self._book, events, rows, first, is_begun, self._options.is_contiguous, self._depth_us, self._out
            )
            is_begun = why == MET_LEVELS
            if n_rows:
                yield self._quotes(n_rows, n_depths)
            if why == NO_ROOM:
                self._book = enlarged(self._book)
            elif why == MET_LEVELS:
                at = int(rows[first])
                apply = self._feed.update if events.kind[at] == UPDATE else self._feed.snapshot
                self._book = apply(self._book, orders.column("snapshot")[at].as_py())
            elif why == NOT_ASCENDING:
                sequence = events.sequence[rows[first]]
                raise DataContractError(
                    f"order events are not in ascending sequence: {sequence} after {self.last_sequence}"
                )

    def save(self) -> bytes:
        """The book as bytes, to go on from: equal for equal books."""
        return saved(self._book, self._feed.waiting)

    @property
    def last_sequence(self) -> int | None:
        """Sequence of the last event; None before the first."""
        header = self._book.header
        return int(header[LAST_SEQUENCE]) if header[HAS_STARTED] else None

    @property
    def last_time_us(self) -> int | None:
        """Instant of the last event, microseconds since 1970; None before the first."""
        header = self._book.header
        return int(header[LAST_US]) if header[HAS_STARTED] else None

    @property
    def counts(self) -> BookCounts:
        """What the book has met so far."""
        fields = (N_EVENTS, N_UNKNOWN, N_CONTRADICTIONS, N_GAPS, N_SNAPSHOTS, N_SNAPSHOTS_AGREED)
        return BookCounts(*(int(self._book.header[field]) for field in fields))

    @property
    def _depth_us(self) -> int:
        return round(self._options.depth_seconds * 1_000_000)

    def _quotes(self, n_rows: int, n_depths: int) -> pa.RecordBatch:
        warm_us = round(self._options.warm_seconds * 1_000_000)
        return quote_columns(self._out.rows[:, :n_rows], self._out.depth[:n_depths], self._book.header, warm_us)
