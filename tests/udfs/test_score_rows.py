"""The part of the prediction functions that runs in workers, on Arrow arrays, without Spark."""

import dataclasses
import os

import numpy as np
import pyarrow as pa
import pytest

from models.errors import DataContractError, ModelContractError
from models.families import build_model
from models.format_skops import SkopsEngine
from models.manifest import Manifest
from models.protocol import ModelSpec
from models.scorer import Scorer
from models.training_profile import profile_training
from udfs import score_rows
from udfs.call import Call
from udfs.inputs import read_inputs
from udfs.score_rows import ScoreRows

ROWS = np.random.default_rng(0).normal(size=(300, 2))
LABELS = ROWS @ [1.0, 2.0]


class Engine:
    """Answers a + 2 b; fails on a batch that holds a = 13, and answers NaN where a = 7."""

    def predict(self, X):
        if (X[:, 0] == 13).any():
            raise ValueError("thirteen")
        return np.where(X[:, 0] == 7, np.nan, X[:, 0] + 2 * X[:, 1])

    def predict_probability(self, X):
        up = 1 / (1 + np.exp(-self.predict(X)))
        return np.column_stack([1 - up, up])


def scorer(task="regression", null_policy="null", engine=None):
    spec = ModelSpec("m", "ridge" if task == "regression" else "logistic", "y", task, null_policy=null_policy)
    labels = LABELS if task == "regression" else np.where(LABELS > 0, "up", "down")
    model = build_model(spec, ("a", "b")).fit(ROWS, labels)
    profile = profile_training(model, ROWS[:200], labels[:200], (ROWS[200:], labels[200:]))
    return Scorer(Manifest.of(model), "d" * 64, engine or SkopsEngine(model.estimator), profile)


@pytest.fixture
def ask(monkeypatch):
    """Ask a function for rows of (a, b); the answers as Python values."""

    def build(a, b, function="predict", task="regression", guard=None, model=None, **settings):
        is_classifier = task == "classification"
        model = model or scorer(task, settings.get("null_policy", "null"), Engine())
        call = Call(function, "m", 3, "d" * 64, "/nowhere", "y", "STRING" if is_classifier else "DOUBLE", is_classifier,
                    1, 2, settings.pop("null_policy", "null"), settings.pop("on_error", "null"), **settings)  # fmt: skip
        monkeypatch.setattr(score_rows, "_load_once", lambda folder, digest: model)
        columns = [values if isinstance(values, pa.Array) else pa.array(values, pa.float64()) for values in (a, b)]
        answers = ScoreRows(call)(*columns, *([] if guard is None else [pa.array(guard, pa.bool_())]))
        assert answers.type == call.arrow_type
        return answers.to_pylist()

    yield build
    os.environ.pop("SPARK_HIDE_TRACEBACK", None)


def test_each_row_gets_its_own_answer_and_a_bad_row_null(ask):
    assert ask([1, None, 3, float("nan"), 5], [1, 1, float("inf"), 1, 2]) == [3.0, None, None, None, 9.0]


def test_an_empty_batch_gives_an_empty_answer_of_the_right_type(ask):
    for function in ("predict", "predict_detail", "explain_prediction"):
        assert ask([], [], function) == []


def test_a_slice_of_an_array_is_read_from_its_own_start(ask):
    a = pa.array([100.0, 1.0, None, 2.0, 100.0])[1:4]
    b = pa.array([None, 100.0, 1.0, 1.0, 1.0, None])[2:5]
    assert ask(a, b) == [3.0, None, 4.0]


def test_a_row_on_which_the_model_fails_costs_only_that_row(ask):
    a = list(range(20))
    expected = [None if x in (13, 7) else float(x) for x in a]
    assert ask(a, [0.0] * 20) == expected


def test_the_status_of_every_kind_of_bad_row(ask):
    rows = ask([1, None, float("nan"), float("inf"), 13, 7], [0] * 6, "predict_detail")
    assert [row["status"] for row in rows] == [
        "OK", "NULL_FEATURE", "NULL_FEATURE", "OUT_OF_RANGE", "MODEL_ERROR", "NAN_OUTPUT",
    ]  # fmt: skip
    assert rows[1]["error"] == "feature a is NULL or NaN"
    assert rows[3]["error"] == "feature a is infinite or too large for the model"
    assert [row["prediction"] for row in rows] == [1.0, None, None, None, None, None]
    assert {(row["label"], row["model"], row["version"], row["digest"]) for row in rows} == {("y", "m", 3, "d" * 64)}


def test_an_interval_is_the_prediction_and_the_half_width_on_both_sides(ask):
    model = scorer(engine=Engine())
    (row,) = ask([1], [1], "predict_detail", model=model)
    assert (row["lower"], row["upper"]) == (3.0 - model.profile.half_width, 3.0 + model.profile.half_width)
    assert row["probabilities"] is None


