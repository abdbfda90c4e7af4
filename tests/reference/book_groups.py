"""Events of several books as rows of ``orders``, and the quotes and saved books that they give."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pyarrow as pa
from book_reference import ReferenceBook

from jobs.book.book_rows import GROUP_KEY
from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.keyed_replay import GROUP_SCHEMA
from jobs.book.quote_columns import QUOTE_SCHEMA
from jobs.book.replay import BookOptions
from jobs.book.replay_groups import replay_groups
from jobs.config import BookSettings

EVENING = datetime(2024, 1, 2, 23, 58, tzinfo=UTC)
SETTINGS = BookSettings(depth_levels=3, depth_seconds=20, warm_seconds=0)
FIELDS = (
    "exchange",
    "symbol",
    "epoch",
    "sequence",
    "event",
    "event_time",
    "order_id",
    "side",
    "price",
    "remaining_size",
)
KEY = (*GROUP_KEY, "sequence")


def events(seed, symbol="A", exchange="x", n=120, seconds=4):
    """Orders that open, change and leave, from the evening to after midnight."""
    random, known, rows = Random(seed), [], []
    for sequence in range(n):
        side = random.choice(["buy", "sell"])
        price = Decimal(random.randint(90, 100) if side == "buy" else random.randint(99, 110))
        if len(known) < 6 or random.random() < 0.5:
            known.append(f"{seed} {sequence}")
            event, order_id = random.choice(["open", "open", "open", "received"]), known[-1]
        else:
            event, order_id = random.choice(["done", "change"]), random.choice(known)
        if sequence == 0:
            event = "received"
        time = EVENING + timedelta(seconds=seconds * sequence)
        values = (exchange, symbol, 0, sequence, event, time, order_id, side, price, Decimal(random.randint(1, 9)))
        rows.append(dict(zip(FIELDS, values, strict=True)))
    return rows


def micros(time):
    return round(time.timestamp() * 1_000_000)


def by_hand(rows):
    """Rows of quotes by the plain book."""
    books = {}
    found = []
    for row in sorted(rows, key=lambda row: [row[name] for name in KEY]):
        key = tuple(row[name] for name in GROUP_KEY)
        plain = books.setdefault(key, ReferenceBook(True, 3, 20_000_000, 0))
        event = dict.fromkeys(EVENT_COLUMNS) | row | {"event_time": micros(row["event_time"])}
        if (made := plain.apply(event)) is not None:
            found.append(dict(zip(GROUP_KEY, key, strict=True)) | made)
    return found


def group_table(rows):
    """Arrow rows of ``orders``, with the column of a saved book."""
    schema = pa.schema([pa.field("exchange", pa.string()), pa.field("symbol", pa.string()), pa.field("epoch", pa.int64()),
                        pa.field("event", pa.string()), *[pa.field(name, pa.string()) for name in ("order_id", "side", "maker_order_id", "snapshot")],
                        pa.field("sequence", pa.int64()), pa.field("event_time", pa.timestamp("us", "UTC")),
                        *[pa.field(name, pa.decimal128(18, 8)) for name in ("price", "size", "remaining_size")],
                        pa.field("saved_book", pa.binary())])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def from_nothing(rows, batch_rows=50):
    """Rows of GROUP_SCHEMA by the worker's function, without Spark."""
    table = group_table(sorted(rows, key=lambda row: [row[name] for name in KEY]))
    batches = table.combine_chunks().to_batches(max_chunksize=batch_rows)
    return pa.Table.from_batches(list(replay_groups(iter(batches), options_of)), schema=GROUP_SCHEMA).to_pylist()


def options_of(exchange):
    return BookOptions(True, **SETTINGS.model_dump())


def quotes_of(rows):
    return [{name: row[name] for name in (*GROUP_KEY, *QUOTE_SCHEMA.names)} | {"event_time": micros(row["event_time"])}
            for row in rows if row["saved_book"] is None]  # fmt: skip


def states_of(rows):
    return [(*(row[name] for name in KEY), row["saved_book"]) for row in rows if row["saved_book"] is not None]
