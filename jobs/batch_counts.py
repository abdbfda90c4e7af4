"""What a batch job has written: rows by status, and those whose record was unreadable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.batch_answers import IS_UNREADABLE
from jobs.table_versions import rows_at

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation, SparkSession

STATUSES = ("OK", "NULL_FEATURE", "OUT_OF_RANGE", "UNKNOWN_CATEGORY", "SHAPE", "NAN_OUTPUT", "MODEL_ERROR")


@dataclass(frozen=True)
class Counts:
    """Rows of an output: all, those whose record was unreadable, and the others by status."""

    n_rows: int
    n_unreadable: int
    by_status: dict[str, int]


def observed(answers: DataFrame) -> tuple[DataFrame, Observation]:
    """The rows to write to files, and what counts them while they are written."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    is_unreadable, while_written = F.col(IS_UNREADABLE), Observation()
    n_of = [F.count_if((F.col("status") == status) & ~is_unreadable).alias(status) for status in STATUSES]
    n_rows, n_unreadable = F.count(F.lit(1)).alias("n_rows"), F.count_if(is_unreadable).alias("n_unreadable")
    return answers.observe(while_written, n_rows, n_unreadable, *n_of).drop(IS_UNREADABLE), while_written


def counts_of(while_written: Observation) -> Counts:
    """What was counted, once the rows are written."""
    by_status = dict(while_written.get)
    return Counts(by_status.pop("n_rows"), by_status.pop("n_unreadable"), by_status)


def count_written(spark: SparkSession, table: str, version: int, mode: str) -> Counts:
    """What a commit has put into its table, counted from the table; Delta's writer tells no observation."""
    by_status = _statuses(spark, table, version)
    if mode != "overwrite":
        by_status -= _statuses(spark, table, version - 1)
    n_unreadable = sum(n for status, n in by_status.items() if status not in STATUSES)
    return Counts(by_status.total(), n_unreadable, {status: by_status[status] for status in STATUSES})


def _statuses(spark: SparkSession, table: str, version: int) -> Counter[str]:
    rows = rows_at(spark, table, version).groupBy("status").count().collect()
    return Counter({row["status"]: row["count"] for row in rows})
