"""A grouped model against scikit-learn itself, fitted group by group by the test."""

import numpy as np
import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from models.errors import ModelContractError, UsageError
from models.families import build_model
from models.group_key import key_columns, keys_of
from models.protocol import ModelSpec
from models.xxhash64 import xxhash64

FEATURES = ("a", "b", "c")
GROUPS = np.array(["first", "second", "third", "few"])
N = 1_500
FOREST = {"n_estimators": 12, "max_depth": 5, "min_samples_leaf": 4, "max_samples": 0.5}
TREE = {"max_depth": 5, "min_samples_leaf": 4}
BOOSTING = {"learning_rate": 0.2, "max_iter": 15, "max_depth": 3, "min_samples_leaf": 9, "l2_regularization": 1.0}
REGRESSORS = {
    "ridge": ({"alpha": 3.0}, lambda: make_pipeline(StandardScaler(), Ridge(alpha=3.0, random_state=5))),
    "linear": ({}, lambda: make_pipeline(StandardScaler(), LinearRegression())),
    "decision_tree": (TREE, lambda: DecisionTreeRegressor(**TREE, random_state=5)),
    "random_forest": (FOREST, lambda: RandomForestRegressor(**FOREST, max_features=0.5, random_state=5)),
    "gradient_boosting": (
        BOOSTING,
        lambda: HistGradientBoostingRegressor(**BOOSTING, early_stopping=False, random_state=5),
    ),
}
CLASSIFIERS = {
    "logistic": (
        {"C": 0.5},
        lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=500, random_state=5)),
    ),
    "decision_tree": (TREE, lambda: DecisionTreeClassifier(**TREE, random_state=5)),
    "random_forest": (FOREST, lambda: RandomForestClassifier(**FOREST, max_features="sqrt", random_state=5)),
    "gradient_boosting": (
        BOOSTING,
        lambda: HistGradientBoostingClassifier(**BOOSTING, early_stopping=False, random_state=5),
    ),
}
LINEAR = {"ridge", "linear", "lasso", "logistic"}


@pytest.fixture(scope="module")
def rows():
    """Features, groups interleaved at random, and a label that each group makes of the features in its own way."""
    random = np.random.default_rng(3)
    features = random.normal(size=(N, 3)) * [1.0, 5.0, 0.1] + [0.0, 3.0, 1.0]
    place = random.choice(4, size=N, p=[0.4, 0.3, 0.28, 0.02])
    weights = np.array([[1, 0, 0], [0, 0.4, 3], [-1, 0.2, 0], [0, 0, 5.0]])
    labels = (features * weights[place]).sum(axis=1) + 0.3 * random.normal(size=N)
    return features, GROUPS[place], labels


def grouped(family, task="regression", seed=5, group_min_rows=50, **options):
    spec = ModelSpec("m", family, "y", task, options, seed=seed, group="symbol", group_min_rows=group_min_rows)
    return build_model(spec, FEATURES)


def with_groups(features, groups):
    return np.hstack([features, key_columns(groups)])


def in_classes(labels, classes):
    borders = np.quantile(labels, np.arange(1, len(classes)) / len(classes))
    return np.array(classes)[np.digitize(labels, borders)]


@pytest.mark.parametrize("family", REGRESSORS)
def test_each_group_is_answered_as_scikit_learn_fitted_on_it_alone(rows, family):
    features, groups, labels = rows
    options, expected = REGRESSORS[family]
    model = grouped(family, **options).fit(with_groups(features, groups), labels)
    answers = model.predict(with_groups(features, groups))
    for group in GROUPS[:3]:
        own = groups == group
        theirs = expected().fit(features[own], labels[own]).predict(features[own])
        if family in LINEAR:  # scikit-learn adds in another order
            np.testing.assert_allclose(answers[own], theirs, rtol=1e-11, atol=1e-12)
        else:
            assert answers[own].tolist() == theirs.tolist()


