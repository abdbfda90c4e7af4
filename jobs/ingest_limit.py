"""The limit of refused lines, above which a run publishes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ingest_codes import HARMLESS
from jobs.tables import run_sql
from models.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from jobs.ingest_summary import FileAccount


def refuse_above_limit(spark: SparkSession, files: Sequence[FileAccount], max_bad_share: float) -> None:
    """Check the share of refused lines of the view ``ingest_refused`` among the lines read.

    Blank lines and messages that tell nothing about an order count on neither side.

    Raises:
        DataContractError: the share is above ``max_bad_share``; names the three commonest codes with a place each.
    """
    if not any(file.n_quarantined for file in files):
        return
    codes = run_sql(spark, "queries/ingest_refused_codes").collect()
    bad = [row for row in codes if row.code not in HARMLESS]
    n_bad = sum(row.n_lines for row in bad)
    n_read = sum(file.n_read for file in files) - sum(row.n_lines for row in codes if row.code in HARMLESS)
    if n_bad <= max_bad_share * n_read:
        return
    examples = "; ".join(f"{row.n_lines} x {row.code} ({row.place}: {row.reason})" for row in bad[:3])
    raise DataContractError(
        f"{n_bad} of {n_read} lines are refused, more than --max-bad {max_bad_share:g} allows, "
        f"so nothing was published: {examples}"
    )
