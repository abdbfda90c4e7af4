"""A book's arrays: made, enlarged, saved as bytes and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from jobs.book.layout import (
    AHEAD,
    BLOCK,
    BLOCKS_USED,
    COVERED_BUY,
    COVERED_SELL,
    FREE_BLOCK,
    FREE_LEVEL,
    FREE_ORDER,
    HELD_STATE,
    LEVELS_USED,
    N_BLOCKS_BUY,
    N_BLOCKS_SELL,
    N_FIELDS,
    N_HEADER,
    N_KNOWN,
    NO_COVER_BUY,
    NO_COVER_SELL,
    NONE,
    ORDERS_USED,
    TOUCHED_SIDE,
    Book,
)
from jobs.book.saved_format import FORMAT
from jobs.book.seeding import N_LISTED_FIELDS, list_orders, put_orders
from models.errors import DataContractError

_SMALLEST = 1024  # orders
_FORMAT = FORMAT.encode()
# What says where things lie in memory, not what the book is.
_OF_MEMORY = (
    N_KNOWN, ORDERS_USED, FREE_ORDER, LEVELS_USED, FREE_LEVEL, BLOCKS_USED, FREE_BLOCK, N_BLOCKS_BUY, N_BLOCKS_SELL,
    TOUCHED_SIDE, AHEAD,
)  # fmt: skip


def new_book() -> Book:
    """A book without orders, before its first event."""
    header = np.zeros(N_HEADER, dtype=np.int64)
    header[COVERED_BUY], header[COVERED_SELL] = NO_COVER_BUY, NO_COVER_SELL
    header[HELD_STATE] = NONE
    return _filled(header, np.empty((0, N_LISTED_FIELDS), dtype=np.int64), 0)


def enlarged(book: Book, n_more: int = 0) -> Book:
    """The same book with room for twice its orders and ``n_more``."""
    return _filled(book.header, list_orders(book), n_more)


def with_room(book: Book, n_more: int) -> Book:
    """The book itself, or a larger one, so that it can take ``n_more`` orders."""
    n_blocks = book.header[N_BLOCKS_BUY] + book.header[N_BLOCKS_SELL]
    capacity = len(book.orders) // N_FIELDS
    has_room = book.header[N_KNOWN] + n_more < capacity and n_blocks + n_more < len(book.block_sizes)
    return book if has_room else enlarged(book, n_more)


def saved(book: Book, waiting: Sequence[str] = ()) -> bytes:
    """The book and the updates that wait for a snapshot, as bytes: equal for equal books, however they came about."""
    header = book.header.copy()
    header[list(_OF_MEMORY)] = 0
    listed = list_orders(book)
    kept = json.dumps(list(waiting)).encode() if waiting else b""
    return _FORMAT + np.int64(len(listed)).tobytes() + header.tobytes() + listed.tobytes() + kept


def loaded(data: bytes) -> tuple[Book, tuple[str, ...]]:
    """A book and the updates that wait, from their bytes.

    Raises:
        DataContractError: they are not such a book.
    """
    try:
        if not data.startswith(_FORMAT):
            raise ValueError("of another version")
        at = len(_FORMAT)
        n_orders = int(np.frombuffer(data, np.int64, 1, at)[0])
        header = np.frombuffer(data, np.int64, N_HEADER, at + 8).copy()
        at += 8 + header.nbytes
        listed = np.frombuffer(data, np.int64, n_orders * N_LISTED_FIELDS, at).reshape(-1, N_LISTED_FIELDS).copy()
        kept = data[at + listed.nbytes :]
        waiting = tuple(map(str, json.loads(kept))) if kept else ()
    except (ValueError, TypeError) as e:
        raise DataContractError(
            "a saved order book cannot be read by this version: rebuild with foretable book --rebuild"
        ) from e
    return _filled(header, listed, 0), waiting


def _filled(header: np.ndarray, listed: np.ndarray, n_more: int) -> Book:
    capacity = max(_SMALLEST, 2 * len(listed) + 2 * n_more)
    table_size = 1 << (2 * capacity - 1).bit_length()
    n_blocks = max(64, capacity // 8)
    book = Book(
        header=header,
        orders=np.zeros(capacity * N_FIELDS, dtype=np.int64),
        table=np.full(table_size, NONE, dtype=np.int64),
        levels=np.zeros(capacity * N_FIELDS, dtype=np.int64),
        block_keys=np.zeros(n_blocks * BLOCK, dtype=np.int64),
        block_levels=np.zeros(n_blocks * BLOCK, dtype=np.int32),
        block_sizes=np.zeros(n_blocks, dtype=np.int64),
        tops=np.zeros(2 * n_blocks, dtype=np.int32),
    )
    put_orders(book, listed)
    return book
