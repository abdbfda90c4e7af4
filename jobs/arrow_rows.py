"""Rows that Python workers make, for Spark, whose decimals cost no objects.

Spark makes three Java objects of a decimal that comes as Arrow (BigInteger, BigDecimal, Decimal), and none of a BIGINT.
So a decimal travels as whole units of its last digit, and Spark makes it DECIMAL by the expression that its optimizer
uses for sums of decimals. A row with a sum that 64 bits do not hold brings its sums as decimals, in a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.arrow_views import decimal_words

Batches = Iterator[pa.RecordBatch]
_MOST_DIGITS = 18  # that 64 bits always hold
_SUM = pa.decimal128(38, 8)
_LARGE = pa.field("_large", pa.list_(_SUM))


def map_in_arrow(rows: DataFrame, work: Callable[[Any], Batches], schema: pa.Schema) -> DataFrame:
    """Rows of ``schema`` that ``work`` makes of the batches of ``rows``, as ``DataFrame.mapInArrow``."""
    travelling = _travelling(schema)

    def run(batches: Batches) -> Batches:
        return (_packed(batch, travelling) for batch in work(batches))

    found = rows.mapInArrow(run, from_arrow_schema(travelling))
    sums, decimal = _sums(schema), _Decimals(rows.sparkSession)
    return found.select(*(_unpacked(decimal, field, sums) for field in schema))


def _sums(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if field.type == _SUM]


def _travelling(schema: pa.Schema) -> pa.Schema:
    fields = [_as_units(field) for field in schema]
    return pa.schema([*fields, _LARGE] if _sums(schema) else fields)


def _as_units(field: pa.Field) -> pa.Field:
    if field.type == _SUM:
        return pa.field(field.name, pa.int64())
    is_small = pa.types.is_decimal(field.type) and field.type.precision <= _MOST_DIGITS
    return field.with_type(pa.int64()) if is_small else field


def _packed(batch: pa.RecordBatch, travelling: pa.Schema) -> pa.RecordBatch:
    """A batch with the columns of ``travelling``."""
    sums = batch.select(_sums(batch.schema))
    is_large = np.zeros(len(batch), dtype=bool)
    for values in sums.columns:
        is_large |= _is_large(values)
    packed = {
        field.name: values if values.type == field.type else _units(values, is_large)
        for field in travelling
        if field.name != _LARGE.name
        for values in [batch.column(field.name)]
    }
    columns = [packed[field.name] if field.name in packed else _large(sums, is_large) for field in travelling]
    return pa.RecordBatch.from_arrays(columns, schema=travelling)


def _is_large(sums: pa.Array) -> np.ndarray:
    words, _ = decimal_words(sums, _SUM)
    is_large = words[1::2] != words[::2] >> 63
    return is_large & sums.is_valid().to_numpy(zero_copy_only=False) if is_large.any() else is_large


def _units(values: pa.Array, is_large: np.ndarray) -> pa.Array:
    words, _ = decimal_words(values, values.type)
    is_missing = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
    if values.type == _SUM and is_large.any():
        is_missing = is_large if is_missing is None else is_missing | is_large
    return pa.array(words[::2], mask=is_missing)


def _large(sums: pa.RecordBatch, is_large: np.ndarray) -> pa.Array:
    """The sums of a row with a large one, NULL elsewhere."""
    n, rows = len(sums), np.flatnonzero(is_large)
    if not len(rows):
        return pa.nulls(n, _LARGE.type)
    by_column = pa.concat_arrays([values.take(pa.array(rows)) for values in sums.columns])
    by_row = np.arange(len(by_column)).reshape(sums.num_columns, len(rows)).T.ravel()
    offsets = np.concatenate([[0], np.cumsum(is_large * sums.num_columns)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), by_column.take(pa.array(by_row)), mask=pa.array(~is_large))


def _unpacked(decimals: _Decimals, field: pa.Field, sums: list[str]) -> Column | str:
    if _as_units(field).type == field.type:
        return field.name
    values = decimals.of_units(F.col(field.name), field.type)
    values = F.coalesce(values, F.get(_LARGE.name, sums.index(field.name))) if field.name in sums else values
    return values.alias(field.name)


class _Decimals:
    """Makes DECIMAL of units of its last digit."""

    def __init__(self, spark: SparkSession) -> None:
        # Each name on the way to a class is asked of Java: once, not for each column.
        assert spark._jvm is not None
        spark_sql: Any = spark._jvm.org.apache.spark.sql
        self._between = spark_sql.classic.ExpressionUtils
        self._make = spark_sql.catalyst.expressions.MakeDecimal

    def of_units(self, units: Column, kind: pa.Decimal128Type) -> Column:
        made = self._make(self._between.expression(units._jc), kind.precision, kind.scale, False)
        return Column(self._between.column(made))
