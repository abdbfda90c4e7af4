"""The view ``drift`` against SciPy and NumPy on the same rows, and how often it raises an alarm."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import entropy, ks_2samp

from jobs.session import use_schema
from jobs.tables import run_sql

START = datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = "exchange STRING, symbol STRING, bar_seconds INT, bar_start TIMESTAMP, is_training BOOLEAN, features STRUCT<a: DOUBLE, b: DOUBLE>"
OUTCOMES = "exchange STRING, symbol STRING, bar_seconds INT, bar_start TIMESTAMP, is_training BOOLEAN, model STRING, version INT, prediction DOUBLE"
_schemas = itertools.count(1)


@pytest.fixture
def drift(spark):
    """Give features ((symbol, day, a, b), day 0 is training) and predictions; returns the view as pandas."""
    name = f"drift_{next(_schemas)}"

    def view(features=(), predictions=()):
        spark.sql("CREATE SCHEMA IDENTIFIER(:name)", args={"name": name})
        use_schema(spark, name)
        shown = [("x", s, 60, START + timedelta(days=day), day == 0, (a, b)) for s, day, a, b in features]
        spark.createDataFrame(shown, FEATURES).write.saveAsTable("published_features")
        answers = [("x", "A", 60, START + timedelta(days=day), day == 0, "m", v, p) for v, day, p in predictions]
        spark.createDataFrame(answers, OUTCOMES).write.saveAsTable("prediction_outcomes")
        run_sql(spark, "ddl/drift")
        return spark.table("drift").toPandas()

    yield view
    spark.sql("USE default")
    spark.sql("DROP SCHEMA IF EXISTS IDENTIFIER(:name) CASCADE", args={"name": name})


def known(values):
    return np.array([value for value in values if value is not None and not math.isnan(value)])


def expected(training, day):
    """psi and ks of two lists of values."""
    training, day = known(training), known(day)
    borders = np.percentile(training, range(10, 100, 10))
    shares = [
        np.maximum(np.bincount(np.searchsorted(borders, values), minlength=10) / len(values), 1e-6)
        for values in (training, day)
    ]
    # entropy() makes its arguments add up to 1, so the sum is written out where shares were raised to 1e-6.
    was, now = shares
    psi = float(np.sum((now - was) * np.log(now / was)))
    if min(was.min(), now.min()) > 1e-6:
        assert psi == pytest.approx(entropy(now, was) + entropy(was, now), rel=1e-9)
    return psi, ks_2samp(training, day).statistic


def values_of(kind, n, random):
    return {
        "normal": lambda: random.normal(size=n),
        "shifted": lambda: random.normal(size=n) + 0.7,
        "ties": lambda: random.integers(0, 4, size=n).astype(float),
        "constant": lambda: np.full(n, 2.0),
        "with_gaps": lambda: np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)),
        "one": lambda: random.normal(size=1),
    }[kind]().tolist()


PAIRS = [
    ("normal", "normal"),
    ("normal", "shifted"),
    ("ties", "ties"),
    ("ties", "constant"),
    ("constant", "constant"),
    ("constant", "ties"),
    ("with_gaps", "with_gaps"),
    ("normal", "one"),
]


def test_index_and_distance_are_those_of_numpy_and_scipy(drift):
    random = np.random.default_rng(0)
    features, wanted = [], {}
    for number, (training, later) in enumerate(PAIRS):
        was, now = values_of(training, 400, random), values_of(later, 150, random)
        symbol = f"S{number}"
        features += [(symbol, 0, value, None) for value in was] + [(symbol, 3, value, 1.0) for value in now]
        wanted[symbol] = expected(was, now)
    random.shuffle(features)
    found = drift(features).query("name == 'a'").set_index("symbol")
    assert sorted(found.index) == sorted(wanted)
    for symbol, (psi, ks) in wanted.items():
        row = found.loc[symbol]
        assert row.psi == pytest.approx(psi, rel=1e-9, abs=1e-12), symbol
        assert row.ks == pytest.approx(ks, rel=1e-9, abs=1e-12), symbol
        assert (row.kind, row.day, row.bar_seconds) == ("feature", (START + timedelta(days=3)).date(), 60)


def test_what_is_missing_is_counted_and_takes_part_in_nothing_else(drift):
    training = [("A", 0, value, 1.0) for value in (None, float("nan"), 1.0, 3.0)]
    found = drift([*training, ("A", 1, None, 5.0), ("A", 1, 2.0, None)]).set_index("name")
    a = found.loc["a"]
    assert (a.n_training, a.n_day, a.null_rate_training, a.null_rate_day) == (4, 2, 0.5, 0.5)
    assert (a.mean_training, a.mean_day, a.ks) == (2.0, 2.0, 0.5)


def test_a_day_without_a_value_has_no_distance_and_raises_no_alarm(drift):
    (row,) = drift([("A", 0, 1.0, 1.0), ("A", 1, None, 1.0)]).query("name == 'a'").to_dict("records")
    assert row["null_rate_day"] == 1.0
    assert math.isnan(row["ks"])
    assert math.isnan(row["psi"])
    assert row["is_alarm"] is not True


def test_each_day_symbol_and_version_is_compared_with_its_own_training_time(drift):
    features = [(s, 0, base, 0.0) for s, base in (("A", 1.0), ("B", 5.0))] + [
        ("A", 1, 1.0, 0.0),
        ("B", 1, 1.0, 0.0),
        ("B", 2, 5.0, 0.0),
    ]
    predictions = [(1, 0, 1.0), (2, 0, 9.0), (1, 1, 1.0), (2, 1, 1.0)]
    found = drift(features, predictions)
    of_features = found[(found.kind == "feature") & (found.name == "a")].sort_values(["symbol", "day"])
    assert of_features.ks.tolist() == [0.0, 1.0, 0.0]
    of_predictions = found[found.kind == "prediction"].sort_values("version")
    assert of_predictions.name.tolist() == ["m", "m"]
    assert of_predictions.ks.tolist() == [0.0, 1.0]


def test_training_time_alone_has_no_row(drift):
    assert drift([("A", 0, 1.0, 1.0)]).empty


def test_without_a_change_an_alarm_is_rare_and_a_shift_of_one_deviation_raises_it_each_day(drift):
    random = np.random.default_rng(1)
    n_days, n = 40, 120
    features = [("A", 0, a, b) for a, b in random.normal(size=(1_000, 2)).tolist()]
    for day in range(1, n_days + 1):
        features += [("A", day, a, b + 1.0) for a, b in random.normal(size=(n, 2)).tolist()]
    alarms = drift(features).groupby("name").is_alarm.sum()
    assert alarms["a"] == 0  # independent rows: below one day of a thousand
    assert alarms["b"] == n_days
