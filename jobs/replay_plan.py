"""Which task replays which books, and the files that it reads for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from jobs.book.book_rows import Key
from jobs.book.event_files import EventPiece
from jobs.book.replay_files import BookPart, ReplayTask

_MOST_READ = 8  # times that a file is read, by tasks that each want some of its books: more tasks would not be faster
_MOST_SORTED = 1 << 20  # rows of a row group that is taken as a whole, because it is not in order: about 200 MB

Place = tuple[str, int]  # path, row group


@dataclass(frozen=True)
class Content:
    """A row of ``CONTENT_SCHEMA``."""

    path: str
    number: int
    n_rows: int
    exchange: str
    symbol: str
    epoch: int
    n_events: int
    first: int
    last: int
    is_ascending: bool

    @property
    def key(self) -> Key:
        """The book."""
        return self.exchange, self.symbol, self.epoch

    @property
    def place(self) -> Place:
        """The row group."""
        return self.path, self.number


def plan_replays(
    contents: Sequence[Content], wanted: Mapping[Key, int | None], n_tasks: int
) -> list[ReplayTask] | None:
    """At most ``n_tasks`` tasks for the wanted books, each with about as many events.

    Args:
        contents: Of all row groups that may hold events of these books.
        wanted: Book to the sequence that it goes on after; None from its first event on.
        n_tasks: How many run at a time.

    Returns:
        None where the events cannot be taken as they lie in the files: those of a book cross from one row group to
        another and back, or a large row group is not in order.
    """
    theirs: dict[Key, list[Content]] = {key: [] for key in wanted}
    for content in sorted(contents, key=lambda one: one.first):
        if content.key in wanted:
            after = wanted[content.key]
            if after is None or content.last > after:
                theirs[content.key].append(content)
    pieces = _pieces(theirs)
    if any(not piece.is_ascending and piece.n_rows > _MOST_SORTED for piece in pieces.values()):
        return None
    order = _in_order(theirs)
    if order is None:
        return None
    n_rows = sum(piece.n_rows for piece in pieces.values())
    n_tasks = max(1, min(n_tasks, len(wanted)))
    while True:
        shares = _shares(theirs, n_tasks)
        tasks = [_task(share, theirs, wanted, order, pieces) for share in shares]
        if n_tasks == 1 or sum(piece.n_rows for task in tasks for piece in task.pieces) <= _MOST_READ * n_rows:
            return tasks
        n_tasks //= 2


def _pieces(theirs: Mapping[Key, Sequence[Content]]) -> dict[Place, EventPiece]:
    found: dict[Place, EventPiece] = {}
    for content in (one for contents in theirs.values() for one in contents):
        known = found.get(content.place)
        is_ascending = content.is_ascending and (known is None or known.is_ascending)
        found[content.place] = EventPiece(*content.place, content.n_rows, is_ascending)
    return found


def _in_order(theirs: Mapping[Key, Sequence[Content]]) -> dict[Place, int] | None:
    """The rank of each row group in an order in which the events of each book ascend."""
    graph: TopologicalSorter[Place] = TopologicalSorter()
    for contents in theirs.values():
        for content in contents:
            graph.add(content.place)
        for before, content in pairwise(contents):
            if before.last >= content.first:
                return None
            graph.add(content.place, before.place)
    try:
        return {place: rank for rank, place in enumerate(graph.static_order())}
    except CycleError:
        return None


def _shares(theirs: Mapping[Key, Sequence[Content]], n_tasks: int) -> list[list[Key]]:
    """The books, the largest first, each to the task that has least to do."""
    n_events = {key: sum(content.n_events for content in contents) for key, contents in theirs.items()}
    shares: list[list[Key]] = [[] for _ in range(n_tasks)]
    loads = [0] * n_tasks
    for key in sorted(theirs, key=lambda key: (-n_events[key], key)):
        least = loads.index(min(loads))
        shares[least].append(key)
        loads[least] += n_events[key]
    return shares


def _task(
    share: Sequence[Key],
    theirs: Mapping[Key, Sequence[Content]],
    wanted: Mapping[Key, int | None],
    order: Mapping[Place, int],
    pieces: Mapping[Place, EventPiece],
) -> ReplayTask:
    places = sorted({content.place for key in share for content in theirs[key]}, key=lambda place: order[place])
    number = {place: at for at, place in enumerate(places)}
    books = [
        BookPart(key, wanted[key], max((number[content.place] for content in theirs[key]), default=-1)) for key in share
    ]
    return ReplayTask(books, [pieces[place] for place in places])
