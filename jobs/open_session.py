"""A session as users have it: Spark, the tables, the prediction functions and the model statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.file_lock import locked
from jobs.session import SessionSettings, start_session
from jobs.statements.install import install_statements
from jobs.tables import create_tables
from udfs.register import register_functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def open_session(settings: SessionSettings, say: Callable[[str], None] | None = None) -> SparkSession:
    """Start Spark with everything in place before the session is handed out.

    Raises:
        UsageError: no suitable Java, or another Spark than the pinned one.
        StorageError: the home cannot be written, or a jar is not to be had.
    """
    spark = start_session(settings, say)
    register_functions(spark, settings.home, settings.registry_uri)
    install_statements(spark, settings.home, settings.schema, say or _silent, settings.registry_uri)
    with locked(settings.home / "tables.lock", "home"):  # a shell and a job that start at once make them once
        create_tables(spark)
    return spark


def _silent(text: str) -> None:
    """Where nobody listens."""
