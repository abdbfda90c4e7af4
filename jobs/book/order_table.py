"""The orders of a book by their key: a hash table with linear probing over rows that are used again.

Deleting moves later entries of the probe sequence back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R),
so no marks of deleted entries pile up over a long day. An entry is 31 bits of the key's hash, which say where it
belongs, and the row: other orders on the way are passed over, or moved back, without a look at their rows.
"""

import numpy as np

from jobs.book.layout import BEHIND, FREE_ORDER, KEY_HIGH, KEY_KIND, KEY_LOW, N_KNOWN, NONE, ORDERS_USED
from jobs.book.order_ids import hash_of
from jobs.book.places import field_of
from models.compiled import lean_part

_ROW_BITS = 32
_ROW_MASK = (1 << _ROW_BITS) - 1


@lean_part
def _tag_of(high, low):  # type: ignore[no-untyped-def]
    return np.int64(hash_of(high, low) >> np.uint64(_ROW_BITS + 1))


@lean_part
def find_order(book, high, low, kind):  # type: ignore[no-untyped-def]
    """Row of an order, NONE where it is not in the book."""
    table, orders = book.table, book.orders
    mask = len(table) - 1
    tag = _tag_of(high, low)
    place = tag & mask
    while table[place] != NONE:
        entry = table[place]
        if entry >> _ROW_BITS == tag:
            row = entry & _ROW_MASK
            if (
                orders[field_of(row, KEY_LOW)] == low
                and orders[field_of(row, KEY_HIGH)] == high
                and orders[field_of(row, KEY_KIND)] == kind
            ):
                return row
        place = (place + 1) & mask
    return NONE


@lean_part
def new_order(book, high, low, kind):  # type: ignore[no-untyped-def]
    """Row for an order that is not in the book yet; there must be room."""
    header, table, orders = book.header, book.table, book.orders
    row = header[FREE_ORDER]
    if row == NONE:
        row = header[ORDERS_USED]
        header[ORDERS_USED] += 1
    else:
        header[FREE_ORDER] = orders[field_of(row, BEHIND)]
    orders[field_of(row, KEY_HIGH)] = high
    orders[field_of(row, KEY_LOW)] = low
    orders[field_of(row, KEY_KIND)] = kind
    mask = len(table) - 1
    tag = _tag_of(high, low)
    place = tag & mask
    while table[place] != NONE:
        place = (place + 1) & mask
    table[place] = (tag << _ROW_BITS) | row
    header[N_KNOWN] += 1
    return row


@lean_part
def forget_order(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of the table and free its row."""
    header, table, orders = book.header, book.table, book.orders
    mask = len(table) - 1
    tag = _tag_of(orders[field_of(row, KEY_HIGH)], orders[field_of(row, KEY_LOW)])
    entry = (tag << _ROW_BITS) | row
    hole = tag & mask
    while table[hole] != entry:
        hole = (hole + 1) & mask
    place = (hole + 1) & mask
    while table[place] != NONE:
        home = (table[place] >> _ROW_BITS) & mask
        if ((place - home) & mask) >= ((place - hole) & mask):
            table[hole] = table[place]
            hole = place
        place = (place + 1) & mask
    table[hole] = NONE
    orders[field_of(row, BEHIND)] = header[FREE_ORDER]
    header[FREE_ORDER] = row
    header[N_KNOWN] -= 1
