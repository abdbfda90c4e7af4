import json

import numpy as np
import pytest
from deltalake import DeltaTable

from jobs.pipeline import select_models, train_step
from jobs.pipeline_run import run_pipeline
from jobs.score_step import score_step
from jobs.tables import table_version
from models.artifact import load_scorer
from models.errors import NothingToDo, UsageError

PUBLISHED = ("orders", "trades", "gaps", "ingested_files", "bars", "features", "feature_scales", "predictions")


def test_a_second_run_has_nothing_to_do_and_writes_no_table(spark, in_pipeline):
    before = {table: table_version(spark, table) for table in (*PUBLISHED, "runs")}
    assert not run_pipeline(in_pipeline, lambda step: None)
    assert {table: table_version(spark, table) for table in (*PUBLISHED, "runs")} == before


def test_another_reader_of_delta_sees_the_rows_that_spark_wrote(spark, in_pipeline, home, pipeline_schema):
    for table in ("trades", "bars"):
        theirs = DeltaTable(str(home / "warehouse" / f"{pipeline_schema}.db" / table)).to_pyarrow_table().to_pandas()
        ours = spark.table(table).toPandas()
        key = ["exchange", "symbol", "trade_id" if table == "trades" else "bar_start"]
        theirs, ours = (rows.sort_values(key, ignore_index=True) for rows in (theirs, ours))
        assert len(theirs) == len(ours) > 100
        for column in ("close", "volume") if table == "bars" else ("price", "size"):
            assert theirs[column].tolist() == ours[column].tolist()


def test_each_run_is_recorded_with_what_it_read_and_wrote(spark, in_pipeline):
    runs = {row.job: row for row in spark.table("runs").collect()}
    assert set(runs) == {"ingest", "resample", "normalize", "train", "score"}
    assert {row.state for row in runs.values()} == {"done"}
    ingest = runs["ingest"]
    assert ingest.n_read == ingest.n_good + ingest.n_quarantined + ingest.n_duplicate + ingest.n_pending > 0
    assert runs["resample"].inputs.keys() == {"orders", "trades", "quotes"}
    assert runs["score"].inputs == {"features": table_version(spark, "features")}


@pytest.mark.parametrize("name", ["ridge_return_5m", "forest_return_5m"])
def test_saved_predictions_equal_the_librarys_own_numbers(spark, in_pipeline, name):
    model = in_pipeline.registry.resolve(name)
    rows = spark.sql(
        "SELECT f.features, p.prediction FROM predictions AS p JOIN features AS f USING (exchange, symbol, bar_seconds, bar_start) "
        "WHERE p.model = :name AND p.status = 'OK'",
        args={"name": name},
    ).collect()
    inputs = np.array([[row.features[feature] for feature in model.feature_names] for row in rows])
    estimator = load_scorer(model.folder, model.digest)
    np.testing.assert_array_equal([row.prediction for row in rows], estimator.predict(inputs))
    assert len(rows) > 1000


def test_every_feature_row_has_a_prediction_row_and_a_status_that_says_why(spark, in_pipeline):
    n_rows = spark.table("features").count()
    counts = spark.sql(
        "SELECT model, count(*) AS n, count_if(status = 'OK') AS ok, count_if(prediction IS NULL AND predicted_class IS NULL) AS bad FROM predictions GROUP BY model"
    )
    for row in counts.collect():
        assert row.n == n_rows
        assert row.ok + row.bad == n_rows
    warm = spark.table("features").where("is_warm").count()
    assert spark.table("predictions").where("model = 'ridge_return_5m' AND status = 'OK'").count() == warm
    assert {row.status for row in spark.table("predictions").select("status").distinct().collect()} == {
        "OK",
        "NULL_FEATURE",
    }


def test_a_classifiers_prediction_is_the_label_as_trained(spark, in_pipeline):
    classes = {
        row.predicted_class for row in spark.table("predictions").where("model = 'updown' AND status = 'OK'").collect()
    }
    assert classes <= {"up", "flat", "down"}
    assert classes


def test_outcomes_are_the_labels_of_the_same_bar(spark, in_pipeline):
    wrong = spark.sql(
        "SELECT count(*) AS n FROM prediction_outcomes AS o JOIN features AS f USING (exchange, symbol, bar_seconds, bar_start) "
        "WHERE o.label = 'return_5m' AND NOT (o.outcome <=> f.labels.return_5m)"
    )
    assert wrong.first().n == 0


def test_scales_come_from_training_time_and_held_out_rows_begin_after_the_last_training_label(spark, in_pipeline):
    row = spark.sql(
        "SELECT max(IF(is_training, available_at, NULL)) AS last_training, max(train_end) AS train_end "
        "FROM features JOIN feature_scales USING (exchange, symbol, bar_seconds, feature_set)"
    ).first()
    assert (row.train_end - row.last_training).total_seconds() >= 300


def test_training_the_same_again_has_nothing_to_do(in_pipeline):
    with pytest.raises(NothingToDo, match="up to date"):
        train_step(in_pipeline, in_pipeline.config)


def test_scoring_the_same_again_has_nothing_to_do(in_pipeline):
    with pytest.raises(NothingToDo, match="up to date"):
        score_step(in_pipeline, [in_pipeline.registry.resolve("ridge_return_5m")])


def test_an_older_version_can_be_scored_beside_the_champion(spark, in_pipeline):
    settings = in_pipeline.config.models[0].model_copy(update={"options": {"alpha": 1e9}})
    worse = in_pipeline.config.model_copy(update={"models": (settings,)})
    (row,) = train_step(in_pipeline, worse)
    assert (row["version"], row["is_champion"]) == (2, False)  # a shrunken model does not replace the champion
    assert in_pipeline.registry.resolve("ridge_return_5m").version == 1
    second = in_pipeline.registry.resolve("ridge_return_5m/2")
    (scored,) = score_step(in_pipeline, [second], by_number=["ridge_return_5m/2"])
    assert scored["model"] == "ridge_return_5m/2"
    versions = {row.version for row in spark.table("predictions").where("model = 'ridge_return_5m'").collect()}
    assert versions == {1, 2}


def test_a_model_that_the_configuration_lacks_is_named(market):
    with pytest.raises(UsageError, match="the configuration has no model ridge_return: it has ridge_return_5m"):
        select_models(market.config, ["ridge_return"])


def test_steps_print_rows_that_are_json(in_pipeline, capsys):
    in_pipeline.emit([{"a": 1, "b": None}])
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "b": None}]
