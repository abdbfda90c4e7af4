"""Rows of a batch with the answers of a model beside them, as the SQL function ``predict_detail`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.batch_values import REFUSAL
from jobs.features_with_group import features_with_group
from jobs.tables import run_sql
from models.errors import UsageError
from models.model_version import ModelVersion
from models.names import near_first
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

FEATURES = "features"
IS_UNREADABLE = "__is_unreadable"
_VIEW = "batch_predict_rows"


def answered(spark: SparkSession, rows: DataFrame, model: ModelVersion, keep: Sequence[str] | None) -> DataFrame:
    """The kept columns, the answer, and ``__is_unreadable``; planned, not run.

    The model is given the column ``features`` where that is a STRUCT or an ARRAY of them, with the column of the row's
    group where the model has groups, else all columns by name.

    Raises:
        UsageError: a column to keep is not there, or one has the name of a column of the answer.
        AnalysisException: the features do not fit the model; its condition is FORETABLE_MODEL.
    """
    from pyspark.sql import functions as F

    names = [name for name in rows.columns if name != REFUSAL]
    added = answer_columns(model)
    kept = _kept(names, keep, added)
    everything = F.struct(*(F.col(identifier(name)) for name in names))
    features = _features_of(rows)
    view = rows.select(
        (features_with_group(rows, features, model) if features else everything).alias("input"),
        everything.alias("given"),
        F.col(REFUSAL).alias("refusal"),
    )
    view.createOrReplaceTempView(_VIEW)
    try:
        answers = run_sql(spark, "queries/batch_answers", model=f"{model.name}/{model.version}", rows=_VIEW)
    finally:
        spark.catalog.dropTempView(_VIEW)
    given, detail, refusal = F.col("given"), F.col("detail"), F.col("refusal")
    columns = {name: detail[name] for name in added}
    columns |= {
        "status": F.coalesce(refusal["code"], detail["status"]),
        "error": F.coalesce(refusal["reason"], detail["error"]),
        "model": F.lit(model.name),
        "version": F.lit(model.version).cast("int"),
        "digest": F.lit(model.digest),
    }
    return answers.select(
        *(given[name].alias(name) for name in kept),
        *(column.alias(name) for name, column in columns.items()),
        refusal.isNotNull().alias(IS_UNREADABLE),
    )


def answer_columns(model: ModelVersion) -> list[str]:
    """Columns that the output adds."""
    extra = ["lower", "upper"] if model.task == "regression" else ["probabilities"]
    return ["prediction", *extra, "status", "error", "model", "version", "digest"]


def _kept(names: Sequence[str], keep: Sequence[str] | None, added: Sequence[str]) -> list[str]:
    by_lower = {name.lower(): name for name in names}
    for name in keep or ():
        if name.lower() not in by_lower:
            raise UsageError(
                f"--keep names {name}, which the input lacks: it has {', '.join(near_first(name, names)[:20])}"
            )
    kept = list(names) if keep is None else [by_lower[name.lower()] for name in dict.fromkeys(keep)]
    for name in kept:
        if name.lower() in added:
            raise UsageError(
                f"the input has a column {name}, and so has the output: leave it out with --keep, or rename it with "
                "--query"
            )
    return kept


def _features_of(rows: DataFrame) -> str | None:
    """The column that holds the features as a STRUCT or an ARRAY of them."""
    for field in rows.schema.fields:
        if field.name.lower() == FEATURES and _is_struct(field.dataType):
            return field.name
    return None


def _is_struct(type_: DataType) -> bool:
    from pyspark.sql.types import ArrayType, StructType

    element = type_.elementType if isinstance(type_, ArrayType) else type_
    return isinstance(element, StructType)
