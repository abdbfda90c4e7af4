"""A stored grouped model: the same answers, intervals and explanations after a load; what was changed is refused."""

import io
import json

import numpy as np
import pytest

from models import grouped_engine
from models.artifact import load_copied_scorer, load_scorer, read_groups, save_artifact
from models.errors import ModelContractError
from models.families import build_model
from models.group_key import key_columns
from models.group_results import FILE_NAME as RESULTS
from models.group_results import count_groups, group_results
from models.protocol import ModelSpec
from models.sql_expression import read_sql_expression
from models.training_profile import profile_training
from models.xxhash64 import xxhash64

FEATURES = ("a", "b")
N = 900
FAMILIES = ["ridge", "decision_tree", "random_forest", "gradient_boosting"]
SMALL = {"random_forest": {"n_estimators": 5}, "gradient_boosting": {"max_iter": 5, "min_samples_leaf": 20}}


@pytest.fixture(scope="module")
def rows():
    """Two groups of many rows, one of few, and rows without a group; each label is a line of its own."""
    random = np.random.default_rng(1)
    features = random.normal(size=(N, 2))
    groups = random.choice(["up", "down", "few", None], size=N, p=[0.45, 0.45, 0.02, 0.08])
    slope = np.select([groups == "up", groups == "down"], [2.0, -2.0], 0.0)
    return features, groups, slope * features[:, 0] + random.normal(size=N) * np.where(groups == "up", 1.0, 0.1)


@pytest.fixture(scope="module")
def store(tmp_path_factory, rows):
    """Fit on two thirds, store with a profile calibrated on the last third; the model, folder, digest and scorer."""

    def fit_and_store(family, classes=None, null_policy="null"):
        features, groups, labels = rows
        X, y, task = np.hstack([features, key_columns(groups)]), labels, "regression"
        if classes is not None:
            y, task = np.array(classes)[np.digitize(y, np.linspace(-0.3, 0.3, len(classes) - 1))], "classification"
        spec = ModelSpec(
            "m", family, "y", task, SMALL.get(family, {}), group="symbol", group_min_rows=40, null_policy=null_policy
        )
        model = build_model(spec, FEATURES).fit(X[:600], y[:600])
        profile = profile_training(model, X[:600], y[:600], (X[600:], y[600:]))
        names = {xxhash64(name.encode()): name for name in ("up", "down", "few")}
        parts = {"train": (X[:600], y[:600]), "validation": (X[600:750], y[600:750]), "test": (X[750:], y[750:])}
        results = group_results(model, names, parts, profile)
        folder = tmp_path_factory.mktemp(family) / "model"
        digest = save_artifact(model, folder, profile, X[:600], results)
        return model, folder, digest, load_scorer(folder, digest)

    return fit_and_store


def with_groups(features, groups):
    return np.hstack([features, key_columns(groups)])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_loaded_model_answers_as_the_fitted_one(store, rows, family):
    model, _, _, scorer = store(family)
    X = with_groups(*rows[:2])
    assert scorer.manifest.group == "symbol"
    assert scorer.predict(X).tolist() == model.predict(X).tolist()
    assert scorer.predict(X[:0]).tolist() == []


@pytest.mark.parametrize("family", ["logistic", *FAMILIES[1:]])
@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2, 3]])
def test_a_loaded_classifier_answers_as_the_fitted_one(store, rows, family, classes):
    model, _, _, scorer = store(family, classes)
    X = with_groups(*rows[:2])
    assert scorer.predict(X).tolist() == model.predict(X).tolist()
    assert scorer.predict_probability(X).tolist() == model.predict_probability(X).tolist()


def test_the_same_training_stores_the_same_groups(store):
    first, again = ((store("random_forest")[1] / grouped_engine.FILE_NAME).read_bytes() for _ in range(2))
    assert first == again


