"""What an event does to the book, by the rules of Coinbase's "full" channel; Bitstamp's log is mapped onto them.

* ``open`` adds the order with its remaining size behind the others at its price.
* ``match`` reduces the maker; a maker without size left is gone, and its later ``done`` finds nothing to do.
* ``change`` sets size and price: a smaller size keeps the place in the queue, a larger one or another price loses it.
* ``partial_cancel`` takes its size off the order, which keeps its place (LOBSTER, ITCH).
* ``done`` removes. ``received`` does nothing: an incoming order is not in the book before its ``open``.
* Bitstamp's matches name no maker: its ``change`` and ``done`` carry what they did.
* ``update`` sets all that waits at a price, in feeds that name no orders. One of many levels is read by Python. What
  a ``match`` took comes as an update too, before or after it: there a ``match`` leaves the book alone.
* ``snapshot`` with a price is one level of a snapshot; the first such row begins anew, and the next other event finds
  the book whole. A ``snapshot`` as JSON is read by Python.

An event about an order that the book does not know is counted: it came before the recording, or the feed contradicts
itself. A ``done`` counts only where something was left of the order, since orders that never rested have one too.
"""

import numpy as np

from jobs.book.layout import (
    ALL_COVERED_BUY,
    ALL_COVERED_SELL,
    COVERED_BUY,
    COVERED_SELL,
    INVALID_TOO_LARGE,
    IS_LEVEL_FEED,
    IS_SHOWING,
    LEVEL,
    N_CONTRADICTIONS,
    N_UNKNOWN,
    NONE,
    PRICE,
    SIDE,
    SIZE,
    STATE,
    UNSEEDED,
    VALID,
)
from jobs.book.order_ids import ANONYMOUS, id_words
from jobs.book.order_table import find_order, new_order
from jobs.book.places import field_of
from jobs.book.queues import (
    join_queue,
    leave_queue,
    note_newcomer,
    note_position,
    reduce_order,
    remove_order,
    set_level,
)
from jobs.book.validity import invalidate
from models.compiled import lean_part

RECEIVED, OPEN, CHANGE, DONE, MATCH, SNAPSHOT, UPDATE, PARTIAL_CANCEL = (ord(name[0]) for name in (
    "received", "open", "change", "done", "match", "snapshot", "update", "partial_cancel"
))  # fmt: skip
_1 = np.uint64(1)


@lean_part
def _value(column, index):  # type: ignore[no-untyped-def]
    # An Arrow decimal is two words, of which the lower holds every DECIMAL(18, 8); 0 for NULL.
    values, is_valid = column
    if len(is_valid) > 0 and is_valid[index] == 0:
        return 0
    return values[index << _1]


@lean_part
def _find(book, ids, index):  # type: ignore[no-untyped-def]
    offsets, text = ids
    start = offsets[index]
    high, low, kind = id_words(text, start, offsets[index + _1] - start)
    return find_order(book, high, low, kind), high, low, kind


@lean_part
def _take_anonymous(book, side, price, size):  # type: ignore[no-untyped-def]
    # Some of what a snapshot showed at a price without naming the orders is gone.
    row = find_order(book, price, side, ANONYMOUS)
    if row != NONE:
        reduce_order(book, row, size)


@lean_part
def _open(book, events, index, time_us):  # type: ignore[no-untyped-def]
    row, high, low, kind = _find(book, events.order_id, index)
    side, price, size = events.side[index], _value(events.price, index), _value(events.remaining_size, index)
    if row != NONE:
        book.header[N_CONTRADICTIONS] += 1
        remove_order(book, row)
    if side == NONE or price <= 0 or size <= 0:
        book.header[N_CONTRADICTIONS] += 1
        return
    note_newcomer(book, side, price)
    row = new_order(book, high, low, kind)
    if not join_queue(book, row, side, price, size, time_us, False):
        invalidate(book, INVALID_TOO_LARGE)


