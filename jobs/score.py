"""Score: the answer of a model for every feature row, saved in ``predictions``; only changed rows are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.features_with_group import features_with_group
from jobs.normalize_rows import ROW_KEY
from jobs.row_changes import RowChanges, digest_of_rows, joined_digest, merge_changes
from jobs.score_scope import FeatureRows, all_rows, rows_since
from jobs.settled_rows import settled
from jobs.tables import run_sql
from models.model_version import ModelVersion

_COMPARED = ("available_at", "digest", "prediction", "predicted_class", "lower", "upper", "status")


@dataclass(frozen=True)
class ScoreSummary:
    """What a run scored. Where ``n_by_status`` is empty and ``n_deleted`` 0, nothing was to do."""

    model: ModelVersion
    n_by_status: dict[str, int]  # rows that the model was asked about
    n_written: int  # predictions that were inserted, updated or deleted
    n_deleted: int  # predictions, of any version of the name, of feature rows that are gone

    @property
    def is_nothing_new(self) -> bool:
        """Whether the model was asked about no row and no prediction has gone."""
        return not self.n_by_status and not self.n_deleted


def score(
    spark: SparkSession,
    model: ModelVersion,
    bar_seconds: int,
    exchanges: list[str],
    features_version: int,
    run_id: str,
    since: int | None = None,
) -> ScoreSummary:
    """Bring ``predictions`` of one model version up to date with a version of ``features``.

    Every feature row gets a prediction row; where the model has no answer it is NULL with a status that says why.
    Rows whose answer is the same stay untouched, so a rerun changes nothing. Where a feature row is gone, the
    predictions that any version of the name has made for it are deleted.

    Args:
        spark: Session in the schema of the tables.
        model: The version to ask.
        bar_seconds: Width of the bars.
        exchanges: Exchanges to score.
        features_version: Delta version of ``features`` to score.
        run_id: Written to every row.
        since: Version of ``features`` that was scored before: only rows that have changed since, and rows of which a
            sequence model reads a changed one, are scored. The result is that of scoring all. None scores all rows.

    Raises:
        ModelContractError: the features do not fit the model.
    """
    n_before = model.sequence_length - 1
    if since is None:
        rows: FeatureRows | None = all_rows(spark, features_version, bar_seconds, exchanges)
    else:
        rows = rows_since(spark, since, features_version, bar_seconds, exchanges, n_before)
    if rows is None:
        return ScoreSummary(model, {}, 0, 0)
    scored = settled(_as_predictions(_answers(spark, rows, model, n_before), model, features_version, run_id))
    told = scored.select(*ROW_KEY, "status")  # not the numbers: a network may round anew
    by_status = sorted(
        told.groupBy("status").agg(F.count("*").alias("n"), digest_of_rows(told).alias("digest")).collect()
    )
    changes = _changes(spark, scored, rows, model, bar_seconds, exchanges).settled()
    n_written, n_deleted = changes.rows.agg(F.count("*"), F.count_if("is_deleted")).collect()[0]
    if n_written:
        inputs = {"features": features_version}
        merge_changes(spark, "predictions", changes, inputs, joined_digest([*by_status, since]))
    return ScoreSummary(model, {row.status: row.n for row in by_status}, n_written, n_deleted)


def _answers(spark: SparkSession, rows: FeatureRows, model: ModelVersion, n_before: int) -> DataFrame:
    """What the model says of each row that wants an answer; a model of groups is given the row's group too."""
    to_read = rows.to_read.withColumn("features", features_with_group(rows.to_read, "features", model))
    parameters = {"model": f"{model.name}/{model.version}", "features": "features_to_score"}
    to_read.createOrReplaceTempView("features_to_score")
    try:
        if n_before:
            return run_sql(spark, "queries/answers_of_sequences", n_before=n_before, **parameters)
        return run_sql(spark, "queries/answers_of_rows", **parameters)
    finally:
        spark.catalog.dropTempView("features_to_score")


def _changes(
    spark: SparkSession,
    scored: DataFrame,
    rows: FeatureRows,
    model: ModelVersion,
    bar_seconds: int,
    exchanges: list[str],
) -> RowChanges:
    """What to insert into ``predictions``, to update there or to delete."""
    of_name = spark.table("predictions").where(
        (F.col("model") == F.lit(model.name))
        & (F.col("bar_seconds") == bar_seconds)
        & F.col("exchange").isin(exchanges)
    )
    of_version = of_name.where(F.col("version") == model.version)
    old = of_version.select(*ROW_KEY, F.struct(*_COMPARED).alias("_old"))
    new = scored.withColumn("_new", F.struct(*_COMPARED)).join(old, list(ROW_KEY), "left")
    other = new.where(~F.col("_new").eqNullSafe(F.col("_old"))).select(*scored.columns)
    if rows.deleted is not None:
        gone = of_name.join(rows.deleted, list(ROW_KEY), "left_semi")
    else:
        gone = of_name.join(rows.to_read, list(ROW_KEY), "left_anti")
    changes = other.withColumn("is_deleted", F.lit(False)).unionByName(gone.withColumn("is_deleted", F.lit(True)))
    return RowChanges(changes, are_new=of_name.isEmpty())


def _as_predictions(answers: DataFrame, model: ModelVersion, features_version: int, run_id: str) -> DataFrame:
    """``answers`` with the columns of ``predictions``."""
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
