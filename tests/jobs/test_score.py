"""The score job: increments ask the model about touched rows only and end where scoring everything would."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.runs import recorded_run
from jobs.score import score
from jobs.score_step import score_step
from jobs.tables import table_version
from jobs.undo_run import undo_run
from models.artifact import load_scorer
from models.errors import NothingToDo

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
_names = itertools.count(1)


def feature_rows(spark, rows, bar_seconds=60):
    """A DataFrame for ``features``: (symbol, bar number, a, b); a None is a NULL feature."""
    data = [
        ("x", symbol, bar_seconds, start, start + timedelta(seconds=bar_seconds), True, True, "s/1", (a, b), (a,))
        for symbol, bar, a, b in rows
        for start in [MIDNIGHT + timedelta(seconds=bar * bar_seconds)]
    ]
    return spark.createDataFrame(
        data,
        "exchange string, symbol string, bar_seconds int, bar_start timestamp, available_at timestamp, "
        "is_warm boolean, is_training boolean, feature_set string, features struct<a: double, b: double>, labels struct<y: double>",
    ).coalesce(1)


@pytest.fixture
def features(spark, schema):
    """The table features, with the fields a and b; put() sets rows, drop() deletes them."""
    return Features(spark)


class Features:
    def __init__(self, spark):
        self.spark = spark
        feature_rows(spark, []).write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(
            "features"
        )

    def put(self, *rows, bar_seconds=60):
        feature_rows(self.spark, rows, bar_seconds).createOrReplaceTempView("put")
        self.spark.sql(
            "MERGE INTO features USING put ON features.symbol = put.symbol AND features.bar_start = put.bar_start "
            "AND features.bar_seconds = put.bar_seconds WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )

    def drop(self, *bars):
        starts = [MIDNIGHT + timedelta(minutes=bar) for bar in bars]
        self.spark.sql("DELETE FROM features WHERE array_contains(:starts, bar_start)", args={"starts": starts})


@pytest.fixture
def app(make_app):
    return make_app(sources=[{"path": "none", "format": "coinbase_full", "exchange": "x"}])


@pytest.fixture
def ridge(register):
    """Register another version of a fresh name each time it is called."""
    name = f"score_ridge_{next(_names)}"
    return lambda seed=0: register(name, seed=seed)[1]


@pytest.fixture(scope="session")
def steps_of_three(register):
    return register("score_steps", "lstm", sequence_length=3, epochs=1)[1]


def predictions(spark, *columns):
    """Rows by model, version, symbol and bar number; without columns what a full rebuild must give alike."""
    rows = spark.table("predictions").drop("features_version", "scored_at", "run_id").collect()
    keyed = {
        (
            row.model,
            row.version,
            row.symbol,
            round((row.bar_start.astimezone(UTC) - MIDNIGHT).total_seconds() / 60),
        ): row
        for row in rows
    }
    assert len(keyed) == len(rows)
    if columns:
        return {key: tuple(row[column] for column in columns) for key, row in keyed.items()}
    return {key: tuple(row) for key, row in keyed.items()}


def bars_of(spark, version):
    return sorted(key[3] for key in predictions(spark) if key[1] == version.version)


@pytest.fixture
def scored(spark):
    """Score without a run from where the last call left off: rows asked about, written and deleted."""
    done = {}

    def once(model):
        version = table_version(spark, "features")
        summary = score(spark, model, 60, ["x"], version, "r", done.get(model.name))
        done[model.name] = version
        return (sum(summary.n_by_status.values()), summary.n_written, summary.n_deleted)

    return once


def step(app, *versions, **options):
    """Rows scored, written and deleted by each version that had something to do."""
    try:
        return [(row["rows"], row["written"], row["deleted"]) for row in score_step(app, versions, **options)]
    except NothingToDo:
        return []


def test_only_new_changed_and_deleted_rows_are_worked_on(spark, features, scored, ridge):
    model = ridge()
    features.put(("A", 0, 1.0, 0.0), ("A", 1, 2.0, 0.0), ("B", 0, 3.0, 0.0))
    assert scored(model) == (3, 3, 0)
    features.put(("A", 1, 5.0, 0.0), ("B", 1, 6.0, 0.0))
    assert scored(model) == (2, 2, 0)
    features.drop(0)
    assert scored(model) == (0, 2, 2)
    scorer = load_scorer(model.folder, model.digest)
    expected = scorer.predict(np.array([[5.0, 0.0], [6.0, 0.0]]))
    key = (model.name, model.version)
    assert predictions(spark, "prediction", "status") == {
        (*key, "A", 1): (expected[0], "OK"),
        (*key, "B", 1): (expected[1], "OK"),
    }


def test_new_labels_new_fields_and_rows_of_other_widths_and_exchanges_ask_the_model_nothing(
    spark, features, scored, ridge
):
    model = ridge()
    features.put(("A", 0, 1.0, 0.0))
    assert scored(model) == (1, 1, 0)
    features.put(("A", 0, 1.0, 0.0), bar_seconds=10)
    spark.sql("INSERT INTO features SELECT 'y' AS exchange, * EXCEPT (exchange) FROM features WHERE bar_seconds = 60")
    spark.sql("UPDATE features SET labels = named_struct('y', 7D)")
    wider = feature_rows(spark, []).selectExpr(
        "* EXCEPT (features)", "named_struct('a', 1D, 'b', 1D, 'c', 1D) AS features"
    )
    wider.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable("features")
    spark.sql("UPDATE features SET is_training = false")
    assert scored(model) == (0, 0, 0)
    assert list(predictions(spark)) == [(model.name, model.version, "A", 0)]


def test_a_new_version_takes_over_where_its_name_left_off(spark, features, app, ridge):
    first = ridge()
    features.put(("A", 0, 1.0, 0.0), ("A", 1, 2.0, 0.0))
    step(app, first)
    second = ridge(seed=1)
    assert step(app, second) == []  # nothing is new since
    features.put(("A", 1, 7.0, 0.0), ("A", 2, 3.0, 0.0))
    assert step(app, second) == [(2, 2, 0)]
    assert (bars_of(spark, first), bars_of(spark, second)) == ([0, 1], [1, 2])
    features.put(("A", 3, 3.0, 0.0))
    assert step(app, second) == [(1, 1, 0)]
    assert step(app, second, is_rescore=True) == [(4, 1, 0)]  # bar 0 is the one it had not said
    assert bars_of(spark, second) == [0, 1, 2, 3]
    assert step(app, first) == [(3, 3, 0)]  # promoted again: it goes on from where it stopped itself


@pytest.mark.slow
def test_a_version_asked_for_by_its_number_scores_all_rows_and_what_is_gone_goes_for_all(spark, features, app, ridge):
    first = ridge()
    features.put(("A", 0, 1.0, 0.0), ("A", 1, 2.0, 0.0), ("A", 2, 2.0, 0.0))
    step(app, first)
    second = ridge(seed=1)
    assert step(app, second, by_number=[f"{second.name}/2"]) == [(3, 3, 0)]
    features.drop(1)
    assert step(app, second) == [(0, 2, 2)]
    assert (bars_of(spark, first), bars_of(spark, second)) == ([0, 2], [0, 2])
    features.drop(0)
    assert step(app, second, is_rescore=True) == [(1, 2, 2)]
    assert (bars_of(spark, first), bars_of(spark, second)) == ([2], [2])


@pytest.mark.slow
def test_a_run_that_was_undone_is_made_again_and_what_somebody_emptied_or_changed_too(spark, features, app, ridge):
    model = ridge()
    features.put(("A", 0, 1.0, 0.0))
    step(app, model)
    features.put(("A", 0, 9.0, 0.0), ("A", 1, 2.0, 0.0))
    step(app, model)
    wanted = predictions(spark)
    newest = spark.sql("SELECT max_by(run_id, run_number) AS run_id FROM runs").first().run_id
    undo_run(spark, newest, print)
    assert bars_of(spark, model) == [0]
    assert step(app, model) == [(2, 2, 0)]
    assert predictions(spark) == wanted
    spark.sql("DELETE FROM predictions")
    assert step(app, model) == [(2, 2, 0)]
    assert predictions(spark) == wanted
    spark.sql("UPDATE predictions SET prediction = 0 WHERE minute(bar_start) = 0")
    assert step(app, model) == []
    assert step(app, model, is_rescore=True) == [(2, 1, 0)]
    assert predictions(spark) == wanted


def test_a_sequence_model_is_asked_about_the_windows_that_reach_a_touched_row(spark, features, scored, steps_of_three):
    features.put(*[("A", bar, 0.1 * bar, 1.0) for bar in range(8)])
    assert scored(steps_of_three) == (8, 8, 0)
    before = predictions(spark, "prediction", "status")
    key = (steps_of_three.name, steps_of_three.version, "A")
    assert [before[*key, bar][1] == "OK" for bar in range(8)] == [False, False] + [True] * 6
    features.put(("A", 3, -2.0, 1.0))
    assert scored(steps_of_three) == (3, 3, 0)  # the windows that end at 3, 4 and 5
    after = predictions(spark, "prediction", "status")
    assert [bar for bar in range(8) if after[*key, bar] != before[*key, bar]] == [3, 4, 5]
    features.drop(5)
    assert scored(steps_of_three) == (2, 3, 1)  # 6 and 7 have a hole in their window now
    assert [predictions(spark, "status").get((*key, bar)) == ("OK",) for bar in range(8)] == [
        bar in (2, 3, 4) for bar in range(8)
    ]


def test_a_window_of_too_few_rows_across_a_hole_is_a_hole_wherever_it_lies(spark, features, scored, steps_of_three):
    features.put(("A", 0, 1.0, 1.0), ("A", 2, 1.0, 1.0), ("B", -5, 1.0, 1.0), ("B", 0, 1.0, 1.0), ("B", 2, 1.0, 1.0))
    scored(steps_of_three)
    key = (steps_of_three.name, steps_of_three.version)
    said = predictions(spark, "status")
    assert said[*key, "A", 2] == said[*key, "B", 2]


ROW = st.tuples(st.sampled_from("AB"), st.integers(0, 9), st.sampled_from([0.0, 1.0, None]), st.just(1.0))
CHANGE = st.one_of(
    st.lists(ROW, min_size=1, max_size=4, unique_by=lambda row: row[:2]),
    st.sets(st.integers(0, 9), min_size=1, max_size=3),
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(CHANGE, min_size=2, max_size=4))
def test_random_changes_of_windows_end_where_scoring_everything_does(spark, schema_copy, steps_of_three, changes):
    with schema_copy(f"score_{next(_names)}"):
        features, since = Features(spark), None
        for change in changes:
            features.drop(*change) if isinstance(change, set) else features.put(*change)
            version = table_version(spark, "features")
            with recorded_run(spark, "score", "t", "d", tables=("predictions",)) as run:
                score(spark, steps_of_three, 60, ["x"], version, run.run_id, since)
            since = version
        got = predictions(spark)
        with recorded_run(spark, "score", "t", "d", tables=("predictions",)) as run:
            run.is_rebuild = True
            assert score(spark, steps_of_three, 60, ["x"], version, run.run_id).n_written == 0
        assert predictions(spark) == got
