"""A step of plain SQL in a pipeline, recorded in ``runs``; the tables that it changed are published when it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.commits import committed
from jobs.runs import Run, recorded_run
from jobs.sql_split import split_statements
from jobs.table_log import table_log
from models.errors import DataContractError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.step_settings import StepSettings

MOST_ROWS = 1_000  # of an answer that is printed


def sql_step(spark: SparkSession, step: StepSettings) -> list[list[dict[str, Any]]]:
    """Run the statements of a step one after the other.

    The text reads tables as any SQL does, at their newest version; ``published_bars`` is what finished runs left.

    Returns:
        The answer of each statement that has one, up to 1,000 rows; of a ``table``, its number of rows.

    Raises:
        UsageError: the file is missing, the text holds no statement, or more than one with ``table``.
    """
    statements = step_statements(step)
    digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    with recorded_run(spark, "sql", step.name, digest) as run:
        before = _versions(spark)
        run.begin()
        with _in_schema(spark):
            answers = _fill(spark, step.table, statements[0]) if step.table else _answers(spark, statements)
        _account(spark, run, before)
        if step.table:
            run.n_good = answers[0][0]["rows"]
    return answers


def step_statements(step: StepSettings) -> list[str]:
    """The statements of a step.

    Raises:
        UsageError: the file cannot be read, the text holds no statement, or more than one with ``table``.
    """
    text = step.query or ""
    if step.file is not None:
        try:
            text = Path(step.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            why = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
            raise UsageError(f"the file {step.file} of the step {step.name} cannot be read ({why})") from e
    ended, rest = split_statements(text)
    statements = [*ended, *([rest] if rest else [])]
    if not statements:
        raise UsageError(f"the step {step.name} holds no SQL statement")
    if step.table and len(statements) > 1:
        raise UsageError(f"the step {step.name} keeps one query in {step.table} and has {len(statements)} statements")
    return statements


def _fill(spark: SparkSession, table: str, query: str) -> list[list[dict[str, Any]]]:
    """Replace the content of a table by the rows of a query, in one commit."""
    rows = spark.sql(query)
    if not rows.columns:
        raise UsageError(f"what is to be kept in {table} is no query: it has no columns")
    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    if spark.catalog.tableExists(table):
        committed(spark, table, lambda: writer.saveAsTable(table))
    else:
        writer.saveAsTable(table)
    return [[{"table": table, "rows": spark.table(table).count()}]]


def _answers(spark: SparkSession, statements: list[str]) -> list[list[dict[str, Any]]]:
    answers = ([row.asDict() for row in spark.sql(text).take(MOST_ROWS)] for text in statements)
    return [answer for answer in answers if answer]


@contextmanager
def _in_schema(spark: SparkSession) -> Iterator[None]:
    """A USE in the text holds to its end only."""
    schema = spark.catalog.currentDatabase()
    try:
        yield
    finally:
        spark.catalog.setCurrentDatabase(schema)


def _account(spark: SparkSession, run: Run, before: dict[str, int]) -> None:
    """Which tables the text has changed: those with a commit of the run."""
    changed = []
    for table, version in _versions(spark).items():
        known = before.get(table, -1)
        if version != known and any(commit.run_id == run.run_id for commit in table_log(spark, table).commits(known)):
            changed.append(table)
            if known >= 0:
                run.before.setdefault(table, known)
    run.tables = changed


def _versions(spark: SparkSession) -> dict[str, int]:
    """The Delta tables of the current schema and their newest versions; ``runs`` is not for users to write."""
    from pyspark.errors import PySparkException

    versions = {}
    for row in spark.sql("SHOW TABLES").collect():
        if row.isTemporary or row.tableName == "runs":
            continue
        try:
            versions[row.tableName] = table_log(spark, row.tableName).version
        except (DataContractError, PySparkException):  # a view, or no Delta table
            continue
    return versions