def test_a_classifier_tells_the_probability_of_each_class(ask):
    class Sure(Engine):
        def predict(self, X):
            return np.where(X[:, 0] > 0, "up", "down")

        def predict_probability(self, X):
            return np.tile([0.25, 0.75], (len(X), 1))

    model = dataclasses.replace(scorer("classification"), engine=Sure())
    (row,) = ask([1], [0], "predict_detail", "classification", model=model)
    assert row["prediction"] == "up"
    assert dict(row["probabilities"]) == {"down": 0.25, "up": 0.75}
    assert (row["lower"], row["upper"]) == (None, None)
    assert ask([1], [0], "predict_probability", "classification", model=model, class_position=0) == [0.25]
    assert ask([1], [0], "predict_probability", "classification", model=model) == [0.75]


def test_an_explanation_is_sorted_and_adds_up_to_the_prediction_minus_the_baseline(ask):
    model = scorer()
    (pairs,) = ask([1.0], [-2.0], "explain_prediction", model=model)
    explained = model.explain(np.array([[1.0, -2.0]]))
    assert [pair["feature"] for pair in pairs] == ["b", "a"]
    total = sum(pair["attribution"] for pair in pairs)
    assert total == pytest.approx(float(explained.explained[0] - explained.baseline[0]), abs=1e-12)


def test_rows_outside_the_guard_are_not_asked_for_and_not_bad(ask):
    class Counting(Engine):
        asked = 0

        def predict(self, X):
            Counting.asked += len(X)
            return super().predict(X)

    model = scorer(engine=Counting())
    answers = ask([5, 2, None], [0, 0, 0], guard=[None, True, False], on_error="fail", model=model)
    assert answers == [None, 2.0, None]
    assert Counting.asked == 1


def test_on_error_fail_ends_the_query_with_the_first_bad_row(ask):
    with pytest.raises(DataContractError, match=r"predict with m/3 met 2 bad rows in a batch of 3, the first with "
                       r"status NULL_FEATURE \(feature b is NULL or NaN\): SET foretable.on_error = null"):  # fmt: skip
        ask([1, 1, float("inf")], [1, None, 1], on_error="fail")


def test_the_policy_fail_is_about_missing_features_only(ask):
    assert ask([float("inf"), 1], [1, 1], null_policy="fail") == [None, 3.0]
    with pytest.raises(DataContractError, match="null_policy = 'null' or 'impute'"):
        ask([None, 1], [1, 1], null_policy="fail")


def test_the_policy_impute_takes_the_training_median(ask):
    median = float(np.median(ROWS[:200, 0]))
    assert ask([None, float("inf")], [1, 1], null_policy="impute") == [median + 2, None]


def test_running_out_of_memory_names_the_model(ask):
    class Greedy(Engine):
        def predict(self, X):
            raise MemoryError

    model = dataclasses.replace(scorer(), engine=Greedy())
    with pytest.raises(ModelContractError, match="predict with m/3 ran out of memory"):
        ask([1], [1], model=model)


@pytest.mark.parametrize("n_rows", [0, 1, 4095, 4096, 4097, 10_000])
def test_many_columns_become_the_rows_of_one_matrix_and_null_a_missing_value(n_rows):
    numbers = np.random.default_rng(1).normal(size=(n_rows, 3))
    numbers[1::7, 1] = np.nan
    columns = [pa.array(column, from_pandas=True) for column in numbers.T]
    np.testing.assert_array_equal(read_inputs(columns, sequence_length=1).values, numbers)


def test_the_last_rows_of_a_sequence_are_taken_from_slices_too():
    steps = pa.array([[9.0], [1.0, 2.0, 3.0], None, [4.0], [5.0, None, 6.0], [7.0, 8.0]], pa.list_(pa.float64()))[1:]
    inputs = read_inputs([steps, steps], sequence_length=2)
    np.testing.assert_array_equal(inputs.is_whole, [True, False, False, True, True])
    np.testing.assert_array_equal(inputs.values[0], [[2, 2], [3, 3]])
    assert np.isnan(inputs.values[1]).all()
    np.testing.assert_array_equal(inputs.values[3], [[np.nan, np.nan], [6, 6]])
    np.testing.assert_array_equal(inputs.values[4], [[7, 7], [8, 8]])
    statuses, sentences = inputs.complaints(np.array([1, 2, 3]), ("a", "b"), 1e300)
    assert statuses == ["SHAPE", "SHAPE", "NULL_FEATURE"]
    assert sentences[0] == "the sequence has fewer than 2 rows"
