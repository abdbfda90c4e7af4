"""Instants as whole numbers, alike in Spark and in Arrow: microseconds since 1970, or a time column's own integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.errors import UsageError

NEVER = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_clock(rows: DataFrame, name: str) -> bool:
    """Whether a column holds times, not plain integers."""
    return not isinstance(rows.schema[name].dataType, T.IntegralType)


def instant_column(rows: DataFrame, name: str) -> Column:
    """A time column of a DataFrame as BIGINT.

    Raises:
        UsageError: it is neither a time, nor a date, nor an integer.
    """
    kind = rows.schema[name].dataType
    if isinstance(kind, T.IntegralType):
        return F.col(name).cast("long")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType | T.DateType):
        return F.unix_micros(F.col(name).cast("timestamp"))
    raise UsageError(f"{name} is {kind.simpleString()}: a time column is a TIMESTAMP, a DATE or an integer")


def instants(table: pa.Table, name: str) -> NDArray[np.int64]:
    """The same of a table that came from Spark; a row without an instant is never known (``NEVER``)."""
    column = table[name]
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    return np.asarray(pc.fill_null(column.cast(pa.int64()), NEVER), dtype=np.int64)


def instant_text(instant: int, is_time: bool = True) -> str:
    """An instant for people, in UTC to the microsecond.

    >>> instant_text(1_704_153_600_000_001)
    '2024-01-02 00:00:00.000001'
    """
    if not is_time:
        return str(instant)
    return (_EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%d %H:%M:%S.%f").removesuffix(".000000")
