"""EVALUATE MODEL: the metrics of a model on the rows of a query, beside the naive predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jobs.statements.grammar import EvaluateModel
from jobs.statements.only_query import query_frame
from jobs.statements.query_features import opened
from jobs.statements.training_query import column_of, label_type
from models.artifact import load_scorer
from models.errors import DataContractError
from models.metrics import classification_metrics, regression_metrics
from models.model_version import ModelVersion
from models.sql_text import identifier
from models.training_profile import TrainingProfile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_HEAD = "predictor STRING, n_rows BIGINT, n_bad BIGINT, "
REGRESSION = _HEAD + (
    "mse DOUBLE, rmse DOUBLE, mae DOUBLE, r2 DOUBLE, directional_accuracy DOUBLE, information_coefficient DOUBLE, "
    "coverage DOUBLE, mean_interval_width DOUBLE"
)
CLASSIFICATION = _HEAD + "accuracy DOUBLE, log_loss DOUBLE, brier DOUBLE, calibration_error DOUBLE, auc DOUBLE"
_SQL_TYPES = {"DOUBLE": "double", "BIGINT": "bigint", "STRING": "string", "BOOLEAN": "boolean"}


def metrics_schema(version: ModelVersion) -> str:
    """Columns of the answer for a model of this task."""
    return REGRESSION if version.task == "regression" else CLASSIFICATION


def evaluate_model(spark: SparkSession, version: ModelVersion, statement: EvaluateModel) -> list[dict[str, Any]]:
    """One row for the model and one for each naive prediction, on the rows that the model can answer.

    ``n_bad`` counts rows with a label but without an answer (see ``status`` of predict_detail). ``coverage`` is the
    share of labels within the model's interval, of which the nominal value is that of its calibration.

    Raises:
        DataContractError: the query lacks the label or gives no row to measure on, or a class that training lacked.
    """
    query = query_frame(spark, statement.query)
    answered = _answers(query, version)
    is_ok = np.asarray(answered.column("status").to_numpy(zero_copy_only=False) == "OK")
    n_bad = int((~is_ok).sum())
    rows = answered.filter(is_ok)
    if rows.num_rows == 0:
        raise DataContractError(f"the query gives no row with a label that {version.name}/{version.version} can answer")
    profile = load_scorer(version.folder, version.digest).profile
    name = f"{version.name}/{version.version}"
    measured = (
        _of_regressor(rows, name, profile)
        if version.task == "regression"
        else _of_classifier(rows, name, version, profile)
    )
    return [{"predictor": who, "n_rows": rows.num_rows, "n_bad": n_bad, **metrics} for who, metrics in measured.items()]


def _answers(query: DataFrame, version: ModelVersion) -> Any:
    """Arrow table of status, prediction, lower, upper, label, and for a classifier p0, p1 … in the order of classes."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType

    label = column_of(query, version.label, "label")
    type_ = label_type(query.schema[label].dataType, label)
    wanted = _SQL_TYPES[version.label_type]
    if (type_ in ("string", "boolean")) != (wanted in ("string", "boolean")):
        raise DataContractError(f"label {label} is {type_.upper()}, the model predicts {version.label_type}")
    fields = [field for field in query.schema.fields if field.name != label]
    arrays = [field.name for field in fields if isinstance(field.dataType, ArrayType)]
    features = (
        F.col(identifier(arrays[0])) if arrays else F.struct(*(one.column.alias(one.name) for one in opened(fields)))
    )
    detail = F.call_function("predict_detail", F.lit(f"{version.name}/{version.version}"), features)
    scored = query.where(F.col(identifier(label)).isNotNull()).select(
        detail.alias("detail"), F.col(identifier(label)).cast(wanted).alias("label")
    )
    columns = [F.col("detail")[name].alias(name) for name in ("status", "prediction", "lower", "upper")]
    for position, known in enumerate(version.classes):
        columns.append(F.col("detail")["probabilities"][F.lit(known)].alias(f"p{position}"))
    return scored.select(*columns, "label").toArrow()


def _of_regressor(rows: Any, name: str, profile: TrainingProfile | None) -> dict[str, dict[str, Any]]:
    label, prediction, lower, upper = (_doubles(rows, column) for column in ("label", "prediction", "lower", "upper"))
    has_interval = bool(np.isfinite(lower).all())
    inside = (label >= lower) & (label <= upper)
    of_interval = {
        "coverage": float(inside.mean()) if has_interval else None,
        "mean_interval_width": float((upper - lower).mean()) if has_interval else None,
    }
    naive = {"zero": np.zeros(len(label))}
    if profile is not None and profile.label_mean is not None:
        naive["training mean"] = np.full(len(label), profile.label_mean)
    nothing = {"coverage": None, "mean_interval_width": None}
    return {
        name: {**_defined(regression_metrics(label, prediction)), **of_interval},
        **{who: {**_defined(regression_metrics(label, values)), **nothing} for who, values in naive.items()},
    }


def _of_classifier(
    rows: Any, name: str, version: ModelVersion, profile: TrainingProfile | None
) -> dict[str, dict[str, Any]]:
    classes = np.array(version.classes)
    labels = np.asarray(rows.column("label").to_numpy(zero_copy_only=False))
    labels = labels.astype(classes.dtype if version.label_type != "STRING" else str)
    if unknown := sorted({str(label) for label in np.unique(labels)} - {str(known) for known in classes}):
        raise DataContractError(f"the query has the class {unknown[0]}, which {name} was not trained on: filter it")
    probabilities = np.column_stack([_doubles(rows, f"p{i}") for i in range(len(classes))])
    measured = {name: probabilities}
    if profile is not None and profile.class_shares:
        measured["class shares of training"] = np.tile(profile.class_shares, (len(labels), 1))
    return {
        who: {"auc": None, **_defined(classification_metrics(labels, values, classes))}
        for who, values in measured.items()
    }


def _doubles(rows: Any, column: str) -> NDArray[np.float64]:
    return np.asarray(rows.column(column).to_numpy(zero_copy_only=False), dtype=np.float64)


def _defined(metrics: dict[str, float]) -> dict[str, float | None]:
    """NaN, where a metric is not defined, as NULL."""
    return {name: value if np.isfinite(value) else None for name, value in metrics.items()}
