"""The book job: ``quotes`` from ``orders``, replaying only what is new, or what late events touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions
from jobs.book.replay_groups import GROUP_KEY, GROUP_SCHEMA, replay_groups
from jobs.last_good import good_version
from jobs.resample import received_exchanges
from jobs.row_changes import digest_of_rows, joined_digest, merge_changes, row_changes
from jobs.settled_rows import settled
from jobs.table_versions import changed_rows, rows_at, usable_since

if TYPE_CHECKING:
    from jobs.config import BookSettings

_KEY = [*GROUP_KEY, "sequence"]
_MOST_CONDITIONS = 200  # books whose files are named to Delta one by one


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
    starts = _starts(spark, orders, inputs, since, digest, sorted(contiguous))
    if not starts:
        return BookSummary({}, 0, inputs)
    part = _Part(spark, starts)
    replayed = settled(_replay(part, orders, _options(settings, contiguous)))
    is_state = F.col("saved_book").isNotNull()
    quotes = replayed.where(~is_state).select(spark.table("quotes").columns)
    states = replayed.where(is_state).withColumn("settings", F.lit(digest))
    held = part.of(spark.table("quotes"), is_inclusive=False)
    n_by_symbol = _write(spark, "quotes", row_changes(held, quotes, _KEY), inputs)
    held = part.of(spark.table("book_states"), is_inclusive=True)
    wanted = states.select(spark.table("book_states").columns)
    n_states = _write(spark, "book_states", row_changes(held, wanted, _KEY), inputs)
    return BookSummary(n_by_symbol, sum(n_states.values()), inputs)


def are_made_otherwise(spark: SparkSession, digest: str) -> bool:
    """Whether there are quotes of other settings: going back to earlier settings must not find them up to date."""
    return not spark.table("book_states").where(F.col("settings") != digest).isEmpty()


def _options(settings: BookSettings, contiguous: frozenset[str]) -> Callable[[str], BookOptions]:
    values = settings.model_dump()
    return lambda exchange: BookOptions(is_contiguous=exchange in contiguous, **values)


@dataclass(frozen=True)
class Start:
    """A book to replay, and the saved one to go on from; ``after`` is None where it begins with nothing."""

    exchange: str
    symbol: str
    epoch: int
    after: int | None


def _starts(
    spark: SparkSession,
    orders: DataFrame,
    inputs: Mapping[str, int],
    since: Mapping[str, int] | None,
    digest: str,
    contiguous: Sequence[str],
) -> list[Start]:
    """The books with changed events, or made with other settings or rules of numbering than now."""
    states = spark.table("book_states")
    is_same = (F.col("settings") == digest) & (F.col("is_contiguous") == F.col("exchange").isin(list(contiguous)))
    other = states.where(~is_same).select(*GROUP_KEY, F.lit(None).cast("bigint").alias("first"))
    if since is None:
        every = orders.select(*GROUP_KEY).unionByName(states.select(*GROUP_KEY)).distinct()
        return [Start(row.exchange, row.symbol, row.epoch, None) for row in every.collect()]
    changed = changed_rows(spark, "orders", since["orders"], inputs["orders"])
    touched = changed.groupBy(*GROUP_KEY).agg(F.min("sequence").alias("first")).unionByName(other)
    touched = touched.groupBy(*GROUP_KEY).agg(
        F.min("first").alias("first"), F.max(F.col("first").isNull()).alias("is_whole")
    )
    before = (F.col("sequence") < F.col("first")) & ~F.col("is_whole")
    usable = states.join(F.broadcast(touched), list(GROUP_KEY)).where(before)
    newest = usable.groupBy(*GROUP_KEY).agg(F.max("sequence").alias("after"))
    found = touched.join(newest, list(GROUP_KEY), "left").select(*GROUP_KEY, "after")
    return [Start(*row) for row in found.collect()]


class _Part:
    """The rows of tables from the starts on."""

    def __init__(self, spark: SparkSession, starts: Sequence[Start]) -> None:
        rows = [(start.exchange, start.symbol, start.epoch, start.after) for start in starts]
        self._starts = spark.createDataFrame(rows, "exchange string, symbol string, epoch bigint, _after bigint")
        self._near = reduce(or_, map(_is_in, starts)) if len(starts) <= _MOST_CONDITIONS else F.lit(True)

    def of(self, rows: DataFrame, is_inclusive: bool) -> DataFrame:
        """Rows after the saved books, or with them; the condition in literals lets Delta skip the other files."""
        later = F.col("sequence") >= F.col("_after") if is_inclusive else F.col("sequence") > F.col("_after")
        joined = rows.where(self._near).join(F.broadcast(self._starts), list(GROUP_KEY))
        return joined.where(F.col("_after").isNull() | later).select(rows.columns)

    def saved(self, states: DataFrame) -> DataFrame:
        """The saved books to go on from."""
        joined = states.where(self._near).join(F.broadcast(self._starts), list(GROUP_KEY))
        return joined.where(F.col("sequence") == F.col("_after"))


def _is_in(start: Start) -> Column:
    is_it = F.col("exchange") == F.lit(start.exchange)
    is_it &= F.col("symbol") == F.lit(start.symbol)
    is_it &= F.col("epoch") == F.lit(start.epoch)
    return is_it if start.after is None else is_it & (F.col("sequence") >= F.lit(start.after))


def _replay(part: _Part, orders: DataFrame, options_of: Callable[[str], BookOptions]) -> DataFrame:
    """Rows of ``GROUP_SCHEMA``: each book by one task, which holds a batch of its events at a time."""
    columns = [*GROUP_KEY, *EVENT_COLUMNS]
    events = part.of(orders, is_inclusive=False).select(*columns).withColumn("saved_book", F.lit(None).cast("binary"))
    states = part.saved(orders.sparkSession.table("book_states")).select(
        *GROUP_KEY, "sequence", "event_time", "saved_book"
    )
    seeded = events.unionByName(states, allowMissingColumns=True)
    sorted_events = seeded.repartition(*GROUP_KEY).sortWithinPartitions(*_KEY)
    return sorted_events.mapInArrow(_replaying(options_of), from_arrow_schema(GROUP_SCHEMA))


def _replaying(options_of: Callable[[str], BookOptions]) -> Any:
    def replay(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return replay_groups(batches, options_of)

    return replay


def _write(
    spark: SparkSession, table: str, changes: DataFrame, inputs: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    changes = settled(changes)  # MERGE plans its source three times over: give it rows, not their history
    counts = changes.groupBy("exchange", "symbol").agg(F.count("*").alias("n"), digest_of_rows(changes).alias("digest"))
    by_symbol = sorted(counts.collect())
    if by_symbol:
        merge_changes(spark, table, changes, inputs, joined_digest(by_symbol))
    return {(row.exchange, row.symbol): row.n for row in by_symbol}
