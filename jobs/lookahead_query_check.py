"""Prove a user's SQL feature query causal, on the newest rows of the table that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from jobs.lookahead_check import CheckOptions, Say, require_rows
from jobs.lookahead_compare import Layout, Mask, rows_before
from jobs.lookahead_cuts import extent_of, extent_text
from jobs.lookahead_instants import instant_column, is_clock
from jobs.lookahead_query import QueryRecomputation, takes_parameter
from jobs.lookahead_report import Checked
from jobs.lookahead_versions import History, versions_of
from jobs.settled_rows import settled
from models.errors import DataContractError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_BUCKETS = (86_400_000_000, 3_600_000_000, 60_000_000)  # a day, an hour, a minute


@dataclass(frozen=True)
class QueryRequest:
    """A query to check.

    Attributes:
        text: The query; it reads ``source`` by its name, or as ``IDENTIFIER(:source)``.
        source: Table or view with the history.
        time: Column of the source, and of the result, with the time of a row.
        key: Columns of the result that name a row together with its time.
        available: Column with the instant at which a row is known, where that is not ``time``.
        warm_up: Rows of a key after which an earlier start must not matter; None: this is not checked.
    """

    text: str
    source: str
    time: str
    key: tuple[str, ...] = ()
    available: str | None = None
    warm_up: int | None = None


def check_query(spark: SparkSession, request: QueryRequest, options: CheckOptions, say: Say) -> list[Checked]:
    """Run the query on versions of its table and compare.

    Raises:
        UsageError: the query is none, does not read the source, or a column is missing in its result.
        DataContractError: the source has no such column or too few rows, or the query fails on a version of it.
    """
    if "." in request.source and not takes_parameter(request.text):
        raise UsageError(
            f"{request.source} is a name with a schema, which a cut version cannot stand before: write the query as "
            "FROM IDENTIFIER(:source), or name the table alone"
        )
    session = spark.newSession()
    session.catalog.setCurrentDatabase(spark.catalog.currentDatabase())
    rows = _sample(session, request, options.n_rows)
    known = _known_name(rows.columns, request)
    noisy = tuple(name for name in rows.columns if name not in (request.time, request.available, *request.key))
    at = instant_column(rows, known)
    history = History(rows, at, noisy)
    is_time = is_clock(rows, known)
    group = [name for name in request.key if name in rows.columns]
    span = rows.agg(F.max(at) - F.min(at)).collect()[0][0] or 0
    bucket = next((width for width in _BUCKETS if is_time and 2 * width < span), None)
    extent = extent_of([history], group, bucket, options.n_cuts, options.seed)
    say(f"{request.source}: {extent_text(extent, options.seed, is_time)}")

    check = QueryRecomputation(session, request.text, request.source, history)
    layout = _layout(check.whole, request, is_time, options.tolerance)
    others = check.other_tables()
    schema, _, name = request.source.lower().rpartition(".")
    if f"{schema.rpartition('.')[2] or session.catalog.currentDatabase()}.{name}" in others:
        raise UsageError(
            f"the query also reads {request.source} past its cut version, by a name with a schema or through a view: "
            "write FROM IDENTIFIER(:source), or name the table alone"
        )
    if others:
        say(f"the query also reads {', '.join(others)}, which is not cut: what that holds of the future is not seen")
    outcomes = check.check(versions_of(extent.cuts, extent.starts if request.warm_up is not None else ()), layout)
    if not check.is_wild:
        say("the query fails on noise of extreme values (try_divide and try_cast would not): mild noise was used")
    if request.warm_up is None:
        say("whether an earlier start matters is not checked: declare the rows that the query needs with --warm-up")
    parts = [Checked("query", outcomes, is_time)]
    require_rows(parts)
    return parts


def _sample(session: SparkSession, request: QueryRequest, n_rows: int) -> DataFrame:
    """The newest rows in order of time, in one partition, so that sums add up in one order."""
    source = session.table(request.source)
    if request.time not in source.columns:
        have = ", ".join(source.columns)
        raise DataContractError(f"{request.source} has no column {request.time}: --time names one of {have}")
    known = _known_name(source.columns, request)
    at = instant_column(source, known)
    newest = source.where(at.isNotNull()).orderBy(at.desc()).limit(n_rows)
    rows = settled(newest.coalesce(1).sortWithinPartitions(at))
    if rows.isEmpty():
        raise DataContractError(f"{request.source} has no row with a {known}: there is nothing to check")
    return rows


def _known_name(names: Sequence[str], request: QueryRequest) -> str:
    """The column that says when a row is known."""
    return request.available if request.available is not None and request.available in names else request.time


def _layout(result: pa.Table, request: QueryRequest, is_time: bool, tolerance: float) -> Layout:
    names = result.column_names
    known_at = _known_name(names, request)
    if known_at not in names:
        wanted = " or ".join(name for name in (request.time, request.available) if name)
        raise UsageError(f"the query's result has no column {wanted}: select when each of its rows is known")
    if lacking := [name for name in request.key if name not in names]:
        raise UsageError(f"the query's result has no column {lacking[0]}, which --key names: select it")
    if pa.types.is_integer(result.schema.field(known_at).type) is is_time:
        raise UsageError(f"{known_at} is a time in the table and a number in the result, or the other way round")
    key = tuple(dict.fromkeys((*request.key, *(n for n in (request.time, known_at) if n in names))))
    if len(key) == len(names):
        raise UsageError("the query's result has no column beside its key and time: there is nothing to compare")

    def is_settled(rows: pa.Table) -> Mask:
        return np.asarray(rows_before(rows, request.key, known_at) >= (request.warm_up or 0))

    return Layout(key, known_at, tolerance, is_settled)
