"""The orders of a book by their key: a hash table with linear probing over rows that are used again.

Deleting moves later entries of the probe sequence back (Knuth, The Art of Computer Programming 3, 6.4, algorithm R),
so no marks of deleted entries pile up over a long day.
"""

from jobs.book.layout import BEHIND, FREE_ORDER, KEY_HIGH, KEY_KIND, KEY_LOW, N_KNOWN, NONE, ORDERS_USED
from jobs.book.order_ids import hash_of
from models.compiled import lean_part


@lean_part
def find_order(book, high, low, kind):  # type: ignore[no-untyped-def]
    """Row of an order, NONE where it is not in the book."""
    table, orders = book.table, book.orders
    mask = len(table) - 1
    place = int(hash_of(high, low)) & mask
    while table[place] != NONE:
        row = table[place]
        if orders[row, KEY_LOW] == low and orders[row, KEY_HIGH] == high and orders[row, KEY_KIND] == kind:
            return int(row)
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
        header[FREE_ORDER] = orders[row, BEHIND]
    orders[row, KEY_HIGH] = high
    orders[row, KEY_LOW] = low
    orders[row, KEY_KIND] = kind
    mask = len(table) - 1
    place = int(hash_of(high, low)) & mask
    while table[place] != NONE:
        place = (place + 1) & mask
    table[place] = row
    header[N_KNOWN] += 1
    return row


@lean_part
def forget_order(book, row):  # type: ignore[no-untyped-def]
    """Take an order out of the table and free its row."""
    header, table, orders = book.header, book.table, book.orders
    mask = len(table) - 1
    hole = int(hash_of(orders[row, KEY_HIGH], orders[row, KEY_LOW])) & mask
    while table[hole] != row:
        hole = (hole + 1) & mask
    place = (hole + 1) & mask
    while table[place] != NONE:
        other = table[place]
        home = int(hash_of(orders[other, KEY_HIGH], orders[other, KEY_LOW])) & mask
        if ((place - home) & mask) >= ((place - hole) & mask):
            table[hole] = other
            hole = place
        place = (place + 1) & mask
    table[hole] = NONE
    orders[row, BEHIND] = header[FREE_ORDER]
    header[FREE_ORDER] = row
    header[N_KNOWN] -= 1
