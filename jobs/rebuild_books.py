"""The book job: ``quotes`` from ``orders``, replaying only what is new, or what late events touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.arrow_rows import map_in_arrow
from jobs.book.book_rows import GROUP_KEY
from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.keyed_replay import GROUP_SCHEMA
from jobs.book.replay import BookOptions
from jobs.book.replay_groups import replay_groups
from jobs.book_starts import StartedPart, find_starts
from jobs.last_good import good_version
from jobs.replay_of_files import replay_of_files
from jobs.resample import received_exchanges
from jobs.row_changes import RowChanges, digest_of_rows, joined_digest, merge_changes, row_changes
from jobs.settled_rows import settled
from jobs.table_versions import plain_files, rows_at, usable_since

if TYPE_CHECKING:
    from jobs.config import BookSettings

_KEY = [*GROUP_KEY, "sequence"]


@dataclass(frozen=True)
class BookSummary:
    """What a run wrote: rows of ``quotes`` inserted, updated or deleted, by exchange and symbol."""

    n_by_symbol: Mapping[tuple[str, str], int]
    n_states: int
    inputs: Mapping[str, int]

    @property
    def n_quotes(self) -> int:
        """Rows of all symbols."""
        return sum(self.n_by_symbol.values())


def rebuild_books(
    spark: SparkSession, settings: BookSettings, digest: str, since: Mapping[str, int] | None = None
) -> BookSummary:
    """Bring ``quotes`` and ``book_states`` up to date with ``orders``.

    The tables then hold exactly the rows that a rebuild from nothing would give. A book goes on from the newest saved
    state before its first new or changed event: the last one where events were only added, the end of an earlier day
    where some came late.

    Args:
        spark: Session in the schema of the tables.
        settings: What rows are made.
        digest: Of the settings; a book that was saved with others is replayed from its first event.
        since: The ``inputs`` of the last finished run with the same settings. None replays all books from nothing.

    Raises:
        DataContractError: a table is missing.
    """
    inputs = {"orders": good_version(spark, "orders")}
    orders = rows_at(spark, "orders", inputs["orders"])
    since = usable_since(spark, since, inputs)
    if since == inputs and not are_made_otherwise(spark, digest):
        return BookSummary({}, 0, inputs)
    contiguous = received_exchanges(orders)
    starts = find_starts(spark, orders, inputs, since, digest, sorted(contiguous))
    if not starts:
        return BookSummary({}, 0, inputs)
    part = StartedPart(spark, starts)
    replayed = settled(_replay(part, orders, _options(settings, contiguous)))
    is_state = F.col("saved_book").isNotNull()
    quotes = replayed.where(~is_state).select(spark.table("quotes").columns)
    states = replayed.where(is_state).withColumn("settings", F.lit(digest))
    held = part.of(spark.table("quotes"), is_inclusive=False)
    n_by_symbol = _write(spark, "quotes", _differing(held, quotes), inputs)
    held = part.of(spark.table("book_states"), is_inclusive=True)
    wanted = states.select(spark.table("book_states").columns)
    n_states = _write(spark, "book_states", _differing(held, wanted), inputs)
    return BookSummary(n_by_symbol, sum(n_states.values()), inputs)


def are_made_otherwise(spark: SparkSession, digest: str) -> bool:
    """Whether there are quotes of other settings: going back to earlier settings must not find them up to date."""
    return not spark.table("book_states").where(F.col("settings") != digest).isEmpty()


def _options(settings: BookSettings, contiguous: frozenset[str]) -> Callable[[str], BookOptions]:
    values = settings.model_dump()
    return lambda exchange: BookOptions(is_contiguous=exchange in contiguous, **values)


def _replay(part: StartedPart, orders: DataFrame, options_of: Callable[[str], BookOptions]) -> DataFrame:
    """Rows of ``GROUP_SCHEMA``: each book by one task, which holds a batch of its events at a time."""
    spark = orders.sparkSession
    states = spark.table("book_states")
    paths = plain_files(spark, "orders", part.near(orders, is_inclusive=False))
    replayed = None if paths is None else replay_of_files(part, paths, states, options_of)
    return _replay_sorted(part, orders, states, options_of) if replayed is None else replayed


def _replay_sorted(
    part: StartedPart, orders: DataFrame, states: DataFrame, options_of: Callable[[str], BookOptions]
) -> DataFrame:
    """The same where the events of a book have to be brought together and sorted first."""
    columns = [*GROUP_KEY, *EVENT_COLUMNS]
    events = part.of(orders, is_inclusive=False).select(*columns).withColumn("saved_book", F.lit(None).cast("binary"))
    saved = part.saved(states).select(*GROUP_KEY, "sequence", "event_time", "saved_book")
    seeded = events.unionByName(saved, allowMissingColumns=True)
    sorted_events = seeded.repartition(*GROUP_KEY).sortWithinPartitions(*_KEY)
    return map_in_arrow(sorted_events, _replaying(options_of), GROUP_SCHEMA)


def _replaying(options_of: Callable[[str], BookOptions]) -> Any:
    def replay(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return replay_groups(batches, options_of)

    return replay


def _differing(held: DataFrame, wanted: DataFrame) -> RowChanges:
    """What to write; ``wanted`` is settled, and so is this."""
    changes = row_changes(held, wanted, _KEY)
    return changes if changes.are_new else changes.settled()


def _write(
    spark: SparkSession, table: str, changes: RowChanges, inputs: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    counts = F.count("*").alias("n"), digest_of_rows(changes.rows).alias("digest")
    by_symbol = sorted(changes.rows.groupBy("exchange", "symbol").agg(*counts).collect())
    if by_symbol:
        merge_changes(spark, table, changes, inputs, joined_digest(by_symbol))
    return {(row.exchange, row.symbol): row.n for row in by_symbol}