@pytest.mark.parametrize("family", CLASSIFIERS)
@pytest.mark.parametrize("classes", [["down", "up"], [-1, 0, 1], [False, True]], ids=["text", "integer", "truth"])
def test_each_group_is_classified_as_scikit_learn_fitted_on_it_alone(rows, family, classes):
    features, groups, labels = rows
    labels = in_classes(labels, classes)
    options, expected = CLASSIFIERS[family]
    model = grouped(family, "classification", **options).fit(with_groups(features, groups), labels)
    answers = model.predict(with_groups(features, groups))
    probability = model.predict_probability(with_groups(features, groups))
    assert model.classes.tolist() == classes
    for group in GROUPS[:3]:
        own = groups == group
        theirs = expected().fit(features[own], labels[own])
        assert answers[own].tolist() == theirs.predict(features[own]).tolist()
        if family in LINEAR:
            np.testing.assert_allclose(probability[own], theirs.predict_proba(features[own]), rtol=1e-10)
        else:
            assert probability[own].tolist() == theirs.predict_proba(features[own]).tolist()


def test_lasso_counts_its_penalty_in_deviations_of_the_group(rows):
    features, groups, labels = rows
    model = grouped("lasso", alpha=0.05).fit(with_groups(features, groups), labels)
    for group in GROUPS[:3]:
        own = groups == group
        scale = labels[own].std()
        theirs = make_pipeline(StandardScaler(), Lasso(alpha=0.05 * scale)).fit(features[own], labels[own])
        answers = model.predict(with_groups(features[own], groups[own]))
        np.testing.assert_allclose(answers, theirs.predict(features[own]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", ["ridge", "lasso", "random_forest", "gradient_boosting", "decision_tree"])
def test_a_child_is_the_family_fitted_on_its_rows_to_the_last_bit(rows, family):
    features, groups, labels = rows
    model = grouped(family).fit(with_groups(features, groups), labels)
    answers = model.predict(with_groups(features, groups))
    for group in GROUPS[:3]:
        own = groups == group
        alone = build_model(ModelSpec("m", family, "y", seed=5), FEATURES).fit(features[own], labels[own])
        assert answers[own].tolist() == alone.predict(features[own]).tolist()


@pytest.mark.parametrize("family", ["ridge", "random_forest", "gradient_boosting"])
def test_unknown_missing_and_small_groups_are_answered_by_the_model_of_all_rows(rows, family):
    features, groups, labels = rows
    model = grouped(family).fit(with_groups(features, groups), labels)
    pooled = build_model(ModelSpec("m", family, "y", seed=5), FEATURES).fit(features, labels)
    for other in ("never seen", None, "few"):
        assert model.predict(with_groups(features, [other] * N)).tolist() == pooled.predict(features).tolist()
    mixed = np.where(np.arange(N) % 2 == 0, "first", "never seen")
    expected = np.where(mixed == "first", model.predict(with_groups(features, ["first"] * N)), pooled.predict(features))
    assert model.predict(with_groups(features, mixed)).tolist() == expected.tolist()


def test_the_status_says_which_model_answers_and_why(rows):
    features, groups, labels = rows
    model = grouped("ridge").fit(with_groups(features, groups), labels)
    n_few = int((groups == "few").sum())
    assert {key: model.status[xxhash64(key.encode())] for key in GROUPS.tolist()} == {
        "first": "own",
        "second": "own",
        "third": "own",
        "few": f"{n_few} training rows, fewer than 50",
    }
    assert model.engine.keys.tolist() == sorted(xxhash64(group.encode()) for group in GROUPS[:3].tolist())


def test_the_least_number_of_rows_is_an_option(rows):
    features, groups, labels = rows
    n_few = int((groups == "few").sum())
    for least, status in ((n_few, "own"), (n_few + 1, f"{n_few} training rows, fewer than {n_few + 1}")):
        model = grouped("ridge", group_min_rows=least).fit(with_groups(features, groups), labels)
        assert model.status[xxhash64(b"few")] == status


def test_a_group_that_lacks_a_class_is_answered_by_the_model_of_all_rows(rows):
    features, groups, labels = rows
    classes = in_classes(labels, ["down", "flat", "up"])
    classes = np.where((groups == "second") & (classes == "flat"), "up", classes)
    model = grouped("logistic", "classification").fit(with_groups(features, groups), classes)
    assert model.status[xxhash64(b"second")] == "its training rows lack the class flat"
    pooled = build_model(ModelSpec("m", "logistic", "y", "classification", seed=5), FEATURES).fit(features, classes)
    of_second = with_groups(features, ["second"] * N)
    assert model.predict_probability(of_second).tolist() == pooled.predict_probability(features).tolist()


def test_a_group_that_scikit_learn_refuses_costs_the_others_nothing(rows):
    features, groups, labels = rows
    groups = np.where(groups == "few", "first", groups)
    counts = np.floor(np.abs(labels))
    groups[:2], counts[:2] = "none", 0.0  # of which poisson has no mean
    model = grouped("decision_tree", group_min_rows=2, criterion="poisson")
    model.fit(with_groups(features, groups), counts)
    assert model.status[xxhash64(b"none")].startswith("its fit failed: Sum of y is not positive")
    assert model.status[xxhash64(b"first")] == "own"


@pytest.mark.parametrize("family", ["ridge", "decision_tree"])
def test_one_group_and_no_group_with_enough_rows(rows, family):
    features, _, labels = rows
    alone = build_model(ModelSpec("m", family, "y", seed=5), FEATURES).fit(features, labels)
    one = grouped(family).fit(with_groups(features, ["only"] * N), labels)
    none = grouped(family, group_min_rows=N + 1).fit(with_groups(features, ["only"] * N), labels)
    for model, n_own in ((one, 1), (none, 0)):
        assert len(model.engine.keys) == n_own
        for group in ("only", "other", None):
            answers = model.predict(with_groups(features, [group] * N))
            assert answers.tolist() == alone.predict(features).tolist()


def test_a_group_does_not_depend_on_the_rows_of_others_between_its_own(rows):
    features, groups, labels = rows
    by_group = np.argsort(groups, kind="stable")
    X = with_groups(features, groups)
    model = grouped("random_forest", n_estimators=10).fit(X, labels)
    sorted_model = grouped("random_forest", n_estimators=10).fit(X[by_group], labels[by_group])
    own = np.isin(groups, GROUPS[:3])
    assert model.predict(X[own]).tolist() == sorted_model.predict(X[own]).tolist()


def test_a_row_gets_the_same_number_whatever_rows_come_with_it(rows):
    features, groups, labels = rows
    X = with_groups(features, groups)
    for family in ("ridge", "gradient_boosting"):
        model = grouped(family).fit(X, labels)
        assert [model.predict(X[[i]])[0] for i in range(40)] == model.predict(X)[:40].tolist()


def test_boosting_of_a_group_stops_early_on_its_own_validation_rows(rows):
    features, groups, labels = rows
    fitted, later = np.arange(N) < 1_000, np.arange(N) >= 1_000
    noisy = np.where(groups == "second", np.random.default_rng(0).normal(size=N), labels)  # nothing to learn there
    X = with_groups(features, groups)
    options = {"learning_rate": 0.5, "max_iter": 60, "min_samples_leaf": 9}
    later &= groups != "third"
    model = grouped("gradient_boosting", **options).fit(X[fitted], noisy[fitted], (X[later], noisy[later]))
    n_trees = np.diff(model.engine.children.arrays["first_tree"])
    at = {group: model.engine.keys.tolist().index(xxhash64(group.encode())) for group in GROUPS[:3].tolist()}
    for group in ("first", "second"):
        own = groups == group
        theirs = HistGradientBoostingRegressor(
            max_depth=3, l2_regularization=10.0, early_stopping=True, random_state=5, **options
        ).fit(features[fitted & own], noisy[fitted & own], X_val=features[later & own], y_val=noisy[later & own])
        assert n_trees[at[group]] == theirs.n_iter_
        assert model.predict(X[own]).tolist() == theirs.predict(features[own]).tolist()
    assert n_trees[at["third"]] == 60  # without validation rows nothing tells when to stop
    assert n_trees[at["second"]] < 60


def test_a_quantile_is_predicted_by_group(rows):
    features, groups, labels = rows
    options = {"loss": "quantile", "quantile": 0.9, "max_iter": 20, "min_samples_leaf": 9}
    model = grouped("gradient_boosting", **options).fit(with_groups(features, groups), labels)
    own = groups == "first"
    theirs = HistGradientBoostingRegressor(
        **options, learning_rate=0.05, max_depth=3, l2_regularization=10.0, early_stopping=False, random_state=5
    ).fit(features[own], labels[own])
    assert model.predict(with_groups(features[own], groups[own])).tolist() == theirs.predict(features[own]).tolist()


def test_trees_that_grow_best_first_are_kept_too(rows):
    features, groups, labels = rows
    model = grouped("decision_tree", max_leaf_nodes=7, max_depth=None, min_samples_leaf=2)
    model.fit(with_groups(features, groups), labels)
    own = groups == "first"
    theirs = DecisionTreeRegressor(max_leaf_nodes=7, min_samples_leaf=2, random_state=5).fit(features[own], labels[own])
    assert model.predict(with_groups(features[own], groups[own])).tolist() == theirs.predict(features[own]).tolist()


def test_trees_that_split_by_categories_are_refused(rows):
    _, groups, labels = rows
    features = np.floor(np.random.default_rng(8).uniform(0, 5, size=(N, 3)))
    model = grouped("gradient_boosting", categorical_features=[0], max_iter=2, min_samples_leaf=9)
    with pytest.raises(ModelContractError, match="split by categories cannot be kept by group; train without the opt"):
        model.fit(with_groups(features, groups), labels + features[:, 0])


@pytest.mark.parametrize("family", ["decision_tree", "random_forest", "gradient_boosting"])
def test_a_row_on_a_threshold_and_one_just_beside_it_go_where_scikit_learn_sends_them(rows, family):
    _, groups, labels = rows
    features = np.random.default_rng(8).integers(0, 6, size=(N, 3)).astype(np.float64)  # so that thresholds are halves
    options, expected = REGRESSORS[family]
    model = grouped(family, **options).fit(with_groups(features, groups), labels + features.sum(axis=1))
    asked = np.concatenate([features + 0.5, features + 0.5 + 1e-12, features + 0.5 - 1e-12])
    for group in GROUPS[:3]:
        own = groups == group
        theirs = expected().fit(features[own], (labels + features.sum(axis=1))[own])
        answers = model.predict(with_groups(asked, [group] * len(asked)))
        assert answers.tolist() == theirs.predict(asked).tolist()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            ModelSpec("m", "mlp", "y", group="symbol"),
            "mlp cannot be trained by group; choose one of ridge, linear, lasso, logistic, decision_tree, random_forest, "
            "gradient_boosting, or leave group out",
        ),
        (ModelSpec("m", "lstm", "y", sequence_length=5, group="symbol"), "lstm cannot be trained by group"),
        (ModelSpec("m", "ridge", "y", group="symbol", group_min_rows=1), "group_min_rows is a whole number from 2 on"),
    ],
)
def test_what_cannot_be_grouped_is_refused(spec, message):
    with pytest.raises(UsageError, match=message):
        build_model(spec, FEATURES)


def test_the_text_of_a_spec_without_a_group_is_as_before():
    spec = ModelSpec("m", "ridge", "y")
    assert "group" not in repr(spec)
    assert spec.text == repr(spec)
    assert ModelSpec("m", "ridge", "y", group="symbol").text == f"{spec} by symbol from 50 rows"


def test_keys_are_told_apart_by_their_upper_and_their_lower_half():
    columns = np.array([[1.0, 2.0], [2.0, 1.0], [4294967295.0, 4294967295.0]])
    assert keys_of(columns).tolist() == [2**32 + 2, 2 * 2**32 + 1, 2**64 - 1]
