"""The checks of ``foretable doctor`` that need Spark: tables and published functions of the current schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from jobs.doctor import Finding
from jobs.run_lock import schema_folder
from jobs.tables import TABLES
from models.errors import ModelContractError
from models.registry import Registry
from models.sql_expression import read_sql_expression
from models.sql_function import create_function_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_COMMENT = re.compile(r"model (?P<name>\S+)/(?P<version>\d+), digest [0-9a-f]+")


def check_tables(spark: SparkSession) -> Iterator[Finding]:
    """Tables of Foretable that are missing, whose log cannot be read, or that lack a file.

    A row of each is read; a damage further inside a data file is met by the query that reads it.
    """
    have = {row.tableName for row in spark.sql("SHOW TABLES").collect()}
    schema = schema_folder(spark)
    for table in TABLES:
        if table not in have and not (schema and (schema / table).exists()):
            remedy = "restore its folder from a copy; else the next command makes it empty, fill it with foretable run"
            yield Finding("table", "error", table, "it is missing", remedy)
        elif fault := _fault(spark, table) if table in have else "its log holds no commit":
            remedy = "restore its folder from a copy, or delete the folder and fill it again with foretable run"
            yield Finding("table", "error", table, fault, remedy)


def check_functions(spark: SparkSession, registry: Registry) -> Iterator[Finding]:
    """Functions ``predict_<model>`` that are not what publishing the model now would make."""
    session = spark.newSession()  # a session keeps the functions that it has used, as they were then
    schema = spark.catalog.currentDatabase()
    session.sql("USE IDENTIFIER(:schema)", args={"schema": schema})
    known = registry.list_models()
    for row in session.sql("SHOW USER FUNCTIONS LIKE 'predict_*'").collect():
        function = row.function.replace("`", "").removeprefix(f"spark_catalog.{schema}.")
        comment, body = _described(session, function)
        published = _COMMENT.fullmatch(comment)
        if published is None:
            continue  # a function of the user's own
        name = published["name"]
        if name not in known:
            what = f"it answers for {name}/{published['version']}, which is no longer registered"
            yield Finding("function", "warning", function, what, f"DROP FUNCTION {function}")
        elif fault := _difference(registry, name, comment, body):
            remedy = f"foretable models promote {name}/VERSION of the version that shall answer, which publishes it"
            yield Finding("function", "warning", function, fault, remedy)


def _fault(spark: SparkSession, table: str) -> str | None:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        rows = spark.table(table)
        files = [urlparse(address) for address in rows.inputFiles()]
        gone = [file.path for file in files if file.scheme == "file" and not Path(unquote(file.path)).exists()]
        if gone:
            return f"{len(gone)} of its {len(files)} files are missing, the first is {Path(gone[0]).name}"
        rows.limit(1).collect()
    except (PySparkException, Py4JJavaError) as e:
        return f"it cannot be read ({' '.join(str(e).split())[:160]})"
    return None


def _described(session: SparkSession, function: str) -> tuple[str, str]:
    """Comment and body of a SQL function; empty where it has none."""
    lines = [
        row.function_desc
        for row in session.sql("DESCRIBE FUNCTION EXTENDED IDENTIFIER(:name)", args={"name": f"`{function}`"}).collect()
    ]
    parts = {"Comment": "", "Body": ""}
    for line in lines:
        part, _, value = line.partition(":")
        if part in parts:
            parts[part] = value.strip()
    return parts["Comment"], parts["Body"]


def _difference(registry: Registry, name: str, comment: str, body: str) -> str | None:
    version = registry.resolve(name)
    try:
        expression = read_sql_expression(version.folder, version.digest)
    except (ModelContractError, OSError):
        expression = body  # the artifact has a finding of its own; the version is compared all the same
    if expression is None or version.transform:
        return f"it is {comment}, but {name}/{version.version} answers now, which is no SQL expression"
    expected = create_function_text(version, expression).rstrip()
    if f"\nCOMMENT '{comment}'\n" not in expected:
        return f"it is {comment}, but {name}/{version.version} answers now"
    if not expected.endswith(f"\nRETURN {body.rstrip()}"):
        return f"its text is not that of {name}/{version.version}"
    return None
