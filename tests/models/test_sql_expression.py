"""The SQL text of a model is run in DuckDB, which knows nothing of scikit-learn, and compared with the model."""

import math
import re
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.artifact import load_scorer, save_artifact
from models.errors import ModelContractError
from models.families import build_model
from models.model_version import ModelVersion
from models.protocol import ModelSpec
from models.sql_expression import SQL_FILE_NAME, read_sql_expression, sql_expression
from models.sql_function import create_function_text

NAMES = ("a", "b`c", "d e", "select")
SMALL_FOREST = {"n_estimators": 5, "max_depth": 3}
MODELS = [
    ("ridge", None, {}),
    ("linear", None, {}),
    ("lasso", None, {"alpha": 0.1}),
    ("logistic", ["down", "up"], {}),
    ("logistic", [1, 2**60, 3, -4], {}),
    ("decision_tree", None, {}),
    ("decision_tree", [False, True], {}),
    ("random_forest", None, SMALL_FOREST),
    ("random_forest", ["it's", "C:\\new${x}\n", "plain"], {"n_estimators": 4, "max_depth": 3}),
    ("random_forest", [0.0, 1.0], SMALL_FOREST),
]
IDS = [f"{family} {classes}" for family, classes, _ in MODELS]
LARGEST = np.finfo(np.float32).max
ODD = [None, math.nan, math.inf, -math.inf, 1e39, -1e39]


def to_duckdb(text):
    """Write the three things of Spark SQL that DuckDB spells otherwise: names, DOUBLE literals, binary literals."""

    def blob(match):
        return "decode('" + re.sub("(..)", r"\\x\1", match[1]) + "'::BLOB)"

    text = re.sub(r"X'([0-9A-F]*)'", blob, text)
    text = re.sub(r"\b([0-9.]+)(E[+-]?[0-9]+)?D\b", lambda match: match[1] + (match[2] or "E0"), text)
    return re.sub(r"`((?:[^`]|``)*)`", lambda match: '"' + match[1].replace("``", "`") + '"', text)


def in_duckdb(text, rows):
    """Value of the expression for each row, of which a feature may be None."""
    columns = [pa.array(column, pa.float64()) for column in zip(*rows, strict=True)]
    with duckdb.connect() as connection:
        connection.register("input", pa.table([pa.array(range(len(rows))), *columns], names=["i", *NAMES]))
        found = connection.execute(f"SELECT {to_duckdb(text)} FROM input ORDER BY i").fetchall()
    return [value for (value,) in found]


@pytest.mark.parametrize(("family", "classes", "options"), MODELS, ids=IDS)
def test_the_expression_gives_bit_for_bit_what_the_model_predicts(store, rows, family, classes, options):
    _, scorer = store(family, classes, features=NAMES, **options)
    some = np.concatenate([rows[0][:200], rows[0][:50] * 1e3, np.round(rows[0][:50])])
    assert in_duckdb(sql_expression(scorer), some.tolist()) == scorer.predict(some).tolist()


@pytest.mark.parametrize("family", ["ridge", "decision_tree"])
def test_a_row_that_the_model_cannot_take_is_null(store, rows, family):
    _, scorer = store(family, features=NAMES)
    usual = rows[0][0].tolist()
    broken = [[*usual[:place], odd, *usual[place + 1 :]] for place in range(4) for odd in ODD]
    found = in_duckdb(sql_expression(scorer), [*broken, usual])
    largest = scorer.largest_input
    can_take = [all(v is not None and abs(v) <= largest for v in row) for row in [*broken, usual]]
    assert [value is not None for value in found] == can_take
    assert sum(can_take) == (9 if family == "ridge" else 1)  # ridge computes in double precision and takes 1e39


@pytest.fixture(scope="module")
def stored_models(store):
    return [store(family, classes, features=NAMES, **options)[1] for family, classes, options in MODELS]


@settings(max_examples=5, deadline=None)
@given(arrays(np.float64, (30, 4), elements=st.floats(-1e6, 1e6) | st.floats(-2, 2, width=32)))
def test_random_rows_agree_for_every_model(stored_models, X):
    for scorer in stored_models:
        assert in_duckdb(sql_expression(scorer), X.tolist()) == scorer.predict(X).tolist()


def test_a_row_on_a_threshold_takes_the_side_that_the_tree_takes(store, rows):
    # Whole numbers are split at halves, which single precision holds, so that a feature can equal a threshold.
    model, scorer = store("decision_tree", features=NAMES, X=np.round(rows[0]))
    tree = model.estimator.tree_
    threshold = tree.threshold[0]
    assert threshold == np.float32(threshold)
    near = [np.nextafter(threshold, -9), threshold, np.nextafter(threshold, 9), np.nextafter(np.float32(threshold), 9)]
    some = np.repeat(rows[0][:50], len(near), axis=0)
    some[:, tree.feature[0]] = np.tile(near, 50)
    assert in_duckdb(sql_expression(scorer), some.tolist()) == scorer.predict(some).tolist()


