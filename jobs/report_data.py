"""What a report is made from: pandas frames, collected from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BAR = ["exchange", "symbol", "bar_seconds", "bar_start"]
PREDICTION_COLUMNS = [*BAR, "model", "version", "label", "prediction", "actual", "is_held_out"]
FEATURE_COLUMNS = ["is_training", "label"]  # then one per feature
COVERAGE_COLUMNS = [*BAR[:3], "n_bars", "n_training", "first_bar_start", "last_bar_start"]
EVALUATION_COLUMNS = [
    "model", "version", "n", "mse", "rmse", "mae", "r2", "directional_accuracy", "information_coefficient",
    "mse_difference", "difference_lower", "difference_upper",
]  # fmt: skip
MODEL_COLUMNS = ["model", "version", "family", "digest", "parameters", "data_versions", "is_champion"]
ACCOUNTING_COLUMNS = ["source_file", "n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending"]
MAX_FEATURE_ROWS = 100_000


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows; a frame without rows makes its section say what to run.

    Attributes:
        label: What the shown models predict; a return of 0.0001 is shown as 1 bps.
        predictions: A row is a bar scored by a model version (PREDICTION_COLUMNS). ``bar_start`` UTC; ``prediction``
            and ``actual`` in the unit of the label, NULL where there is none or it is not yet known.
        features: A row is a sampled bar: ``is_training``, ``label`` (its value, NULL where unknown) and each feature.
        evaluation: A row is a model version, or a baseline ('zero change', 'last value': version NULL), on held-out
            time (EVALUATION_COLUMNS). ``mse_difference`` is its mean squared error minus that of zero change on the
            same rows (below zero is better), with the ends of its 95 % block-bootstrap interval.
        models: A row is a registered version (MODEL_COLUMNS): ``parameters`` and ``data_versions`` are JSON text;
            ``is_champion`` is true for the one that answers ``predict(features)``; of several the first is shown.
        accounting: A row is an ingested file (ACCOUNTING_COLUMNS).
        coverage: A row is exchange, symbol, bar_seconds of the feature table (COVERAGE_COLUMNS), over all its rows.
        n_gaps: Holes in the exchange's numbering.
        n_missing: Sequence numbers absent in these holes.
        made_at: When the report was made.
    """

    label: str
    predictions: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=PREDICTION_COLUMNS))
    features: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=FEATURE_COLUMNS))
    evaluation: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=EVALUATION_COLUMNS))
    models: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=MODEL_COLUMNS))
    accounting: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=ACCOUNTING_COLUMNS))
    coverage: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=COVERAGE_COLUMNS))
    n_gaps: int = 0
    n_missing: int = 0
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def collect_report_data(
    spark: SparkSession,
    label: str,
    bar_seconds: int,
    evaluation: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
) -> ReportData:
    """Read the tables of the current schema.

    Args:
        spark: Session whose current schema holds features, predictions, ingested_files and gaps.
        label: Field of ``features.labels`` that the shown models predict.
        bar_seconds: Bar width that the models are trained on.
        evaluation: Rows of ``ReportData.evaluation``.
        models: Rows of ``ReportData.models``.

    Returns:
        Held-out predictions, and at most MAX_FEATURE_ROWS sampled bars.
    """
    from pyspark.sql import functions as F

    bars = spark.table("features").where(F.col("bar_seconds") == bar_seconds)
    n_gaps, n_missing = spark.table("gaps").agg(F.count("*"), F.coalesce(F.sum("n_missing"), F.lit(0))).collect()[0]
    coverage = bars.groupBy(*BAR[:3]).agg(
        F.count("*").alias("n_bars"),
        F.count_if("is_training").alias("n_training"),
        F.min("bar_start").alias("first_bar_start"),
        F.max("bar_start").alias("last_bar_start"),
    )
    covered = _collect(coverage.orderBy(*BAR[:3]))
    files = spark.table("ingested_files").where("state <> 'replayed'").select(ACCOUNTING_COLUMNS).orderBy("source_file")
    return ReportData(
        label=label,
        predictions=_with_instants(_collect(held_out_predictions(spark.table("predictions"), bars, label))),
        features=_collect(sample_features(bars, label, int(covered["n_bars"].sum()))),
        evaluation=pd.DataFrame([dict(row) for row in evaluation], columns=EVALUATION_COLUMNS),
        models=pd.DataFrame([dict(row) for row in models], columns=MODEL_COLUMNS),
        accounting=_collect(files),
        coverage=_with_instants(covered),
        n_gaps=int(n_gaps),
        n_missing=int(n_missing),
    )


def held_out_predictions(predictions: DataFrame, features: DataFrame, label: str) -> DataFrame:
    """Predictions of one label on bars outside training time, with what came true.

    Args:
        predictions: Rows of the table ``predictions``.
        features: Rows of the table ``features``.
        label: Field of ``features.labels``; without such a field ``actual`` is NULL.

    Returns:
        PREDICTION_COLUMNS, one row per prediction, in order of model, version and time.
    """
    from pyspark.sql import functions as F

    outcomes = features.select(*BAR, (~F.col("is_training")).alias("is_held_out"), _label(features, label, "actual"))
    of_label = predictions.where(F.col("label") == label)
    joined = of_label.join(outcomes, BAR).where("is_held_out")
    return joined.select(PREDICTION_COLUMNS).orderBy("model", "version", *BAR)


def sample_features(features: DataFrame, label: str, n_rows: int, max_rows: int = MAX_FEATURE_ROWS) -> DataFrame:
    """About ``max_rows`` of the ``n_rows`` bars, the struct opened up; the same bars each time.

    Returns:
        ``is_training``, ``label`` and a double column per field of the struct ``features``.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    if n_rows > max_rows:
        n_buckets = 1_000_000
        is_chosen = F.pmod(F.xxhash64(*BAR), F.lit(n_buckets)) < int(n_buckets * max_rows / n_rows)
        features = features.where(is_chosen)
    struct = features.schema["features"].dataType if "features" in features.columns else None
    names = struct.fieldNames() if isinstance(struct, StructType) else []
    values = [F.col("features").getField(name).cast("double").alias(name) for name in names]
    return features.select("is_training", _label(features, label, "label"), *values)


def _label(features: DataFrame, label: str, alias: str) -> Any:
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    struct = features.schema["labels"].dataType if "labels" in features.columns else None
    is_there = isinstance(struct, StructType) and label in struct.fieldNames()
    value = F.col("labels").getField(label) if is_there else F.lit(None)
    return value.cast("double").alias(alias)


def _collect(rows: DataFrame) -> pd.DataFrame:
    return cast(pd.DataFrame, rows.toPandas())


def _with_instants(rows: pd.DataFrame) -> pd.DataFrame:
    times = [name for name in rows.columns if name.endswith("bar_start")]
    return rows.assign(**{name: pd.to_datetime(rows[name], utc=True) for name in times})
