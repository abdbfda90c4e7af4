from datetime import UTC, datetime

import pandas as pd
import pytest

from jobs.report_data import (
    ACCOUNTING_COLUMNS,
    PREDICTION_COLUMNS,
    collect_report_data,
    held_out_predictions,
    sample_features,
)
from jobs.report_page import render_report

FEATURES = """exchange string, symbol string, bar_seconds int, bar_start timestamp, is_training boolean,
    features struct<momentum: double, n_trades: double>, labels struct<return_1m: double, return_5m: double>"""
PREDICTIONS = """exchange string, symbol string, bar_seconds int, bar_start timestamp, model string, version int,
    label string, prediction double"""


def at(minute):
    return datetime(2024, 1, 1, 0, minute, tzinfo=UTC)


@pytest.fixture
def features(spark):
    rows = [
        ("x", "A", 60, at(0), True, (1.0, 10.0), (0.1, 0.5)),
        ("x", "A", 60, at(1), False, (2.0, None), (0.2, 0.6)),
        ("x", "A", 60, at(2), False, (3.0, 30.0), (0.3, None)),
        ("x", "B", 60, at(1), False, None, (0.4, 0.7)),
    ]
    return spark.createDataFrame(rows, FEATURES)


def test_held_out_predictions_take_the_named_label_of_their_own_bar(spark, features):
    scored = [
        ("x", "A", 60, at(0), "ridge", 1, "return_5m", 9.0),  # training time
        ("x", "A", 60, at(1), "ridge", 1, "return_5m", 1.0),
        ("x", "A", 60, at(2), "ridge", 1, "return_5m", None),  # outcome not known yet
        ("x", "A", 10, at(1), "ridge", 1, "return_5m", 9.0),  # another bar width
        ("x", "B", 60, at(1), "forest", 2, "return_5m", 2.0),
        ("x", "B", 60, at(1), "forest_1m", 1, "return_1m", 9.0),  # another label
    ]
    outcome = held_out_predictions(spark.createDataFrame(scored, PREDICTIONS), features, "return_5m")
    assert outcome.columns == PREDICTION_COLUMNS
    rows = [(r.model, r.version, r.symbol, r.prediction, r.actual, r.is_held_out) for r in outcome.collect()]
    assert rows == [
        ("forest", 2, "B", 2.0, 0.7, True),
        ("ridge", 1, "A", 1.0, 0.6, True),
        ("ridge", 1, "A", None, None, True),
    ]


def test_the_feature_sample_opens_the_struct_and_keeps_null(features):
    rows = sample_features(features, "return_5m", n_rows=4).orderBy("label").toPandas()
    assert rows.columns.tolist() == ["is_training", "label", "momentum", "n_trades"]
    assert rows["momentum"].tolist()[1:] == [1.0, 2.0, pytest.approx(float("nan"), nan_ok=True)]
    assert rows["n_trades"].isna().tolist() == [False, False, True, True]
    assert rows["is_training"].tolist() == [False, True, False, False]


def test_the_feature_sample_is_about_as_large_as_asked_and_the_same_each_time(spark):
    bars = spark.range(10_000).selectExpr(
        "'x' AS exchange", "'A' AS symbol", "60 AS bar_seconds", "timestamp_seconds(id * 60) AS bar_start",
        "true AS is_training", "struct(double(id) AS number) AS features",
    )  # fmt: skip
    first, second = (sample_features(bars, "return_5m", 10_000, max_rows=1_000).toPandas() for _ in range(2))
    assert 850 < len(first) < 1_150
    assert first["label"].isna().all()
    pd.testing.assert_frame_equal(first, second)


def test_empty_tables_give_a_page_that_says_what_to_run(spark, schema):
    data = collect_report_data(spark, "return_5m", 60, [], [])
    assert (len(data.predictions), len(data.features), len(data.accounting), data.n_gaps) == (0, 0, 0, 0)
    assert "<code>foretable ingest FILE</code>" in render_report(data)


@pytest.fixture
def views(spark, features):
    """Every table of a report as a temporary view: quicker than filling Delta tables."""
    rows = {
        "features": features,
        "predictions": spark.createDataFrame([("x", "A", 60, at(1), "ridge", 1, "return_5m", 1.0)], PREDICTIONS),
        "gaps": spark.createDataFrame([(2,), (5,)], "n_missing bigint"),
        "ingested_files": spark.createDataFrame(
            [("complete", "day.gz", 7, 4, 2, 1, 0), ("replayed", "day.gz", 0, 0, 0, 0, 0)],
            ["state", *ACCOUNTING_COLUMNS],
        ),
    }
    for name, frame in rows.items():
        frame.createOrReplaceTempView(name)
    yield
    for name in rows:
        spark.catalog.dropTempView(name)


def test_predictions_coverage_gaps_files_and_evaluation_reach_the_report(spark, views):
    ridge = {"model": "ridge", "version": 1, "n": 3, "mse": 1e-8, "ignored": True}
    data = collect_report_data(spark, "return_5m", 60, [ridge], [])
    assert data.predictions[["symbol", "prediction", "actual"]].values.tolist() == [["A", 1.0, 0.6]]
    assert data.predictions["bar_start"].tolist() == [pd.Timestamp("2024-01-01 00:01", tz="UTC")]
    assert data.coverage[["symbol", "n_bars", "n_training"]].values.tolist() == [["A", 3, 1], ["B", 1, 0]]
    assert len(data.features) == 4
    assert (data.n_gaps, data.n_missing) == (2, 7)
    assert data.accounting.values.tolist() == [["day.gz", 7, 4, 2, 1, 0]]
    assert data.evaluation[["model", "version", "n", "mse"]].values.tolist() == [["ridge", 1, 3, 1e-8]]
    page = render_report(data)
    assert "7 messages missing" in page
