"""The query within a model statement: only a query, for anything else would run as soon as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def query_frame(spark: SparkSession, text: str) -> DataFrame:
    """The rows of a query; not run yet.

    Raises:
        UsageError: the text is a statement, such as DROP TABLE or INSERT, or cannot be read.
    """
    from pyspark.errors import ParseException

    try:
        spark._jsparkSession.sessionState().sqlParser().parseQuery(text)
    except ParseException as e:
        reason = next((line.strip() for line in str(e).splitlines() if line.strip()), "it cannot be read")
        raise UsageError(f"a query is needed here, such as SELECT … FROM …: {reason}") from None
    return spark.sql(text)
