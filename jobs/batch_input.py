"""The rows of a batch job, out of a table, a query or files, and what names them: Delta versions or file digests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.batch_columns import check_headers, decide_columns, declared_types
from jobs.batch_formats import find_files, format_of
from jobs.batch_request import BatchRequest
from jobs.batch_rows import read_rows
from jobs.batch_scan import FileFacts, scan_files
from jobs.batch_values import REFUSAL
from jobs.last_good import good_version
from jobs.readers.byte_stream import sha256_of
from jobs.statements.only_query import query_frame
from jobs.statements.scanned_tables import scanned_versions
from jobs.table_versions import rows_at
from models.errors import DataContractError
from models.model_version import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_REFUSAL_TYPE = "struct<code:string,reason:string>"


@dataclass(frozen=True)
class BatchInput:
    """Rows to score.

    Attributes:
        rows: One row an input row, with ``__refusal`` last; not read yet.
        description: For people.
        n_rows: How many there are, counted apart from the scoring; None of a query, which would run twice.
        tables: Delta table to the version that is read.
        files: File to its SHA-256.
    """

    rows: DataFrame
    description: str
    n_rows: int | None = None
    is_stored: bool = False  # a table or Parquet files: Spark counts them without reading the rows
    tables: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def names(self, query: str | None) -> dict[str, str]:
        """What tells these rows from others."""
        return {**{name: str(version) for name, version in self.tables.items()}, **self.files, "query": query or ""}


def open_input(spark: SparkSession, request: BatchRequest, model: ModelVersion) -> BatchInput:
    """The rows that a request names. Text files are read once, to learn their columns.

    Raises:
        DataContractError: there is no such table or file, or nothing of it can be read.
        ModelContractError: a text file lacks a feature.
        UsageError: the query is none, or the files are of several formats.
    """
    if request.files is not None:
        return _open_files(spark, request, model)
    if request.table is not None:
        return _open_table(spark, request.table)
    return BatchInput(_without_refusals(query_frame(spark, str(request.query))), "a query")


def measured(source: BatchInput) -> BatchInput:
    """The same with the number of rows and the versions of tables, for which Spark runs jobs."""
    n_rows = source.rows.count() if source.is_stored else source.n_rows
    tables = source.tables or ({} if source.files else scanned_versions(source.rows))
    return replace(source, n_rows=n_rows, tables=tables)


def _open_table(spark: SparkSession, name: str) -> BatchInput:
    try:
        version = good_version(spark, name)
    except DataContractError:  # a view, or of another schema
        return BatchInput(_without_refusals(spark.table(name)), f"view {name}")
    rows = _without_refusals(rows_at(spark, name, version))
    return BatchInput(rows, f"table {name} at version {version}", is_stored=True, tables={name: version})


def _open_files(spark: SparkSession, request: BatchRequest, model: ModelVersion) -> BatchInput:
    files = find_files(str(request.files))
    format_ = format_of(files, request.input_format)
    if format_ == "parquet":
        return _open_parquet(spark, files)
    if format_ == "csv":
        check_headers(files, model)
    declared = declared_types(spark, request.types)
    n_tasks = request.parallelism or spark.sparkContext.defaultParallelism
    facts = scan_files(spark, files, format_, n_tasks)
    _require_readable(facts)
    columns = decide_columns(facts, model, declared)
    return BatchInput(
        read_rows(spark, facts, columns, format_, n_tasks),
        _describe(files, format_),
        sum(one.n_records for one in facts),
        files={one.path: one.digest for one in facts},
    )


def _open_parquet(spark: SparkSession, files: list[Path]) -> BatchInput:
    paths = [re.sub(r"([\\\[\]{}*?])", r"\\\1", str(file)) for file in files]  # Spark would read a pattern in them
    rows = _without_refusals(spark.read.option("mergeSchema", "true").parquet(*paths))
    digests = {str(file): sha256_of(file, file.stat().st_size) for file in files}
    return BatchInput(rows, _describe(files, "parquet"), is_stored=True, files=digests)


def _require_readable(facts: list[FileFacts]) -> None:
    """Where not one record can be read, the files are of another kind than they were taken for."""
    n_records, n_unreadable = sum(f.n_records for f in facts), sum(f.n_unreadable for f in facts)
    if n_records and n_records == n_unreadable:
        first = next(f.first_unreadable for f in facts if f.first_unreadable)
        raise DataContractError(
            f"none of the {n_records:,} records can be read ({first}): check --format and the files"
        )


def _describe(files: list[Path], format_: str) -> str:
    return f"{len(files)} {format_} file{'s' if len(files) > 1 else ''}, the first is {files[0]}"


def _without_refusals(rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.withColumn(REFUSAL, F.lit(None).cast(_REFUSAL_TYPE))
