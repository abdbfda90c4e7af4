"""Models that are SQL themselves, as persistent SQL functions ``predict_<model>`` with one parameter a feature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.registry import Registry
from models.sql_expression import read_sql_expression
from models.sql_function import create_function_text
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def publish_function(spark: SparkSession, registry: Registry, schema: str, name: str) -> bool:
    """Bring ``predict_<name>`` in line with what ``predict('name', …)`` answers; True where it exists then.

    The function needs nothing of Foretable when it is called, so that a stock Spark can score. It holds one version:
    a model that is gone, or whose version is no small expression, has no function.
    """
    session = spark.newSession()
    session.sql("USE IDENTIFIER(:schema)", args={"schema": schema})
    version = registry.resolve(name) if name in registry.list_models() else None
    expression = None if version is None else read_sql_expression(Path(version.folder), version.digest)
    if version is None or expression is None or version.transform:
        session.sql(f"DROP FUNCTION IF EXISTS {identifier(f'predict_{name}')}")
        return False
    session.sql(create_function_text(version, expression))
    return True
