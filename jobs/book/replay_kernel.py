"""The compiled loop over events: check the numbering, apply the event, write what it changed."""

from typing import NamedTuple

import numpy as np

from jobs.book.layout import (
    FIRST_US,
    HAS_STARTED,
    INVALID_AFTER_GAP,
    IS_SHOWING,
    LAST_GRID,
    LAST_SEQUENCE,
    LAST_US,
    N_BLOCKS_BUY,
    N_BLOCKS_SELL,
    N_EVENTS,
    N_FIELDS,
    N_GAPS,
    N_KNOWN,
    NONE,
    TOUCHED_SIDE,
)
from jobs.book.row_writer import write_row
from jobs.book.rules import apply_event, end_showing, has_levels_as_text
from jobs.book.validity import invalidate
from models.compiled import lean_kernel, lean_part

# Why the kernel returned.
FINISHED, NO_ROOM, OUTPUT_FULL, MET_LEVELS, NOT_ASCENDING = range(5)


class Events(NamedTuple):
    """Columns of ``orders`` as views of Arrow buffers, see ``event_columns.py``."""

    kind: np.ndarray  # uint8: first letter of the event's name
    side: np.ndarray  # int8: BUY, SELL or NONE
    sequence: np.ndarray
    time_us: np.ndarray
    order_id: tuple[np.ndarray, np.ndarray]  # offsets, text
    price: tuple[np.ndarray, np.ndarray]  # two words a value, validity (empty where no value is NULL)
    size: tuple[np.ndarray, np.ndarray]
    remaining_size: tuple[np.ndarray, np.ndarray]
    maker_order_id: tuple[np.ndarray, np.ndarray]


@lean_part
def _begin(book, sequence, time_us, is_contiguous, depth_us):  # type: ignore[no-untyped-def]
    header = book.header
    if header[HAS_STARTED] == 0:
        header[HAS_STARTED] = 1
        header[FIRST_US] = time_us
        header[LAST_GRID] = time_us // depth_us if depth_us > 0 else 0
    elif is_contiguous and sequence != header[LAST_SEQUENCE] + 1:
        header[N_GAPS] += 1
        invalidate(book, INVALID_AFTER_GAP)
    header[LAST_SEQUENCE] = sequence
    header[LAST_US] = time_us
    header[N_EVENTS] += 1


@lean_part
def _has_room(book):  # type: ignore[no-untyped-def]
    # An event adds at most one order, one level and one block.
    n_blocks = book.header[N_BLOCKS_BUY] + book.header[N_BLOCKS_SELL]
    return book.header[N_KNOWN] < len(book.orders) // N_FIELDS - 1 and n_blocks < len(book.block_sizes) - 1


@lean_kernel
def replay_events(book, events, rows, first, is_begun, is_contiguous, depth_us, out):  # type: ignore[no-untyped-def]
    """Replay events from ``first`` on, until something stands in the way.

    Args:
        book: Book, carried on from call to call.
        events: Events of one or of many books.
        rows: Places of this book's events, in the order to apply them.
        first: Index in ``rows`` of the first event to apply.
        is_begun: The first event has many levels, which Python has just put into the book.
        is_contiguous: A jump of the sequence means that events were missed.
        depth_us: Microseconds between depths; 0 for none.
        out: Rows; filled from the start.

    Returns:
        Index in ``rows`` of the next event, why the kernel returned, rows and depths written.
    """
    n_rows, n_depths = 0, 0
    for index in range(first, len(rows)):
        if not _has_room(book):
            return index, NO_ROOM, n_rows, n_depths
        if n_rows == out.rows.shape[1] or n_depths == len(out.depth):
            return index, OUTPUT_FULL, n_rows, n_depths
        at = np.uint64(rows[np.uint64(index)])  # see places.py
        kind, sequence, time_us = events.kind[at], events.sequence[at], events.time_us[at]
        book.header[TOUCHED_SIDE] = NONE
        if not is_begun:
            if book.header[HAS_STARTED] == 1 and sequence <= book.header[LAST_SEQUENCE]:
                return index, NOT_ASCENDING, n_rows, n_depths
            _begin(book, sequence, time_us, is_contiguous, depth_us)
            if has_levels_as_text(events, at, kind):
                if book.header[IS_SHOWING] == 1:
                    end_showing(book)
                return index, MET_LEVELS, n_rows, n_depths
            apply_event(book, events, at, kind, time_us - book.header[FIRST_US])
        is_begun = False
        n_rows, n_depths = write_row(book, out, n_rows, n_depths, depth_us)
    return len(rows), FINISHED, n_rows, n_depths