def test_a_group_has_an_interval_of_its_own_where_enough_rows_calibrate_it(store, rows):
    features, groups, labels = rows
    model, _, _, scorer = store("ridge")
    for group in ("up", "down"):
        later = np.flatnonzero(groups == group)[np.flatnonzero(groups == group) >= 600]
        X = with_groups(features[later], groups[later])
        errors = np.sort(np.abs(labels[later] - model.predict(X)))
        width = errors[int(np.ceil(0.9 * (len(later) + 1))) - 1]
        lower, upper = scorer.interval(np.zeros(len(X)), X)
        assert (set(lower.tolist()), set(upper.tolist())) == ({-width}, {width})
    pooled = scorer.profile.half_width
    lower, upper = scorer.interval(np.zeros(3), with_groups(np.zeros((3, 2)), ["few", None, "never seen"]))
    assert (lower.tolist(), upper.tolist()) == ([-pooled] * 3, [pooled] * 3)


def test_the_results_tell_rows_and_errors_of_each_group(store, rows):
    features, groups, labels = rows
    model, folder, digest, _ = store("ridge")
    results = {result.group_name: result for result in read_groups(folder, digest)}
    assert list(results) == ["down", "few", "up"]
    assert [results[name].status.partition(" ")[2] for name in results] == ["", "training rows, fewer than 40", ""]
    for name, result in results.items():
        own = np.flatnonzero(groups == name)
        test = own[own >= 750]
        assert (result.n_train, result.n_test) == ((own < 600).sum(), len(test))
        errors = labels[test] - model.predict(with_groups(features[test], groups[test]))
        pooled = labels[test] - model.parent.predict(features[test])
        assert result.test_error == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-12)
        assert result.pooled_test_error == pytest.approx(np.sqrt(np.mean(pooled**2)), rel=1e-12)
    assert results["down"].test_error < results["down"].pooled_test_error / 3
    assert results["few"].test_error == results["few"].pooled_test_error
    assert results["few"].half_width is None
    assert results["up"].half_width > results["down"].half_width
    assert count_groups(list(results.values())) == {"own": 2, "pooled": 1}


def test_the_error_of_a_classifier_is_its_log_loss(store, rows):
    features, groups, labels = rows
    model, folder, digest, _ = store("logistic", ["no", "yes"])
    result = next(result for result in read_groups(folder, digest) if result.group_name == "up")
    later = np.flatnonzero(groups == "up")
    later = later[(later >= 600) & (later < 750)]
    given = model.predict_probability(with_groups(features[later], groups[later]))
    chosen = given[np.arange(len(later)), (labels[later] >= -0.3).astype(int)]
    assert result.metric == "log_loss"
    assert result.validation_error == pytest.approx(-np.log(chosen).mean(), rel=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_is_explained_by_the_model_of_its_group(store, rows, family):
    features, groups, labels = rows
    _, _, _, scorer = store(family)
    own = np.flatnonzero(groups == "up")
    fitted = own[own < 600]
    spec = ModelSpec("m", family, "y", options=SMALL.get(family, {}))
    alone = build_model(spec, FEATURES).fit(features[fitted], labels[fitted])
    expected = explained_alone(alone, features[own])
    found = scorer.explain(with_groups(features[own], groups[own]))
    np.testing.assert_allclose(found.attributions, expected.attributions, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.baseline, expected.baseline, rtol=1e-9, atol=1e-12)
    X = with_groups(features, groups)
    every = scorer.explain(X)
    np.testing.assert_allclose(every.baseline + every.attributions.sum(axis=1), scorer.predict(X), atol=1e-9)


@pytest.mark.parametrize("family", ["logistic", "random_forest", "gradient_boosting"])
@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2, 3]])
def test_a_class_is_explained_by_the_model_of_its_group(store, rows, family, classes):
    features, groups, labels = rows
    _, _, _, scorer = store(family, classes)
    own = np.flatnonzero(groups == "down")
    fitted = own[own < 600]
    y = np.array(classes)[np.digitize(labels, np.linspace(-0.3, 0.3, len(classes) - 1))]
    spec = ModelSpec("m", family, "y", "classification", options=SMALL.get(family, {}))
    expected = explained_alone(build_model(spec, FEATURES).fit(features[fitted], y[fitted]), features[own])
    found = scorer.explain(with_groups(features[own], groups[own]))
    np.testing.assert_allclose(found.attributions, expected.attributions, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.explained, expected.explained, rtol=1e-9, atol=1e-12)