@pytest.mark.parametrize(
    ("family", "options"),
    [("decision_tree", {}), ("random_forest", {"n_estimators": 2, "bootstrap": False, "max_samples": None})],
)
def test_the_first_of_equal_classes_wins_as_in_argmax(tmp_path, family, options):
    X = np.repeat([[0.0, 0.0, 0.0, 0.0]], 90, axis=0)
    y = np.array(["a", "b", "c"] * 30)
    model = build_model(ModelSpec("m", family, "y", "classification", options), NAMES).fit(X, y)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    assert scorer.predict(X[:1]).tolist() == in_duckdb(sql_expression(scorer), X[:1].tolist()) == ["a"]


def test_a_feature_that_was_constant_in_training_is_divided_by_one(store, rows):
    with_constant = np.where(np.arange(4) == 2, 3.0, rows[0])
    _, scorer = store("ridge", features=NAMES, X=with_constant)
    assert "(`d e` - 3.0D) / 1.0D * 0.0D" in sql_expression(scorer)
    some = rows[0][:20]
    assert in_duckdb(sql_expression(scorer), some.tolist()) == scorer.predict(some).tolist()


@pytest.mark.parametrize(
    ("family", "classes", "options"),
    [
        ("gradient_boosting", None, {"max_iter": 2}),
        ("random_forest", None, {"n_estimators": 40}),
        ("decision_tree", None, {"max_depth": 9, "min_samples_leaf": 5}),
        ("logistic", [1, 2, 3, 4, 5], {}),
    ],
)
def test_a_model_that_is_too_large_has_no_expression(store, family, classes, options):
    assert sql_expression(store(family, classes, **options)[1]) is None


def test_a_model_that_does_more_than_null_for_a_missing_feature_has_no_expression(store):
    assert sql_expression(store("ridge", null_policy="impute")[1]) is None


@pytest.mark.parametrize("classes", [None, ["down", "up"], [1, 2, 3]], ids=["number", "two classes", "three classes"])
def test_a_linear_model_overflows_to_the_same_value_and_nan_is_null(store, rows, classes):
    narrow = rows[0] / 10  # so that dividing by the deviation overflows
    _, scorer = store("ridge" if classes is None else "logistic", classes, features=NAMES, X=narrow)
    huge = np.array([[a, b, 0.0, 0.0] for a in (1.7e308, -1.7e308) for b in (1.7e308, -1.7e308)])
    predicted = scorer.predict(np.concatenate([huge, [[1.7e308, 0.0, 0.0, 0.0]]])).tolist()
    found = in_duckdb(sql_expression(scorer), [*huge.tolist(), [1.7e308, 0.0, 0.0, 0.0]])
    assert found == [None if value != value else value for value in predicted]
    if classes is None:
        assert {math.inf, -math.inf, None} == set(found)


def test_the_expression_lies_in_the_artifact_under_its_digest(tmp_path, rows):
    model = build_model(ModelSpec("m", "ridge", "y"), NAMES).fit(*rows)
    digest = save_artifact(model, tmp_path / "m")
    assert read_sql_expression(tmp_path / "m", digest) == sql_expression(load_scorer(tmp_path / "m", digest))
    (tmp_path / "m" / SQL_FILE_NAME).write_text("1.0D")
    with pytest.raises(ModelContractError, match="was changed after it was registered"):
        read_sql_expression(tmp_path / "m", digest)


def test_a_model_without_an_expression_has_none_in_its_artifact(tmp_path, rows):
    model = build_model(ModelSpec("m", "gradient_boosting", "y", options={"max_iter": 2}), NAMES).fit(*rows)
    assert read_sql_expression(tmp_path / "m", save_artifact(model, tmp_path / "m")) is None
    assert not (tmp_path / "m" / SQL_FILE_NAME).exists()


def version_of(**fields):
    """A version of which only what the function's text needs is filled."""
    blank = dict.fromkeys(ModelVersion.__dataclass_fields__)
    return replace(ModelVersion(**blank), **fields)


def test_the_function_takes_each_feature_by_name():
    version = version_of(name="m.1", version=3, digest="ab12", feature_names=("a", "b`c"), label_type="BIGINT")
    assert create_function_text(version, "CASE WHEN `a` > 0.0D THEN CAST(1 AS BIGINT) END") == (
        "CREATE OR REPLACE FUNCTION `predict_m.1`(\n"
        "  `a` DOUBLE COMMENT 'feature 1 of 2',\n"
        "  `b``c` DOUBLE COMMENT 'feature 2 of 2'\n"
        ")\n"
        "RETURNS BIGINT\n"
        "COMMENT 'model m.1/3, digest ab12'\n"
        "RETURN CASE WHEN `a` > 0.0D THEN CAST(1 AS BIGINT) END\n"
    )
