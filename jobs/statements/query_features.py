"""Which columns of a query are features: every number, the fields of every STRUCT, or what TRANSFORM computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import DataContractError, UsageError
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType, StructField

NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "boolean")


@dataclass(frozen=True)
class Feature:
    """A named column: of the query as it stands, or as a model takes it (DOUBLE; ARRAY<DOUBLE> for a sequence)."""

    name: str
    column: Column


def query_features(
    query: DataFrame, not_features: Sequence[str], transform: Sequence[tuple[str, str]], sequence_length: int
) -> tuple[DataFrame, list[Feature]]:
    """The query with its STRUCTs opened, and the features as columns over it; ``not_features`` stay as they are.

    A sequence model takes the fields of the query's one ARRAY of STRUCTs; TRANSFORM gives its expressions instead.

    Raises:
        DataContractError: a column is no number, a name occurs twice, or there is no feature.
        UsageError: TRANSFORM on sequences, or an expression that is not computed from its own row alone.
    """
    from pyspark.sql import functions as F

    fields = [field for field in query.schema.fields if field.name not in not_features]
    if sequence_length > 1:
        if transform:
            raise UsageError("TRANSFORM computes one row: compute the fields of a sequence in the query")
        return query, _unique(_sequence_features(fields, sequence_length))
    columns = _unique(opened(fields))
    if both := [feature.name for feature in columns if feature.name.lower() in {n.lower() for n in not_features}]:
        raise DataContractError(f"{both[0]} is a feature of the query and also its label, time or group: keep one")
    kept = [F.col(identifier(name)) for name in not_features]
    frame = query.select(*(feature.column.alias(feature.name) for feature in columns), *kept)
    if transform:
        _check_row_wise(frame.drop(*not_features), transform)
        return frame, [Feature(name, F.expr(sql).cast("double")) for name, sql in transform]
    for feature in columns:
        _check_number(feature.name, frame.schema[feature.name].dataType)
    return frame, [Feature(feature.name, F.col(identifier(feature.name)).cast("double")) for feature in columns]


def opened(fields: Sequence[StructField]) -> list[Feature]:
    """Every column, and instead of a STRUCT its fields."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    features = []
    for field in fields:
        column = F.col(identifier(field.name))
        if isinstance(field.dataType, StructType):
            features += [Feature(inner.name, column[inner.name]) for inner in field.dataType.fields]
        else:
            features.append(Feature(field.name, column))
    return features


def _sequence_features(fields: Sequence[StructField], sequence_length: int) -> list[Feature]:
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, StructType

    arrays = [f for f in fields if isinstance(f.dataType, ArrayType) and isinstance(f.dataType.elementType, StructType)]
    if len(arrays) != 1 or len(fields) != 1:
        raise DataContractError(
            f"a model with sequence_length = {sequence_length} learns from one ARRAY of STRUCTs, oldest first, beside "
            "label and time: for example collect_list(features) OVER (PARTITION BY symbol ORDER BY bar_start ROWS "
            f"{sequence_length - 1} PRECEDING) AS steps"
        )
    (field,) = arrays
    element = field.dataType.elementType  # type: ignore[attr-defined]
    for inner in element.fields:
        _check_number(f"{field.name}.{inner.name}", inner.dataType)
    column = F.col(identifier(field.name))
    return [Feature(inner.name, column[inner.name].cast("array<double>")) for inner in element.fields]


def _check_number(name: str, type_: DataType) -> None:
    text = type_.simpleString()
    if text not in NUMBERS and not text.startswith("decimal"):
        raise DataContractError(
            f"column {name} is {text.upper()}, which is no feature: leave it out of the query, or make a number of it, "
            f"for example CAST({name} = 'value' AS DOUBLE)"
        )


def _unique(features: list[Feature]) -> list[Feature]:
    names = [feature.name.lower() for feature in features]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataContractError(f"the query gives the feature {twice[0]} twice: keep one, or name it otherwise")
    if not features:
        raise DataContractError("the query has no feature beside label and time")
    return features


def _check_row_wise(inputs: DataFrame, transform: Sequence[tuple[str, str]]) -> None:
    """Refuse what is not computed from its own row alone: it would be another number when one row is scored."""
    from pyspark.sql import functions as F

    plan = inputs.select(*(F.expr(sql).alias(name) for name, sql in transform))._jdf.queryExecution().analyzed()
    is_projection = plan.nodeName() == "Project" and plan.child().equals(inputs._jdf.queryExecution().analyzed())
    has_subquery = not plan.subqueriesAll().isEmpty()
    if not is_projection or has_subquery or not plan.deterministic():
        raise UsageError(
            "TRANSFORM takes expressions of one row: no aggregate, window, subquery or random value; compute such "
            "a feature in the query"
        )
