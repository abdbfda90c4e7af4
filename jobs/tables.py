"""Tables and statements: the text lies in ``sql/``, one statement a file; values and names travel as parameters."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jobs.table_log import table_log
from models.errors import UsageError
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLES = (
    "orders",
    "orders__quarantine",
    "gaps",
    "ingested_files",
    "trades",
    "quotes",
    "book_states",
    "bars",
    "features",
    "feature_scales",
    "predictions",
    "runs",
)
# What tables of earlier versions lack: a column that tells, and the statements that add it with the others.
_OLDER = {
    "runs": ("run_number", ("runs_of_0_1_may_run", "runs_of_0_1_columns")),
    "ingested_files": ("n_disordered", ("ingested_files_of_0_1_columns",)),
    "quotes": ("order_flow", ("quotes_of_0_1_columns",)),
    "bars": ("last_quote_at", ("bars_of_0_1_columns",)),
}
REGISTRY_VIEWS = ("models", "model_versions", "model_groups", "training_runs", "trials")
PUBLISHED = tuple(name for name in TABLES if name != "runs")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_COMMENT_OR_STRING = re.compile(r"--[^\n]*|'(?:[^'\\]|\\.)*'")


def create_tables(spark: SparkSession) -> None:
    """Create the tables and views of design section 5 that the current schema lacks; what is there stays as it is."""
    have = {row.tableName for row in spark.sql("SHOW TABLES").collect()}
    for name in (*TABLES, *REGISTRY_VIEWS):
        if name not in have:
            run_sql(spark, f"ddl/{name}")
    for name in PUBLISHED:
        if f"published_{name}" not in have:
            run_sql(spark, "ddl/published", view=f"published_{name}", table=identifier(f"{name}@good"))
    for name, (column, statements) in _OLDER.items():
        if name in have and column not in spark.table(name).columns:
            for statement in statements:
                run_sql(spark, f"ddl/{statement}")


def run_sql(spark: SparkSession, statement: str, **parameters: Any) -> DataFrame:
    """Run ``sql/<statement>.sql`` with its named parameters.

    Args:
        spark: Session in the schema that the statement means.
        statement: Path below ``sql/`` without the ending, for example ``queries/bars``.
        parameters: A value for each ``:name`` of the text; for ``IDENTIFIER(:name)`` a table name.

    Raises:
        UsageError: a parameter is missing or not in the text, by name.
    """
    text = sql_text(statement)
    wanted = set(_PARAMETER.findall(_COMMENT_OR_STRING.sub("", text)))
    if missing := sorted(wanted - parameters.keys()):
        raise UsageError(f"{statement}.sql lacks a value for {', '.join(missing)}")
    if extra := sorted(parameters.keys() - wanted):
        raise UsageError(
            f"{statement}.sql has no parameter {', '.join(extra)}; it has {', '.join(sorted(wanted)) or 'none'}"
        )
    return spark.sql(text, args=parameters) if parameters else spark.sql(text)


@cache
def sql_text(statement: str) -> str:
    """Text of ``sql/<statement>.sql`` as packaged."""
    return (resources.files("sql") / f"{statement}.sql").read_text(encoding="utf-8")


def table_version(spark: SparkSession, table: str) -> int:
    """Newest Delta version of a table.

    Raises:
        DataContractError: there is no such table.
    """
    return table_log(spark, table).version
