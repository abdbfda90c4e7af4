"""Ingest: files of order events into ``orders``, ``trades`` and ``gaps``, with every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.free_space import require_free_space
from jobs.ingest_codes import CODES
from jobs.ingest_files import find_files, uncompressed_bytes
from jobs.ingest_gaps import find_gaps
from jobs.ingest_limit import refuse_above_limit
from jobs.ingest_outcomes import Range, add_outcomes, key_ranges
from jobs.ingest_publish import in_order, write_gaps, write_ledger, write_orders, write_quarantine, write_trades
from jobs.ingest_reading import collect_reports, plan_tasks, read_lines
from jobs.ingest_summary import FileAccount, IngestSummary
from jobs.readers.file_reader import FileReport, FileTask
from jobs.sources import Source
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def ingest(
    spark: SparkSession,
    source: Source,
    max_bad_share: float,
    run_id: str,
    say: Callable[[str], None] = lambda text: None,
    is_dry_run: bool = False,
) -> IngestSummary:
    """Read the files of ``source`` that the ledger lacks and publish what is good; safe to run again.

    Tables are written in the order orders, trades, gaps, quarantine, ledger. A run that dies in between is healed
    by the next one over the same files: it takes the rows it finds as its own, and ends with the same content.

    Args:
        spark: Session whose current schema has the tables.
        source: Files, format and exchange.
        max_bad_share: Share of refused lines, 0 to 1, above which nothing is published. Blank lines and messages
            that tell nothing about an order do not count.
        run_id: Written to every row.
        say: Gets one sentence a step.
        is_dry_run: Do everything but write; holes in the sequence are then not looked for.

    Returns:
        The accounting. ``is_nothing_new`` where the ledger holds every file; nothing is written then.

    Raises:
        DataContractError: no file, or too many refused lines; nothing is published.
        StorageError: a file cannot be read, or the disk has no room for what the new files hold.
    """
    files = find_files(source)
    tasks = plan_tasks(spark, source, files)
    if not is_dry_run:
        require_free_space(spark, _bytes_to_read(files, tasks))
    say(f"reading {len(files)} file{'s' if len(files) > 1 else ''} …")
    lines = read_lines(spark, source, tasks, now_us=time.time_ns() // 1000).persist()
    try:
        reports = collect_reports(lines)
        fresh = _fresh(reports)
        skipped = tuple(files[r.file_index].name for r in reports if r not in fresh)
        if not fresh:
            return IngestSummary(run_id=run_id, is_published=False, skipped_files=skipped)
        ranges = decide(spark, source, lines, [file.name for file in files], fresh)
        accounts, n_own = account_lines(spark, [file.name for file in files], fresh)
        name_refused(spark, [file.name for file in files], fresh)
        refuse_above_limit(spark, accounts, max_bad_share)
        summary = IngestSummary(run_id=run_id, is_published=not is_dry_run, files=accounts, skipped_files=skipped)
        if is_dry_run:
            return summary
        n_gaps, n_missing = _publish(spark, source, summary, ranges, n_own, say)
        return summary.model_copy(update={"n_gaps": n_gaps, "n_missing": n_missing})
    finally:
        lines.unpersist()


def _bytes_to_read(files: list[Path], tasks: list[FileTask]) -> int:
    """About how much text the new files hold; one of a length that the ledger knows is taken for an old one."""
    return sum(uncompressed_bytes(file) for file, task in zip(files, tasks, strict=True) if not task.known_digests)


def _fresh(reports: list[FileReport]) -> list[FileReport]:
    """Files neither in the ledger nor the same, byte by byte, as an earlier one of this run."""
    first_of: dict[str, FileReport] = {}
    for report in reports:
        first_of.setdefault(report.digest, report)
    return [report for report in first_of.values() if report.state != "known"]


def decide(
    spark: SparkSession, source: Source, lines: DataFrame, names: Sequence[str], fresh: list[FileReport]
) -> list[Range]:
    """Make the view ``ingest_rows``: a line of the fresh files with the name of its file and its outcome.

    Returns:
        What the events cover of each symbol and epoch.
    """
    from pyspark.sql import functions as F

    file_names = F.array(*(F.lit(name) for name in names))
    of_fresh = lines.where(F.col("file_index").isin([r.file_index for r in fresh]) & (F.col("kind") != "report"))
    named = of_fresh.withColumn("source_file", F.get(file_names, F.col("file_index")))
    ranges = key_ranges(named)
    add_outcomes(spark, named, source.exchange, source.is_numbered, ranges).createOrReplaceTempView("ingest_rows")
    return ranges


def account_lines(
    spark: SparkSession, names: Sequence[str], fresh: list[FileReport]
) -> tuple[tuple[FileAccount, ...], int]:
    """Account of each file and the number of rows that a crashed run wrote already.

    Spark counts the outcomes, the reader counted lines as it cut them: both must agree before anything is published.
    """
    counts = {row.file_index: row for row in run_sql(spark, "queries/ingest_counts").collect()}
    accounts = []
    for report in fresh:
        row = counts.get(report.file_index)
        account = FileAccount(
            source_file=names[report.file_index],
            file_digest=report.digest,
            state=report.state,
            n_bytes=report.n_bytes,
            n_read=report.n_read,
            n_good=row.n_good if row else 0,
            n_quarantined=row.n_quarantined if row else 0,
            n_duplicate=row.n_duplicate if row else 0,
            n_pending=report.n_pending,
            n_disordered=report.n_disordered,
            unknown_fields=report.unknown_fields,
        )
        n_accounted = account.n_good + account.n_quarantined + account.n_duplicate + account.n_pending
        if account.n_read != n_accounted:
            raise AssertionError(f"{account.source_file}: {account.n_read} lines read, {n_accounted} accounted for")
        accounts.append(account)
    return tuple(accounts), sum(row.n_own for row in counts.values())


def name_refused(spark: SparkSession, names: Sequence[str], fresh: list[FileReport]) -> None:
    """Make the view ``ingest_refused`` of the lines for the quarantine."""
    digests = [(r.file_index, r.digest, names[r.file_index]) for r in fresh]
    spark.createDataFrame(digests, "file_index int, file_digest string, source_file string").createOrReplaceTempView(
        "ingest_digests"
    )
    refused = run_sql(spark, "queries/ingest_refused", conflict_reason=CODES["KEY_CONFLICT"])
    refused.createOrReplaceTempView("ingest_refused")


def _publish(
    spark: SparkSession,
    source: Source,
    summary: IngestSummary,
    ranges: list[Range],
    n_own: int,
    say: Callable[[str], None],
) -> tuple[int, int]:
    """Write the tables; number of holes near the events and of sequence numbers absent there."""
    exchange, run_id, found = source.exchange, summary.run_id, [0, 0]

    steps = event_steps(spark, source, run_id, ranges, (n_own, summary.n_good - n_own), found)
    if summary.n_quarantined:
        steps.append(("orders__quarantine", lambda: write_quarantine(spark, exchange, run_id)))
    steps.append(("ingested_files", lambda: write_ledger(spark, source, run_id, summary.files)))
    in_order(steps, say)
    return found[0], found[1]


def event_steps(
    spark: SparkSession, source: Source, run_id: str, ranges: list[Range], n_good: tuple[int, int], found: list[int]
) -> list[tuple[str, Callable[[], None]]]:
    """The writes of what is good in the view ``ingest_rows``, in their order.

    Args:
        spark: Session with the views of :func:`decide`.
        source: Exchange and format of the lines.
        run_id: Written to every row.
        ranges: What :func:`decide` returned.
        n_good: Number of good lines that a crashed run wrote already, and of the others.
        found: Gets the number of holes near the events and of sequence numbers absent there.
    """
    exchange = source.exchange

    def gaps() -> None:
        found[:] = find_gaps(spark, exchange, ranges)
        write_gaps(spark, exchange)

    steps: list[tuple[str, Callable[[], None]]] = [
        ("orders", lambda: write_orders(spark, exchange, run_id, *n_good)),
    ]
    if any(n_good):
        steps.append(("trades", lambda: write_trades(spark, exchange)))
        if source.is_contiguous:
            steps.append(("gaps", gaps))
    return steps
