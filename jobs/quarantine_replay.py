"""Read refused lines again: what is good now lands as if ingest had read it so, what is still bad stays as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jobs.commits import committed
from jobs.ingest import account_lines, decide, event_steps, name_refused
from jobs.ingest_outcomes import Range
from jobs.ingest_publish import in_order
from jobs.ingest_summary import FileAccount
from jobs.quarantine_numbering import QuarantinedFile, find_numberings
from jobs.quarantine_reading import read_again
from jobs.readers.file_reader import FileReport
from jobs.settled_rows import settled
from jobs.sources import Source
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Say = Callable[[str], None]


class Feed(NamedTuple):
    """Lines of one exchange in one format."""

    exchange: str
    format: str


class Replay(NamedTuple):
    """What became of the lines of a feed that were read again: an account a file, and whether anything was written."""

    files: tuple[FileAccount, ...]
    is_written: bool


def replay(
    spark: SparkSession, lines: DataFrame, feed: Feed, sources: Sequence[Source], run_id: str | None, say: Say
) -> Replay:
    """Replay the lines of one feed; safe to run again.

    Tables are written in the order quarantine, orders, trades, gaps, ledger. A run that dies in between is healed by
    the next: the quarantine names the lines it was about, and what it wrote is taken over, by the rules of ingest.

    Args:
        spark: Session whose current schema has the tables.
        lines: See ``jobs.quarantine.candidates``; those of other feeds are passed over.
        feed: Exchange and format.
        sources: Of the configuration.
        run_id: Written to every row; None for a dry run.
        say: Gets one sentence a step.
    """
    chosen = settled(lines.where((lines.exchange == feed.exchange) & (lines.format == feed.format) & lines.is_whole))
    keys = ("source_file", "file_digest", "ingest_run_id")
    files = sorted(QuarantinedFile(*row) for row in chosen.groupBy(*keys).count().collect())
    numberings = find_numberings(spark, *feed, files, sources)
    _name_unnumbered([file for index, file in enumerate(files) if index not in numberings], say)
    if not numberings:
        return Replay((), False)
    places = [(index, files[index].file_digest) for index in numberings]
    numbered = chosen.join(spark.createDataFrame(places, "file_index int, file_digest string"), "file_digest")
    numbered.createOrReplaceTempView("quarantine_chosen")
    read = settled(read_again(numbered, numberings, now_us=time.time_ns() // 1000))
    reports = [
        FileReport(file_index=i, digest=files[i].file_digest, n_bytes=0, state="replayed", n_read=files[i].n_lines)
        for i in numberings
    ]
    names = [file.source_file for file in files]
    source = next(iter(numberings.values())).source
    ranges = decide(spark, source, read, names, reports)
    accounts, n_own = account_lines(spark, names, reports)
    name_refused(spark, names, reports)
    _say_refused(spark, accounts, say)
    is_written = run_id is not None and _publish(spark, source, accounts, ranges, n_own, run_id, say)
    return Replay(accounts, is_written)


def _publish(
    spark: SparkSession, source: Source, accounts: Sequence[FileAccount], ranges: list[Range], n_own: int, run_id: str,
    say: Say,
) -> bool:  # fmt: skip
    """Write the tables; whether there was anything to write."""
    outcomes = settled(run_sql(spark, "queries/quarantine_outcomes"))
    outcomes.createOrReplaceTempView("quarantine_outcomes")
    if outcomes.where("outcome IS NOT NULL OR is_half_done").isEmpty():
        return False
    of_run = partial(run_sql, spark, exchange=source.exchange, run_id=run_id)
    mark = partial(of_run, "merge/quarantine_outcomes")
    steps = [("orders__quarantine", lambda: committed(spark, "orders__quarantine", mark))]
    n_good = sum(account.n_good for account in accounts)
    steps += event_steps(spark, source, run_id, ranges, (n_own, n_good - n_own), [0, 0])
    landed = [(a.file_digest, a.source_file, a.n_good, a.n_duplicate) for a in accounts if a.n_good + a.n_duplicate]
    if landed:
        schema = "file_digest string, source_file string, n_good bigint, n_duplicate bigint"
        spark.createDataFrame(landed, schema).createOrReplaceTempView("quarantine_accounts")
        account = partial(of_run, "merge/quarantine_ledger", format=source.format)
        steps.append(("ingested_files", lambda: committed(spark, "ingested_files", account)))
    in_order(steps, say)
    return True


def _name_unnumbered(files: Sequence[QuarantinedFile], say: Say) -> None:
    for file in files:
        say(
            f"{file.source_file}: {file.n_lines} lines stay refused, since their product and epoch are unknown: "
            "nothing of this file has landed, or two files have its name; mend the file and ingest it"
        )


def _say_refused(spark: SparkSession, accounts: Sequence[FileAccount], say: Say) -> None:
    if not any(account.n_quarantined for account in accounts):
        return
    for row in run_sql(spark, "queries/ingest_refused_codes").collect():
        say(f"still refused: {row.n_lines} x {row.code} ({row.place}: {row.reason})")
