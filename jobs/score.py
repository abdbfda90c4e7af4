"""Score: the answer of a model for every feature row, saved in ``predictions``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from jobs.commits import committed
from jobs.row_changes import digest_of_rows, joined_digest
from jobs.tables import run_sql
from models.model_version import ModelVersion

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class ScoreSummary:
    """What a run scored: rows of ``predictions`` for this version by status, and the version of features."""

    model: ModelVersion
    n_by_status: dict[str, int]
    features_version: int


def score(
    spark: SparkSession, model: ModelVersion, bar_seconds: int, exchanges: list[str], features_version: int, run_id: str
) -> ScoreSummary:
    """Bring ``predictions`` of one model version up to date with a version of ``features``.

    Every feature row gets a prediction row; where the model has no answer it is NULL with a status that says why.
    Rows whose answer is the same stay untouched, so a rerun changes nothing.

    Raises:
        ModelContractError: the features do not fit the model.
    """
    from pyspark.sql import functions as F

    features = "features_to_score"
    spark.read.option("versionAsOf", features_version).table("features").createOrReplaceTempView(features)
    parameters = {
        "model": f"{model.name}/{model.version}",
        "features": features,
        "bar_seconds": bar_seconds,
        "exchanges": exchanges,
    }
    if model.sequence_length > 1:
        answers = run_sql(spark, "queries/answers_of_sequences", n_before=model.sequence_length - 1, **parameters)
    else:
        answers = run_sql(spark, "queries/answers_of_rows", **parameters)
    scored = _as_predictions(answers, model, features_version, run_id).cache()
    try:
        scored.createOrReplaceTempView("scored")
        rows = scored.select("exchange", "symbol", "bar_seconds", "bar_start", "status")  # a network may round anew
        counts = rows.groupBy("status").agg(F.count("*").alias("n"), digest_of_rows(rows).alias("digest"))
        by_status = sorted(counts.collect())
        merge = partial(run_sql, spark, "merge/predictions", scored="scored")
        committed(spark, "predictions", merge, {"features": features_version}, joined_digest(by_status))
        run_sql(spark, "ddl/prediction_outcomes")
    finally:
        scored.unpersist()
        spark.catalog.dropTempView("scored")
        spark.catalog.dropTempView(features)
    return ScoreSummary(model, {row.status: row.n for row in by_status}, features_version)


def _as_predictions(answers: DataFrame, model: ModelVersion, features_version: int, run_id: str) -> DataFrame:
    """``answers`` with the columns of ``predictions``."""
    from pyspark.sql import functions as F

    detail = F.col("detail")
    if model.task == "regression":
        prediction, predicted_class = detail["prediction"], F.lit(None)
    else:
        prediction, predicted_class = F.array_max(F.map_values(detail["probabilities"])), detail["prediction"]
    scored_at = datetime.now(UTC).replace(tzinfo=None)
    return answers.select(
        "exchange",
        "symbol",
        "bar_seconds",
        "bar_start",
        "available_at",
        detail["model"].alias("model"),
        detail["version"].alias("version"),
        detail["digest"].alias("digest"),
        detail["label"].alias("label"),
        F.lit(model.horizon_seconds).cast("int").alias("horizon_seconds"),
        prediction.cast("double").alias("prediction"),
        predicted_class.cast("string").alias("predicted_class"),
        detail["lower"].alias("lower"),
        detail["upper"].alias("upper"),
        detail["status"].alias("status"),
        F.lit(features_version).cast("bigint").alias("features_version"),
        F.lit(scored_at).alias("scored_at"),
        F.lit(run_id).alias("run_id"),
    )
