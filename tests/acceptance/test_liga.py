"""Liga's model DDL and its scikit-learn cases, respelled: see README.md for the mapping and each case's origin."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LinearRegression

PREFIX = "acc_liga_"
LINE = "AS SELECT * FROM VALUES (0, 1, 5D), (1, 2, 8D), (2, 0, 5D), (3, 1, 8D) AS t(x0, x1, y)"  # y = x0 + 2 x1 + 3


def create(name, head="CREATE MODEL", options="split = 0, alpha = 1e-9"):
    return f"{head} {name} USING ridge OPTIONS (label = 'y', {options}) {LINE}"


def options_of(run, name):
    return json.loads({row.property: row.value for row in run(f"DESCRIBE MODEL {name}")}["options"])


def test_a_random_forest_predicts_what_scikit_learns_forest_of_ligas_test_predicts(run, save, fresh):
    inputs, labels = make_classification(
        n_samples=1000, n_features=4, n_informative=2, n_redundant=0, random_state=0, shuffle=False
    )
    save("made", pd.DataFrame(inputs, columns=["x0", "x1", "x2", "x3"]).assign(y=labels))
    run(
        f"CREATE MODEL {fresh} USING random_forest OPTIONS (label = 'y', task = 'classification', time = 'row', split = 0, "
        "max_depth = 2, n_estimators = 100, min_samples_leaf = 1, max_samples = NULL, seed = 0) AS SELECT * FROM made"
    )
    result = run(
        f"SELECT predict('{fresh}', struct(id AS x0, id + 1 AS x1, id + 2 AS x2, id + 3 AS x3)) AS pred FROM range(2)"
    )
    assert [row.pred for row in result] == [1, 1]


def test_a_linear_regression_is_scikit_learns(run, spark, save, fresh):
    inputs, labels = load_diabetes(return_X_y=True)
    save("diabetes", pd.DataFrame(inputs, columns=[f"x{i}" for i in range(10)]).assign(y=labels))
    run(
        f"CREATE MODEL {fresh} USING ridge OPTIONS (label = 'y', time = 'row', split = 0, alpha = 1e-9) AS SELECT * FROM diabetes"
    )
    result = spark.sql(f"SELECT predict('{fresh}', struct(*)) AS pred FROM diabetes ORDER BY row")
    assert result.schema.simpleString() == "struct<pred:double>"
    expected = LinearRegression().fit(inputs, labels).predict(inputs)
    np.testing.assert_allclose([row.pred for row in result.collect()], expected, rtol=1e-6)


def test_a_created_model_is_in_the_registry_and_predicts(run, registry, fresh):
    assert fresh not in registry.list_models()
    (row,) = run(create(fresh))
    assert (row.model, row.version) == (fresh, 1)
    assert fresh in registry.list_models()
    # y = x0 + 2 x1 + 3, learned without an error
    rows = run(f"SELECT predict('{fresh}', struct(id AS x0, id + 1 AS x1)) AS pred FROM range(2) ORDER BY id")
    assert [row.pred for row in rows] == [pytest.approx(5, abs=1e-6), pytest.approx(8, abs=1e-6)]


def test_options_keep_number_text_and_truth_value(run, fresh):
    run(
        create(
            fresh, options="split = 0, alpha = 1.23, solver = 'lsqr', max_iter = 10, fit_intercept = True, tol = 1e-3"
        )
    )
    expected = {"alpha": 1.23, "solver": "lsqr", "max_iter": 10, "fit_intercept": True, "tol": 0.001}
    assert options_of(run, fresh).items() >= expected.items()


def test_a_model_that_exists_is_not_created_again(run, refusal, registry, fresh):
    run(create(fresh))
    assert f"model {fresh} exists" in refusal(create(fresh))
    run(create(fresh, "CREATE MODEL IF NOT EXISTS"))
    assert len(registry.list_versions(fresh)) == 1


def test_create_or_replace_makes_a_new_version(run, registry, fresh):
    run(create(fresh, "CREATE OR REPLACE MODEL"))
    run(create(fresh, "CREATE OR REPLACE MODEL", "split = 0, alpha = 5"))
    newest, first = registry.list_versions(fresh)
    assert (first.options["alpha"], newest.options["alpha"]) == (1e-9, 5)


def test_or_replace_and_if_not_exists_exclude_each_other(refusal, registry, fresh):
    assert "exclude each other" in refusal(create(fresh, "CREATE OR REPLACE MODEL IF NOT EXISTS"))
    assert fresh not in registry.list_models()


def test_describe_and_desc_are_the_same(run, refusal, fresh):
    run(create(fresh))
    described = run(f"DESCRIBE MODEL {fresh}")
    assert described == run(f"DESC MODEL {fresh}")
    facts = {row.property: row.value for row in described}
    assert (facts["model"], facts["family"], facts["features"]) == (fresh, "ridge", "x0, x1")
    assert "There is no model 'not_exist'" in refusal("DESCRIBE MODEL not_exist")


def test_a_dropped_model_is_gone(run, refusal, registry, fresh):
    run(create(fresh))
    run(f"DROP MODEL {fresh}")
    assert fresh not in registry.list_models()
    assert "There is no model 'not_exist'" in refusal("DROP MODEL not_exist")


def test_drop_without_a_name_is_refused(refusal):
    assert "Syntax error at or near 'MODEL'" in refusal("DROP MODEL")


def test_show_models_counts_them_as_they_come_and_go(run, refusal):
    def shown():
        return [(row.model, row.family) for row in run(f"SHOW MODELS LIKE '{PREFIX}show_*'")]

    assert shown() == []
    run(create(f"{PREFIX}show_foo"))
    assert shown() == [(f"{PREFIX}show_foo", "ridge")]
    run(create(f"{PREFIX}show_bar"))
    assert len(shown()) == 2
    assert "exists" in refusal(create(f"{PREFIX}show_foo"))
    assert len(shown()) == 2
    run(f"DROP MODEL {PREFIX}show_foo")
    assert shown() == [(f"{PREFIX}show_bar", "ridge")]


@pytest.mark.parametrize("name", [f"{PREFIX}abc", f"{PREFIX}ABC_v123"])
def test_letters_digits_and_underscores_name_a_model(run, name):
    run(create(name))
    assert [row.model for row in run(f"SHOW MODELS LIKE '{name}'")] == [name]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("123_abc", "cannot name a model"), ("`123_abc`", "cannot name a model"), ("ab@c", "expected USING"), ("`ab@c`", "cannot name a model")],
)  # fmt: skip
def test_a_name_that_a_reference_could_not_hold_is_refused(refusal, registry, name, sentence):
    before = registry.list_models()
    assert sentence in refusal(create(name))
    assert registry.list_models() == before


@pytest.mark.parametrize("family", ["ridge", "RIDGE", "`Ridge`"])
def test_the_family_is_named_in_any_case(run, registry, fresh, family):
    run(create(fresh).replace("USING ridge", f"USING {family}"))
    assert registry.resolve(fresh).family == "ridge"


@pytest.mark.parametrize("clause", ["FOR regressor", "LOCATION 'mlflow:///sklearn_lr'", "RETURN STRUCT<foo:int>"])
def test_a_model_is_trained_here_and_not_loaded_from_a_location(refusal, fresh, clause):
    assert "expected AS" in refusal(create(fresh).replace("OPTIONS", f"{clause} OPTIONS"))
    assert "expected USING" in refusal(f"CREATE MODEL {fresh} {clause}")


def test_an_array_of_features_is_refused_since_it_would_bind_by_position(run, refusal, fresh):
    run(create(fresh))
    assert "usage: predict(" in refusal(f"SELECT predict('{fresh}', 3, 2)")
    assert "where features is a STRUCT" in refusal(f"SELECT predict('{fresh}', array(3, 2))")
    assert f"`{fresh}` cannot be resolved" in refusal(f"SELECT predict({fresh}, struct(3 AS x0, 2 AS x1))")
