"""PostgresML's example files on the same toy data sets, respelled: see README.md for the mapping and each case's origin."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler

PREFIX = "acc_pgml_"
DIABETES = f"{PREFIX}diabetes_progression"
N_DIGITS_TRAIN, N_DIGITS_TEST = 1348, 449  # as pgml.train printed
LIKE_SCIKIT_LEARN = "min_samples_leaf = 1, max_depth = NULL, max_samples = NULL, max_features = 1.0"
FAMILIES = {
    1: ("ridge", "alpha = 1"),
    2: ("random_forest", f"n_estimators = 5, {LIKE_SCIKIT_LEARN}"),
    3: ("gradient_boosting", "max_iter = 5, min_samples_leaf = 20"),
    4: ("ridge", "alpha = 100000"),
}


def scaled(inputs):
    return StandardScaler().fit_transform(inputs)


@pytest.fixture(scope="module")
def diabetes(save):
    return save("diabetes", load_diabetes(as_frame=True).frame)


@pytest.fixture(scope="module")
def iris(save):
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    return save("iris", load_iris(as_frame=True).frame.set_axis([*names, "target"], axis=1), target="int")


@pytest.fixture(scope="module")
def breast_cancer(save):
    frame = load_breast_cancer(as_frame=True).frame
    return save("breast_cancer", frame.assign(malignant=frame.pop("target") == 0))


@pytest.fixture(scope="module")
def digits(save):
    return save("digits", load_digits(as_frame=True).frame, target="smallint")


@pytest.fixture(scope="module")
def project(run, diabetes):
    """The versions of one project, each of another algorithm, trained one after the other on the same rows."""
    head = f"CREATE OR REPLACE MODEL {DIABETES} USING"
    return {
        version: run(
            f"{head} {family} OPTIONS (label = 'target', time = 'row', split = 0.25, {more}) AS SELECT * FROM diabetes"
        )[0]
        for version, (family, more) in FAMILIES.items()
    }


@pytest.fixture(scope="module")
def cancer_detection(run, breast_cancer):
    name = f"{PREFIX}breast_cancer"
    run(
        f"CREATE MODEL {name} USING logistic OPTIONS (label = 'malignant', time = 'row', split = 0, C = 1) AS SELECT * FROM breast_cancer"
    )
    return name


@pytest.fixture(scope="module")
def flower_types(run, iris):
    """Trained on a view of 100 rows in an order by chance."""
    name = f"{PREFIX}iris"
    run("CREATE VIEW iris_view AS SELECT * FROM iris ORDER BY rand(7) LIMIT 100")
    run(
        f"CREATE MODEL {name} USING logistic OPTIONS (label = 'target', task = 'classification', time = 'row', split = 0, C = 1) "
        "AS SELECT * FROM iris_view"
    )
    return name


def test_the_data_sets_have_the_rows_that_load_dataset_reports(run, diabetes, breast_cancer, iris, digits):
    counts = {
        table: run(f"SELECT count(*) AS n FROM {table}")[0].n
        for table in ("diabetes", "breast_cancer", "iris", "digits")
    }
    assert counts == {"diabetes": 442, "breast_cancer": 569, "iris": 150, "digits": 1797}


def test_training_returns_one_row_and_the_first_version_answers(project):
    first = project[1]
    assert (first.model, first.version, first.is_champion) == (DIABETES, 1, True)
    assert first.n_train + first.n_validation + first.n_test == 442
    assert first.n_test == pytest.approx(442 / 4, abs=1)


def test_the_predictions_of_ten_rows_are_scikit_learns(run, diabetes, fresh):
    run(
        f"CREATE MODEL {fresh} USING ridge OPTIONS (label = 'target', time = 'row', split = 0, alpha = 1) AS SELECT * FROM diabetes"
    )
    rows = run(f"SELECT target, predict('{fresh}', struct(*)) AS prediction FROM diabetes ORDER BY row LIMIT 10")
    inputs = scaled(diabetes.iloc[:, :10])
    expected = Ridge(alpha=1).fit(inputs, diabetes.target).predict(inputs)[:10]
    np.testing.assert_allclose([row.prediction for row in rows], expected, rtol=1e-9)
    assert [row.target for row in rows] == diabetes.target[:10].tolist()


def test_a_forest_with_scikit_learns_settings_is_scikit_learns_forest(run, diabetes, fresh):
    run(
        f"CREATE MODEL {fresh} USING random_forest OPTIONS (label = 'target', time = 'row', split = 0, n_estimators = 5, "
        f"{LIKE_SCIKIT_LEARN}) AS SELECT * FROM diabetes"
    )
    got = [row.p for row in run(f"SELECT predict('{fresh}', struct(*)) AS p FROM diabetes ORDER BY row")]
    inputs = diabetes.iloc[:, :10].to_numpy()
    np.testing.assert_array_equal(
        got, RandomForestRegressor(5, random_state=0).fit(inputs, diabetes.target).predict(inputs)
    )


def test_a_version_is_asked_by_its_number_found_in_a_view(run, project, diabetes):
    (found,) = run(f"SELECT min(version) AS version FROM model_versions WHERE model = '{DIABETES}'")
    by_number = f"predict('{DIABETES}/{found.version}', struct(*))"
    rows = run(
        f"SELECT predict_detail('{DIABETES}/{found.version}', struct(*)).version AS id, {by_number} AS p FROM diabetes ORDER BY row LIMIT 10"
    )
    assert {row.id for row in rows} == {1}
    n = project[1].n_train
    inputs = StandardScaler().fit(diabetes.iloc[:n, :10])
    model = Ridge(alpha=1).fit(inputs.transform(diabetes.iloc[:n, :10]), diabetes.target[:n])
    np.testing.assert_allclose(
        [row.p for row in rows], model.predict(inputs.transform(diabetes.iloc[:10, :10])), rtol=1e-9
    )


def test_versions_are_ordered_by_their_metric(run, project):
    rows = run(
        f"SELECT version, family, validation_error FROM model_versions WHERE model = '{DIABETES}' ORDER BY validation_error"
    )
    assert sorted(row.version for row in rows) == [1, 2, 3, 4]
    assert rows[-1].version == 4  # a ridge held near the mean
    assert {row.version: row.family for row in rows} == {version: family for version, (family, _) in FAMILIES.items()}
    metrics = run(f"SELECT DISTINCT metric FROM training_runs WHERE model = '{DIABETES}' AND split = 'test'")
    assert {"mse", "mae", "r2"} <= {row.metric for row in metrics}


def test_the_best_score_is_deployed_and_a_worse_one_is_not(run, project):
    rows = run(
        f"SELECT version, aliases, validation_error FROM model_versions WHERE model = '{DIABETES}' ORDER BY validation_error"
    )
    assert [row.version for row in rows if "champion" in row.aliases] == [rows[0].version]
    assert not project[4].is_champion


def test_a_deployment_is_chosen_by_hand_and_rolled_back(run, project, diabetes):
    def deployed():
        return run(f"SELECT champion FROM models WHERE model = '{DIABETES}'")[0].champion

    def answering():
        return run(f"SELECT predict_detail('{DIABETES}', struct(*)).version AS v FROM diabetes LIMIT 1")[0].v

    best = deployed()
    other = 2 if best != 2 else 1
    for version in (other, best, other, best):  # most_recent by algorithm, rollback, rollback, best_score
        run(f"ALTER MODEL {DIABETES} SET ALIAS champion = {version}")
        assert (deployed(), answering()) == (version, version)


def test_a_project_name_with_blanks_is_refused(refusal, diabetes):
    text = "CREATE MODEL `Diabetes Progression` USING ridge OPTIONS (label = 'target') AS SELECT * FROM diabetes"
    assert "'Diabetes Progression' cannot name a model" in refusal(text)


def test_a_table_that_is_not_there_is_refused(refusal, registry):
    text = f"CREATE MODEL {PREFIX}none USING ridge OPTIONS (label = 'target') AS SELECT * FROM pgml.diabetes_of_nobody"
    assert "diabetes_of_nobody" in refusal(text)
    assert f"{PREFIX}none" not in registry.list_models()


def test_a_task_that_the_algorithm_cannot_do_is_refused(refusal, diabetes):
    text = f"CREATE MODEL {PREFIX}none USING logistic OPTIONS (label = 'target', task = 'regression') AS SELECT * FROM diabetes"
    assert "logistic cannot do regression" in refusal(text)


def test_rows_without_a_label_are_left_out(run, diabetes, fresh):
    query = "SELECT *, IF(row < 42, NULL, target) AS y FROM diabetes"
    (row,) = run(f"CREATE MODEL {fresh} USING ridge OPTIONS (label = 'y', time = 'row', split = 0) AS {query}")
    assert row.n_train == 400


def test_a_truth_value_is_predicted_from_columns_with_blanks_in_their_names(run, cancer_detection, breast_cancer):
    rows = run(
        f"SELECT malignant, predict('{cancer_detection}', struct(*)) AS prediction FROM breast_cancer ORDER BY row"
    )
    inputs = scaled(breast_cancer.drop(columns=["malignant", "row"]))
    expected = LogisticRegression(max_iter=500).fit(inputs, breast_cancer.malignant).predict(inputs)
    assert [row.prediction for row in rows] == expected.tolist()
    some = run(
        f"SELECT predict('{cancer_detection}', struct(*)) AS prediction FROM breast_cancer ORDER BY rand() LIMIT 10"
    )
    assert len(some) == 10


def test_the_raw_probabilities_are_scikit_learns(run, cancer_detection, breast_cancer):
    call = f"predict_probability('{cancer_detection}', struct(*), {{}})"
    rows = run(f"SELECT {call.format('true')} AS yes, {call.format('false')} AS no FROM breast_cancer ORDER BY row")
    inputs = scaled(breast_cancer.drop(columns=["malignant", "row"]))
    expected = LogisticRegression(max_iter=500).fit(inputs, breast_cancer.malignant).predict_proba(inputs)
    np.testing.assert_allclose([(row.no, row.yes) for row in rows], expected, atol=1e-9)


def test_a_model_of_three_classes_learns_from_a_view(run, flower_types, iris):
    rows = run(f"SELECT target, predict('{flower_types}', struct(*)) AS prediction FROM iris_view")
    assert len(rows) == 100
    assert {row.prediction for row in rows} == {0, 1, 2}
    seen = [row.row for row in run("SELECT row FROM iris_view ORDER BY row")]
    inputs = scaled(iris.iloc[seen, :4])
    expected = LogisticRegression(max_iter=500).fit(inputs, iris.target[seen]).predict(inputs)
    got = run(f"SELECT predict('{flower_types}', struct(*)) AS p FROM iris_view ORDER BY row")
    assert [row.p for row in got] == expected.tolist()


def test_an_integer_label_needs_the_word_classification(refusal, iris):
    text = f"CREATE MODEL {PREFIX}none USING decision_tree OPTIONS (label = 'target') AS SELECT * FROM iris"
    assert "say task = 'classification' or task = 'regression'" in refusal(text)


def test_the_probabilities_of_all_classes_add_up_to_one(run, flower_types):
    rows = run(f"SELECT predict_detail('{flower_types}', struct(*)).probabilities AS p FROM iris_view LIMIT 10")
    assert all(sorted(row.p) == [0, 1, 2] for row in rows)
    assert [sum(row.p.values()) for row in rows] == pytest.approx([1] * 10)


def test_written_digits_are_told_apart_as_well_as_pgml_train_printed(run, digits, fresh):
    (row,) = run(
        f"CREATE MODEL {fresh} USING logistic OPTIONS (label = 'target', task = 'classification', time = 'row', split = 0, C = 0.5) "
        f"AS SELECT * FROM digits WHERE row < {N_DIGITS_TRAIN}"
    )
    assert row.n_train == N_DIGITS_TRAIN
    measured = run(f"EVALUATE MODEL {fresh} ON (SELECT * FROM digits WHERE row >= {N_DIGITS_TRAIN})")[0]
    train, test = digits[:N_DIGITS_TRAIN], digits[N_DIGITS_TRAIN:]
    scaler = StandardScaler().fit(train.iloc[:, :64])
    model = LogisticRegression(C=0.5, max_iter=500).fit(scaler.transform(train.iloc[:, :64]), train.target)
    assert measured.n_rows == N_DIGITS_TEST
    assert measured.accuracy == pytest.approx(
        accuracy_score(test.target, model.predict(scaler.transform(test.iloc[:, :64])))
    )
    first = run(f"SELECT target, predict('{fresh}', struct(*)) AS prediction FROM digits ORDER BY row LIMIT 10")
    assert [tuple(row) for row in first] == [(n, n) for n in range(10)]
    assert measured.accuracy == pytest.approx(0.9175947, abs=1e-7)  # 412 of 449, as printed


def test_three_labels_of_one_row_take_a_model_each(run, save):
    data = load_linnerud()
    frame = pd.DataFrame(data.data, columns=["chins", "situps", "jumps"])
    labels = pd.DataFrame(data.target, columns=["weight", "waist", "pulse"])
    save("linnerud", pd.concat([frame, labels], axis=1))
    for label in labels:
        run(
            f"CREATE MODEL {PREFIX}{label} USING ridge OPTIONS (label = '{label}', time = 'row', split = 0, alpha = 1) "
            f"AS SELECT chins, situps, jumps, {label}, row FROM linnerud"
        )
    calls = ", ".join(f"predict('{PREFIX}{label}', struct(*)) AS {label}" for label in labels)
    got = run(f"SELECT {calls} FROM linnerud ORDER BY row")
    expected = Ridge(alpha=1).fit(scaled(frame), labels).predict(scaled(frame))  # all three at once
    np.testing.assert_allclose([tuple(row) for row in got], expected, rtol=1e-9)


def test_texts_are_encoded_and_numbers_scaled_within_the_model(run, save, fresh):
    random = np.random.default_rng(0)
    cuts = {"Fair": 0, "Good": 1, "Ideal": 2}
    frame = pd.DataFrame(
        {"carat": random.uniform(0.2, 3, 300), "cut": random.choice(list(cuts), 300), "x": random.normal(size=300)}
    )
    frame["price"] = 4000 * frame.carat + 500 * frame.cut.map(cuts) - 100
    save("diamonds", frame)
    run(
        f"CREATE MODEL {fresh} USING ridge TRANSFORM (carat, CASE cut WHEN 'Fair' THEN 0 WHEN 'Good' THEN 1 ELSE 2 END AS cut, x) "
        "OPTIONS (label = 'price', split = 0, alpha = 1e-9) AS SELECT carat, cut, x, price FROM diamonds"
    )
    rows = run(f"SELECT price, predict('{fresh}', struct(carat, cut, x)) AS prediction FROM diamonds LIMIT 10")
    assert [row.prediction for row in rows] == [pytest.approx(row.price, rel=1e-7) for row in rows]


def test_a_prediction_orders_and_limits_like_any_column(run, project, diabetes):
    rows = run(
        f"SELECT row, predict('{DIABETES}', struct(*)) AS score FROM diabetes WHERE sex > 0 ORDER BY score LIMIT 25"
    )
    scores = [row.score for row in rows]
    assert len(scores) == 25
    assert scores == sorted(scores)
    everyone = run(f"SELECT predict('{DIABETES}', struct(*)) AS score FROM diabetes WHERE sex > 0")
    assert scores == sorted(row.score for row in everyone)[:25]


def test_the_r2_of_an_evaluation_is_scikit_learns(run, project, diabetes):
    n_seen = project[1].n_train + project[1].n_validation
    measured = run(f"EVALUATE MODEL {DIABETES}/1 ON (SELECT * FROM diabetes WHERE row >= {n_seen})")[0]
    predicted = run(f"SELECT predict('{DIABETES}/1', struct(*)) AS p FROM diabetes WHERE row >= {n_seen} ORDER BY row")
    assert measured.n_rows == project[1].n_test
    assert measured.r2 == pytest.approx(r2_score(diabetes.target[n_seen:], [row.p for row in predicted]))
    (kept,) = run(
        f"SELECT value FROM training_runs WHERE model = '{DIABETES}' AND version = 1 AND split = 'test' AND metric = 'r2'"
    )
    assert measured.r2 == pytest.approx(kept.value)


@pytest.mark.slow
def test_boosted_trees_of_25_rounds_tell_digits_apart_at_least_as_well_as_the_quick_start_printed(run, digits, fresh):
    run(
        f"CREATE MODEL {fresh} USING gradient_boosting OPTIONS (label = 'target', task = 'classification', time = 'row', split = 0, "
        f"max_iter = 25, learning_rate = 0.3, max_depth = 6, min_samples_leaf = 5) AS SELECT * FROM digits WHERE row < {N_DIGITS_TRAIN}"
    )
    measured = run(f"EVALUATE MODEL {fresh} ON (SELECT * FROM digits WHERE row >= {N_DIGITS_TRAIN})")[0]
    assert measured.n_rows == N_DIGITS_TEST
    assert measured.accuracy >= 0.8841871
