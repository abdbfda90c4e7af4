"""Whether the book can be trusted: from where it was seeded, and what broke it."""

from jobs.book.layout import (
    BLOCKS_USED,
    COVERED_BUY,
    COVERED_SELL,
    FREE_BLOCK,
    FREE_LEVEL,
    FREE_ORDER,
    LEVELS_USED,
    N_BLOCKS_BUY,
    N_BLOCKS_SELL,
    N_KNOWN,
    NO_COVER_BUY,
    NO_COVER_SELL,
    NONE,
    ORDERS_USED,
    STATE,
    UNSEEDED,
    VALID,
)
from models.compiled import lean_part


@lean_part
def clear(book):  # type: ignore[no-untyped-def]
    """Forget all orders."""
    header = book.header
    for field in (N_KNOWN, ORDERS_USED, LEVELS_USED, BLOCKS_USED, N_BLOCKS_BUY, N_BLOCKS_SELL):
        header[field] = 0
    for field in (FREE_ORDER, FREE_LEVEL, FREE_BLOCK):
        header[field] = NONE
    book.table[:] = NONE


@lean_part
def invalidate(book, state):  # type: ignore[no-untyped-def]
    """Events were missed, or cannot be held: what is known of earlier orders may be wrong, so begin with none."""
    clear(book)
    book.header[STATE] = state
    book.header[COVERED_BUY] = NO_COVER_BUY
    book.header[COVERED_SELL] = NO_COVER_SELL


@lean_part
def trusted_state(book, bid_price, ask_price):  # type: ignore[no-untyped-def]
    """State of the book at its best prices, 0 for an empty side: beyond what snapshots have shown it is unseeded."""
    header = book.header
    if header[STATE] != VALID:
        return header[STATE]
    ask = ask_price if ask_price > 0 else NO_COVER_BUY
    is_covered = bid_price >= header[COVERED_BUY] and ask <= header[COVERED_SELL]
    return VALID if is_covered else UNSEEDED
