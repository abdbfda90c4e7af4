"""Write what a run accepted: orders first, the ledger last, so that a crash in between is healed by a rerun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from jobs.commits import committed
from jobs.ingest_summary import FileAccount
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.sources import Source

LEDGER_SCHEMA = (
    "exchange string, file_digest string, source_file string, format string, state string, n_bytes bigint, "
    "n_read bigint, n_good bigint, n_quarantined bigint, n_duplicate bigint, n_pending bigint, "
    "unknown_fields array<string>, run_id string, n_disordered bigint"
)


def write_orders(spark: SparkSession, exchange: str, run_id: str, n_own: int, n_new: int) -> None:
    """Append the new events of the view ``ingest_rows``; make those of a crashed run this run's."""
    write = partial(run_sql, spark, exchange=exchange, run_id=run_id)
    if n_own:
        committed(spark, "orders", partial(write, "merge/ingest_adopt"))
    if n_new:
        committed(spark, "orders", partial(write, "merge/ingest_orders"))


def write_trades(spark: SparkSession, exchange: str) -> None:
    """Merge the matches of ``ingest_rows`` into ``trades``; infer the taker's side where the feed sends none."""
    matches = run_sql(spark, "queries/ingest_matches").cache()
    matches.createOrReplaceTempView("ingest_matches")
    if matches.isEmpty():
        return
    trades = matches
    if not matches.where("is_side_inferred").isEmpty():
        trades = run_sql(spark, "queries/ingest_inferred_trades", exchange=exchange).cache()
    trades.createOrReplaceTempView("ingest_trades")
    first, last = trades.selectExpr("min(trade_id)", "max(trade_id)").collect()[0]
    if first is not None:
        span = {"first_trade_id": first, "last_trade_id": last}
        committed(spark, "trades", lambda: run_sql(spark, "merge/ingest_trades", exchange=exchange, **span))


def write_gaps(spark: SparkSession, exchange: str) -> None:
    """Merge the view ``ingest_gaps`` into ``gaps``."""
    if not spark.table("ingest_gaps").isEmpty():
        committed(spark, "gaps", lambda: run_sql(spark, "merge/ingest_gaps", exchange=exchange))


def write_quarantine(spark: SparkSession, exchange: str, run_id: str) -> None:
    """Merge the view ``ingest_refused`` into ``orders__quarantine``."""
    merge = partial(run_sql, spark, "merge/ingest_quarantine", exchange=exchange, run_id=run_id)
    committed(spark, "orders__quarantine", merge)


def write_ledger(spark: SparkSession, source: Source, run_id: str, files: Sequence[FileAccount]) -> None:
    """Append the files to ``ingested_files``: from here on the run counts as done."""
    rows = [
        (
            source.exchange, f.file_digest, f.source_file, source.format, f.state, f.n_bytes, f.n_read, f.n_good,
            f.n_quarantined, f.n_duplicate, f.n_pending, list(f.unknown_fields), run_id,
            f.n_disordered,
        )
        for f in files
    ]  # fmt: skip
    spark.createDataFrame(rows, LEDGER_SCHEMA).createOrReplaceTempView("ingest_files")
    committed(spark, "ingested_files", lambda: run_sql(spark, "merge/ingest_ledger"))


def in_order(steps: Sequence[tuple[str, Callable[[], None]]], say: Callable[[str], None]) -> None:
    """Run the write steps one after the other, saying each."""
    for name, step in steps:
        say(f"writing {name} …")
        step()