@lean_part
def _change(book, events, index, time_us):  # type: ignore[no-untyped-def]
    row, _, _, _ = _find(book, events.order_id, index)
    if row == NONE:
        book.header[N_UNKNOWN] += 1
        return
    level = book.orders[field_of(row, LEVEL)]
    side, old_price = book.levels[field_of(level, SIDE)], book.levels[field_of(level, PRICE)]
    old_size = book.orders[field_of(row, SIZE)]
    price, size = _value(events.price, index), _value(events.remaining_size, index)
    is_sized = len(events.remaining_size[1]) == 0 or events.remaining_size[1][index] != 0
    price = price if price > 0 else old_price
    size = size if is_sized else old_size
    note_position(book, row)
    if size <= 0:
        remove_order(book, row)
    elif price == old_price and size <= old_size:
        reduce_order(book, row, old_size - size)
    else:
        leave_queue(book, row)
        if not join_queue(book, row, side, price, size, time_us, False):
            invalidate(book, INVALID_TOO_LARGE)


@lean_part
def _done(book, events, index):  # type: ignore[no-untyped-def]
    row, _, _, _ = _find(book, events.order_id, index)
    if row != NONE:
        note_position(book, row)
        remove_order(book, row)
        return
    price, size = _value(events.price, index), _value(events.remaining_size, index)
    if price > 0 and size > 0:
        book.header[N_UNKNOWN] += 1
        _take_anonymous(book, events.side[index], price, size)


@lean_part
def _take(book, events, index, row):  # type: ignore[no-untyped-def]
    # The event takes its size off an order, or off what waits anonymously at its price where that is not known.
    price, size = _value(events.price, index), _value(events.size, index)
    if row == NONE:
        book.header[N_UNKNOWN] += 1
        _take_anonymous(book, events.side[index], price, size)
        return
    note_position(book, row)
    if reduce_order(book, row, size) > 0:
        book.header[N_CONTRADICTIONS] += 1


@lean_part
def _match(book, events, index):  # type: ignore[no-untyped-def]
    offsets = events.maker_order_id[0]
    if offsets[index + _1] == offsets[index] or book.header[IS_LEVEL_FEED] == 1:
        return
    row, _, _, _ = _find(book, events.maker_order_id, index)
    _take(book, events, index, row)


@lean_part
def _partial_cancel(book, events, index):  # type: ignore[no-untyped-def]
    row, _, _, _ = _find(book, events.order_id, index)
    _take(book, events, index, row)


@lean_part
def _update(book, events, index, time_us):  # type: ignore[no-untyped-def]
    side, price, size = events.side[index], _value(events.price, index), _value(events.size, index)
    if side == NONE or price <= 0 or size < 0:
        book.header[N_CONTRADICTIONS] += 1
    elif not set_level(book, side, price, size, time_us):
        invalidate(book, INVALID_TOO_LARGE)


@lean_part
def _show(book, events, index, time_us):  # type: ignore[no-untyped-def]
    if book.header[IS_SHOWING] == 0:
        invalidate(book, UNSEEDED)
        book.header[IS_SHOWING] = 1
    _update(book, events, index, time_us)


@lean_part
def end_showing(book):  # type: ignore[no-untyped-def]
    """The last level of a snapshot with a row a level has been shown: the book is whole."""
    book.header[IS_SHOWING] = 0
    if book.header[STATE] == UNSEEDED:
        book.header[STATE] = VALID
        book.header[COVERED_BUY] = ALL_COVERED_BUY
        book.header[COVERED_SELL] = ALL_COVERED_SELL


@lean_part
def has_levels_as_text(events, index, kind):  # type: ignore[no-untyped-def]
    """Whether the event is one that Python reads: a snapshot or an update of many levels."""
    return kind in (SNAPSHOT, UPDATE) and events.side[index] == NONE


@lean_part
def apply_event(book, events, index, kind, time_us):  # type: ignore[no-untyped-def]
    """Change the book by one event; ``kind`` is the first letter of its name."""
    if kind == SNAPSHOT:
        _show(book, events, index, time_us)
        return
    if book.header[IS_SHOWING] == 1:
        end_showing(book)
    if kind == OPEN:
        _open(book, events, index, time_us)
    elif kind == DONE:
        _done(book, events, index)
    elif kind == MATCH:
        _match(book, events, index)
    elif kind == CHANGE:
        _change(book, events, index, time_us)
    elif kind == UPDATE:
        _update(book, events, index, time_us)
    elif kind == PARTIAL_CANCEL:
        _partial_cancel(book, events, index)
