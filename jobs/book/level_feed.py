"""Feeds of price levels: snapshots and updates put together by the numbers that the exchange gives its updates.

Binance numbers each change: an update holds those from ``first_update`` to ``last_update``, a snapshot all up to its
``last_update``. The rule of its manual ("How to manage a local order book correctly", Spot API, Websocket streams):
keep the updates that come before the snapshot, drop those that it holds, go on with the one after it; each update
begins where the one before has ended, or something was missed. Coinbase's feed has no numbers: its snapshot comes
first.
"""

from __future__ import annotations

from jobs.book.layout import INVALID_AFTER_GAP, LAST_UPDATE, N_CONTRADICTIONS, N_GAPS, STATE, VALID, Book
from jobs.book.seeding import empty
from jobs.book.shown_levels import ShownLevels, read_levels
from jobs.book.snapshots import apply_snapshot, with_levels

MOST_WAITING = 1_000  # updates kept for a snapshot: 100 seconds of Binance's


class LevelFeed:
    """What one book needs to know beside its levels: the updates that wait for a snapshot, as they were sent."""

    def __init__(self, waiting: tuple[str, ...] = ()) -> None:
        """Go on with the updates of a saved book."""
        self.waiting = list(waiting)

    def snapshot(self, book: Book, text: str | None) -> Book:
        """The book after a snapshot; one with a number is only needed by a book that is not valid."""
        shown = read_levels(text)
        if shown is None or shown.last_update is None or not shown.replaces:
            return apply_snapshot(book, text)
        held = book.header[LAST_UPDATE]
        if book.header[STATE] == VALID:
            return apply_snapshot(book, text) if shown.last_update == held else book
        later = [update for update in map(_read, self.waiting) if _last(update) > shown.last_update]
        if later and _first(later[0]) > shown.last_update + 1:
            return book  # too old: the first update that was kept does not follow it
        book = apply_snapshot(book, text)
        book.header[LAST_UPDATE] = shown.last_update
        for update in later:
            book = with_levels(book, update.sides)
            book.header[LAST_UPDATE] = _last(update)
        self.waiting.clear()
        return book

    def update(self, book: Book, text: str | None) -> Book:
        """The book after an update of many levels."""
        shown = read_levels(text, is_update=True)
        if shown is None:
            book.header[N_CONTRADICTIONS] += 1
            return book
        if shown.first_update is None or shown.last_update is None:
            return with_levels(book, shown.sides)
        held = book.header[LAST_UPDATE]
        if shown.last_update <= held:
            return book
        if held and shown.first_update > held + 1:
            book.header[N_GAPS] += 1
            empty(book, INVALID_AFTER_GAP)
            self.waiting.clear()
        book.header[LAST_UPDATE] = shown.last_update
        if book.header[STATE] != VALID:
            self.waiting = [*self.waiting[-MOST_WAITING + 1 :], text or ""]
        return with_levels(book, shown.sides)


def _read(text: str) -> ShownLevels:
    shown = read_levels(text, is_update=True)
    assert shown is not None  # it was read before it was kept
    return shown


def _first(shown: ShownLevels) -> int:
    return shown.first_update or 0


def _last(shown: ShownLevels) -> int:
    return shown.last_update or 0
