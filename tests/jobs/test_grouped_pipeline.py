"""A configured model with ``group: symbol``, trained and scored by the pipeline and by a batch job."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jobs.batch_predict import predict_batch
from jobs.batch_request import BatchRequest
from jobs.config import Config
from jobs.evaluate import evaluate_models
from jobs.example_reader import ExampleReader
from jobs.pipeline import train_step
from jobs.score_step import score_step
from jobs.train import split

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
SYMBOLS = {"BTC-USD": 1.0, "ETH-USD": -1.0, "NEW-USD": 0.5}
N_BARS = 400
NAME = "grouped_in_pipeline"
_runs = itertools.count(1)


@pytest.fixture(scope="module")
def app(spark, schema_copy, make_app):
    """An App on a schema with features of three symbols; the last one begins shortly before training time ends."""
    settings = {
        "features": [{"name": f"return_{n}", "kind": "log_return", "bars": n} for n in (1, 2)],
        "labels": [{"name": "y", "horizon_seconds": 60}],
        "models": [{"name": NAME, "family": "ridge", "label": "y", "group": "symbol", "options": {"alpha": 1.0}}],
    }
    with schema_copy("grouped_pipeline"):
        app = make_app(schema="grouped_pipeline", **settings)
        first, second = app.config.features.names()
        random = np.random.default_rng(0)
        rows = []
        for symbol, slope in SYMBOLS.items():
            for bar in range(280 if symbol == "NEW-USD" else 0, N_BARS):
                start = MIDNIGHT + timedelta(minutes=bar)
                a, b = random.normal(size=2).tolist()
                y = slope * a + 0.3 * b + float(random.normal()) * 2.0
                rows.append(
                    ("x", symbol, 60, start, start + timedelta(minutes=1), True, bar < 300, "s/1", (a, b), (y,))
                )
        spark.createDataFrame(
            rows,
            "exchange string, symbol string, bar_seconds int, bar_start timestamp, available_at timestamp, is_warm boolean, "
            f"is_training boolean, feature_set string, features struct<{first}: double, {second}: double>, labels struct<y: double>",
        ).coalesce(1).write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable("features")
        train_step(app, app.config)
        yield app
        app.registry.delete_model(NAME)


@pytest.fixture(scope="module")
def expected(spark, app):
    """What scikit-learn, fitted by the test on each symbol's training rows, predicts for each row of features."""
    config: Config = app.config
    examples = ExampleReader(spark, config).examples(config.models[0])
    train = split(config, config.models[0], examples).train
    symbols = examples.rows.symbol.to_numpy()
    inputs = examples.inputs[:, :2]

    def fitted(rows):
        return make_pipeline(StandardScaler(), Ridge(alpha=1.0)).fit(inputs[rows], examples.labels[rows])

    models = {symbol: fitted(train[symbols[train] == symbol]) for symbol in ("BTC-USD", "ETH-USD")}
    models["NEW-USD"] = fitted(train)
    names = list(config.features.names())
    table = spark.sql(
        f"SELECT symbol, bar_start, f.features.{names[0]}, f.features.{names[1]} FROM features f"
    ).toPandas()
    table["expected"] = np.concatenate(
        [models[row.symbol].predict([[getattr(row, name) for name in names]]) for row in table.itertuples()]
    )
    return table[["symbol", "bar_start", "expected"]]


def test_saved_predictions_are_those_of_each_symbols_own_model(spark, app, expected):
    (row,) = score_step(app, [app.registry.resolve(NAME)])
    assert row["ok"] == row["rows"] == len(expected)
    saved = spark.table("predictions").where(f"model = '{NAME}'").select("symbol", "bar_start", "prediction").toPandas()
    both = saved.merge(expected, on=["symbol", "bar_start"])
    assert len(both) == len(expected)
    np.testing.assert_allclose(both.prediction, both.expected, rtol=1e-9, atol=1e-12)


def test_the_groups_of_a_configured_model_are_seen_in_sql(spark, app):
    rows = spark.sql(f"SELECT group_name, status FROM model_groups WHERE model = '{NAME}'").collect()
    assert [(row.group_name, row.status) for row in rows] == [
        ("BTC-USD", "own"),
        ("ETH-USD", "own"),
        ("NEW-USD", "not in the training rows"),
    ]


def test_a_configured_model_by_group_is_evaluated(spark, app, expected):
    (row,) = [row for row in evaluate_models(app, spark) if row["model"] == NAME]
    config = app.config
    examples = ExampleReader(spark, config).examples(config.models[0])
    test = split(config, config.models[0], examples).test
    held_out = examples.rows.iloc[test].assign(y=examples.labels[test])
    held_out["bar_start"] = pd.to_datetime(held_out.bar_start)
    both = held_out.merge(expected, on=["symbol", "bar_start"])
    assert row["n"] == len(test) == len(both)
    assert row["mse"] == pytest.approx(float(np.mean((both.expected - both.y) ** 2)), rel=1e-9)


def test_a_batch_job_takes_the_group_beside_the_features(spark, app, expected):
    predict_batch(app, BatchRequest(NAME, table="features", to_table=f"answers_{next(_runs)}"))
    saved = spark.table("answers_1").select("symbol", "bar_start", "prediction").toPandas()
    both = saved.merge(expected, on=["symbol", "bar_start"])
    np.testing.assert_allclose(both.prediction, both.expected, rtol=1e-9, atol=1e-12)
