"""Rows of ``orders`` for books, replayed by the compiled book and by the plain one."""

import pyarrow as pa
from book_reference import ReferenceBook

from jobs.arrow_views import DECIMAL
from jobs.book.replay import BookReplay

ORDERS = pa.schema(
    [
        ("sequence", pa.int64()),
        ("event", pa.string()),
        ("event_time", pa.timestamp("us", "UTC")),
        ("order_id", pa.string()),
        ("side", pa.string()),
        ("price", DECIMAL),
        ("size", DECIMAL),
        ("remaining_size", DECIMAL),
        ("maker_order_id", pa.string()),
        ("snapshot", pa.string()),
    ]
)
UUID = "d50ec984-77a8-460a-b958-66f114b0de9{}"


def row(sequence, event, seconds=0, **fields):
    return (
        dict.fromkeys(ORDERS.names) | {"sequence": sequence, "event": event, "event_time": seconds * 1_000_000} | fields
    )


def arrow(rows):
    return pa.RecordBatch.from_pylist(rows, schema=ORDERS)


def rows_of(batches):
    rows = [row for batch in batches for row in batch.to_pylist()]
    return [row | {"event_time": round(row["event_time"].timestamp() * 1_000_000)} for row in rows]


def reference(options):
    return ReferenceBook(
        options.is_contiguous,
        options.depth_levels,
        round(options.depth_seconds * 1e6),
        round(options.warm_seconds * 1e6),
    )


def replayed(book, rows):
    return rows_of(book.replay(arrow(rows)))


def assert_rows_are_those_of_the_plain_book(rows, options):
    book, plain = BookReplay(options), reference(options)
    assert replayed(book, rows) == [row for row in map(plain.apply, rows) if row is not None]
    counts = book.counts
    assert (counts.n_events, counts.n_unknown, counts.n_contradictions) == (
        len(rows),
        plain.n_unknown,
        plain.n_contradictions,
    )
    assert (counts.n_gaps, counts.n_snapshots, counts.n_snapshots_agreed) == (
        plain.n_gaps,
        plain.n_snapshots,
        plain.n_agreed,
    )