def explained_alone(model, features):
    """What the explainer of an ordinary model says, which is tested against Shapley's definition elsewhere."""
    from models.format_skops import SkopsEngine
    from models.manifest import Manifest
    from models.scorer import Scorer

    return Scorer(Manifest.of(model), "", SkopsEngine(model.estimator)).explain(features)


def test_a_missing_feature_is_imputed_and_a_missing_group_is_not(store):
    _, _, _, scorer = store("ridge", null_policy="impute")
    X = with_groups(np.array([[np.nan, 1.0]]), [None])
    imputed = scorer.impute(X)
    assert imputed[0].tolist() == [scorer.profile.median[0], 1.0, -1.0, -1.0]
    without = np.array([[np.nan, 1.0, np.nan, np.nan]])
    assert np.isnan(scorer.impute(without)[0]).tolist() == [False, False, True, True]


def test_how_unlike_a_row_is_depends_on_its_features_alone(store, rows):
    _, _, _, scorer = store("ridge")
    found = scorer.unlikeness(with_groups(rows[0], rows[1]))
    assert found.tolist() == scorer.profile.distance.unlikeness(rows[0]).tolist()


def test_a_grouped_model_is_no_sql_expression(store):
    _, folder, digest, _ = store("ridge")
    assert read_sql_expression(folder, digest) is None


def test_input_without_a_key_is_refused(store):
    with pytest.raises(ModelContractError, match=r"shape \(rows, 4\), got \(1, 2\); pass the features a, b .* symbol"):
        store("ridge")[3].predict(np.zeros((1, 2)))


def test_changed_groups_are_refused_by_the_digest(store):
    _, folder, digest, _ = store("decision_tree")
    for name in (grouped_engine.FILE_NAME, RESULTS):
        file = folder / name
        content = file.read_bytes()
        file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
        with pytest.raises(ModelContractError, match="was changed after it was registered"):
            load_scorer(folder, digest)
        file.write_bytes(content)
    load_scorer(folder, digest)


def damaged(folder, **changes):
    """Write groups.npz with other arrays; the value of a change is a function of the array."""
    file = folder / grouped_engine.FILE_NAME
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    content = io.BytesIO()
    np.savez(content, **{**arrays, **{name: change(arrays[name]) for name, change in changes.items()}})
    file.write_bytes(content.getvalue())


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("decision_tree", {"left": lambda left: np.where(left > 0, 0, left)}),  # a walk without an end
        (
            "decision_tree",
            {"left": lambda left: np.array([1_000_000, *left[1:]])},
        ),  # of a root: a node that is not there
        ("decision_tree", {"left": lambda left: np.array([*left[:-1], 1_000_000])}),  # of a leaf: a value
        ("decision_tree", {"feature": lambda feature: feature + 2}),
        ("decision_tree", {"root": lambda root: root + 1_000_000}),
        ("decision_tree", {"first_tree": lambda first: first[:-1]}),
        ("decision_tree", {"keys": lambda keys: keys[::-1]}),
        ("ridge", {"coefficient": lambda coefficient: coefficient[:, :1]}),
        ("ridge", {"keys": lambda keys: keys[:1]}),
    ],
)
def test_groups_that_do_not_fit_the_model_are_refused(store, family, changes):
    _, folder, _, _ = store(family)
    damaged(folder, **changes)
    with pytest.raises(ModelContractError, match=r"groups.npz does not fit the model beside it; train the model again"):
        load_copied_scorer(folder)


def test_pickled_groups_are_not_read(store):
    _, folder, _, _ = store("ridge")
    damaged(folder, mean=lambda mean: mean.astype(object))
    with pytest.raises(ModelContractError, match=r"groups.npz cannot be read; train the model again"):
        load_copied_scorer(folder)


def test_a_folder_without_its_groups_is_refused(store):
    _, folder, _, _ = store("ridge")
    (folder / grouped_engine.FILE_NAME).unlink()
    with pytest.raises(ModelContractError, match=r"The model of y lacks groups.npz; train the model again"):
        load_copied_scorer(folder)


def test_a_manifest_of_a_time_without_groups_is_read(store):
    from models.manifest import Manifest

    text = json.loads(store("ridge")[3].manifest.to_json())
    del text["group"]
    assert Manifest.from_json(json.dumps(text)).group is None
