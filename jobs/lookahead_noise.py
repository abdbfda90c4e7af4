"""Noise in place of a column's values: wild numbers with extremes and NULL, or, where a query breaks on those, mild."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

_SHARES = 1_000_003  # a prime: how finely the random number is cut
_SIZES: dict[type[T.DataType], float] = {
    T.ByteType: 100,
    T.ShortType: 10_000,
    T.IntegerType: 1e6,
    T.LongType: 1e12,
    T.FloatType: 1e30,
    T.DoubleType: 1e300,
}


def noise_column(value: Column, kind: T.DataType, seed: Column, is_wild: bool = True) -> Column:
    """Values that have nothing to do with the column's own.

    Args:
        value: The column.
        kind: Its type.
        seed: BIGINT, another one for each row and column: the same seed gives the same noise.
        is_wild: Numbers of any size with NULL, NaN, infinity and 0 among them, strings that mean nothing, a time or a
            list NULL or as it is. Else numbers of the same sign between half and twice their size, all else as it is.

    Returns:
        A column of the same type. Integers and decimals stay small enough to be added up and multiplied.
    """
    if isinstance(kind, T.StructType):
        fields = [
            noise_column(value[field.name], field.dataType, F.xxhash64(seed, F.lit(field.name)), is_wild)
            for field in kind.fields
        ]
        return F.when(value.isNotNull(), F.struct(*[c.alias(f.name) for c, f in zip(fields, kind.fields, strict=True)]))
    share = F.pmod(F.shiftright(seed, 20), F.lit(_SHARES)) / _SHARES
    if not is_wild:
        return (value * (0.5 + 1.5 * share)).try_cast(kind) if isinstance(kind, T.NumericType) else value
    extremes, ordinary = _wild(value, kind, share)
    drawn = F.pmod(seed, F.lit(12))
    chosen = F.array(*[extreme.cast(kind) for extreme in extremes])[drawn.cast("int")]
    return F.when(drawn < len(extremes), chosen).otherwise(ordinary.cast(kind))


def _wild(value: Column, kind: T.DataType, share: Column) -> tuple[list[Column], Column]:
    """The extremes of a type, and a random value of it."""
    if isinstance(kind, T.NumericType):
        size = _SIZES.get(type(kind)) or 10.0 ** min(kind.precision - kind.scale, 7)  # type: ignore[attr-defined]
        largest = size * 0.99
        numbers: list[Any] = [None, 0, largest, -largest]
        if isinstance(kind, T.FractionalType) and not isinstance(kind, T.DecimalType):
            numbers += [float("nan"), float("inf"), 1 / size]
        return [F.lit(number) for number in numbers], (share - 0.5) * 2 * min(largest, 1e9)
    if isinstance(kind, T.StringType):
        return [F.lit(None), F.lit("")], F.concat(F.lit("noise "), F.floor(share * 5).cast("string"))
    if isinstance(kind, T.BooleanType):
        return [F.lit(None)], share < 0.5
    return [F.lit(None)] * 6, value
