"""Against Shapley's definition, with the expectation of a tree computed by walking down scikit-learn's own nodes."""

import itertools
import math

import numpy as np
import pytest

from models.compiled import kernel
from models.errors import ModelContractError
from models.families import build_model
from models.protocol import ModelSpec
from models.tree_leaves import TreeLeaves, leaves_of_boosting
from models.tree_shap import leaf_attributions

FEW = {"n_estimators": 5, "max_depth": 5, "min_samples_leaf": 10}
DEEP = {"max_iter": 6, "max_depth": None, "min_samples_leaf": 10}
FAMILIES = [("decision_tree", {"max_depth": 6, "min_samples_leaf": 5}), ("random_forest", FEW)]
BOOSTING = ("gradient_boosting", DEEP)


def expected_of_tree(tree, x, known, output, node=0):
    """Expectation of a scikit-learn tree where only some features are known."""
    if tree.children_left[node] == -1:
        return tree.value[node, 0, output]
    children = (tree.children_left[node], tree.children_right[node])
    feature = tree.feature[node]
    if feature in known:
        side = 0 if np.float32(x[feature]) <= tree.threshold[node] else 1
        return expected_of_tree(tree, x, known, output, children[side])
    covers = [tree.weighted_n_node_samples[child] for child in children]
    parts = [expected_of_tree(tree, x, known, output, child) for child in children]
    return np.dot(covers, parts) / sum(covers)


def expected_of_boosted(nodes, x, known, node=0):
    """The same for a tree of histogram gradient boosting."""
    at = nodes[node]
    if at["is_leaf"]:
        return at["value"]
    if at["feature_idx"] in known:
        return expected_of_boosted(
            nodes, x, known, at["left"] if x[at["feature_idx"]] <= at["num_threshold"] else at["right"]
        )
    covers = [nodes[side]["count"] for side in (at["left"], at["right"])]
    parts = [expected_of_boosted(nodes, x, known, side) for side in (at["left"], at["right"])]
    return np.dot(covers, parts) / sum(covers)


def expectation(model, x, known):
    """Explained value of a model for a row of which only some features are known."""
    estimator = model.estimator
    if model.spec.family == "gradient_boosting":
        raw = estimator._baseline_prediction.ravel().copy()
        for iteration in estimator._predictors:
            raw += [expected_of_boosted(predictor.nodes, x, known) for predictor in iteration]
        if model.classes is None:
            return raw[0]
        predicted = model.predict_probability(x[None, :])[0].argmax()
        return (raw[0] if predicted == 1 else -raw[0]) if len(raw) == 1 else raw[predicted]
    output = 0 if model.classes is None else model.predict_probability(x[None, :])[0].argmax()
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    return np.mean([expected_of_tree(tree, x, known, output) for tree in trees])


@pytest.mark.parametrize(("family", "options"), [*FAMILIES, BOOSTING])
@pytest.mark.parametrize("classes", [None, ["down", "up"], [1, 2, 3]], ids=["number", "two classes", "three classes"])
def test_attributions_are_the_shapley_values_of_the_path_dependent_expectation(
    store, rows, shapley_values, family, options, classes
):
    model, scorer = store(family, classes, **options)
    some = rows[0][:6]
    explanation = scorer.explain(some)
    for row, attributions, baseline, explained in zip(
        some, explanation.attributions, explanation.baseline, explanation.explained, strict=True
    ):
        expected = shapley_values(lambda known, row=row: expectation(model, row, known), 4)
        np.testing.assert_allclose(attributions, expected, rtol=0, atol=1e-12)
        assert baseline == pytest.approx(expectation(model, row, set()), abs=1e-12)
        assert explained == pytest.approx(expectation(model, row, {0, 1, 2, 3}), abs=1e-12)


@pytest.mark.parametrize(("family", "options"), [*FAMILIES, BOOSTING])
@pytest.mark.parametrize("classes", [None, ["down", "up"]], ids=["number", "two classes"])
def test_attributions_and_baseline_add_up_to_what_the_model_says(store, rows, family, options, classes):
    _, scorer = store(family, classes, **options)
    explanation = scorer.explain(rows[0])
    sums = explanation.attributions.sum(axis=1) + explanation.baseline
    np.testing.assert_allclose(sums, explanation.explained, rtol=0, atol=1e-9)
    if classes is None:
        assert explanation.explained.tolist() == scorer.predict(rows[0]).tolist()
        assert len(set(explanation.baseline)) == 1
    elif family == "gradient_boosting":
        probability = scorer.predict_probability(rows[0]).max(axis=1)
        np.testing.assert_allclose(explanation.explained, np.log(probability / (1 - probability)), atol=1e-9)
    else:
        assert explanation.explained.tolist() == scorer.predict_probability(rows[0]).max(axis=1).tolist()


@pytest.mark.parametrize(("family", "options"), [*FAMILIES, BOOSTING])
def test_a_row_on_a_threshold_takes_the_side_that_the_model_takes(store, rows, family, options):
    model, scorer = store(family, **options)
    if family == "gradient_boosting":
        nodes = model.estimator._predictors[0][0].nodes
        feature, threshold = int(nodes[0]["feature_idx"]), nodes[0]["num_threshold"]
    else:
        tree = getattr(model.estimator, "estimators_", [model.estimator])[0].tree_
        feature, threshold = int(tree.feature[0]), tree.threshold[0]
    # The neighbours in double precision round to one single: a forest sees them as equal, boosting does not.
    near = [np.nextafter(threshold, -9), threshold, np.nextafter(threshold, 9), np.nextafter(np.float32(threshold), 9)]
    some = np.repeat(rows[0][:50], len(near), axis=0)
    some[:, feature] = np.tile(near, 50)
    explanation = scorer.explain(some)
    sums = explanation.attributions.sum(axis=1) + explanation.baseline
    np.testing.assert_allclose(sums, scorer.predict(some), rtol=0, atol=1e-12)


def test_a_feature_that_no_split_uses_gets_nothing(store, rows):
    with_constant = rows[0].copy()
    with_constant[:, 3] = 0.0
    _, scorer = store("random_forest", X=with_constant, **FEW)
    assert (scorer.explain(with_constant).attributions[:, 3] == 0).all()


def test_a_row_gets_the_same_attributions_whatever_rows_come_with_it(store, rows):
    _, scorer = store("random_forest", **FEW)
    whole = scorer.explain(rows[0][:60]).attributions
    for n_rows in (1, 7):
        parts = [scorer.explain(rows[0][start : start + n_rows]).attributions for start in range(0, 56, n_rows)]
        assert np.concatenate(parts)[:56].tolist() == whole[:56].tolist()


@pytest.mark.parametrize("n_conditions", [1, 2, 11, 13, 14])
def test_a_leaf_under_many_conditions_is_shared_out_by_the_definition(n_conditions):
    random = np.random.default_rng(n_conditions)
    share, value = random.uniform(0.01, 1, size=n_conditions), 3.0
    leaf = TreeLeaves(
        np.array([0, n_conditions]),
        np.arange(n_conditions),
        np.zeros(n_conditions),
        np.full(n_conditions, np.inf),
        share,
        np.array([[value]]),
        np.array([value * share.prod()]),
    )
    rows = np.where(random.random((5, n_conditions)) < 0.8, 1.0, -1.0)
    rows[:3] = 1.0
    rows[1, -1] = rows[2, 0] = -1.0  # rows that differ in one condition only
    found = leaf_attributions(rows, np.zeros(5, dtype=np.int64), leaf)
    for row, attributions in zip(rows, found, strict=True):
        np.testing.assert_allclose(attributions, shapley_of_product(row > 0, share, value), rtol=1e-9, atol=1e-13)


def shapley_of_product(meets, share, value):
    """Sum over all sets of the others of weight times marginal contribution, for a product of independent factors."""
    n = len(share)
    sets = np.array(list(itertools.product([False, True], repeat=n - 1)), dtype=bool).reshape(2 ** (n - 1), n - 1)
    size = sets.sum(axis=1)
    weight = np.array([math.factorial(k) * math.factorial(n - 1 - k) / math.factorial(n) for k in range(n)])[size]
    shares = []
    for feature in range(n):
        others = np.delete(np.arange(n), feature)
        worth = np.where(sets, meets[others], share[others]).prod(axis=1)
        shares.append(value * (meets[feature] - share[feature]) * (weight * worth).sum())
    return shares


def test_a_tree_without_a_split_is_all_baseline(store, rows):
    _, scorer = store("decision_tree", min_samples_leaf=1000)
    explanation = scorer.explain(rows[0][:2])
    assert explanation.attributions.tolist() == [[0.0] * 4] * 2
    assert explanation.baseline.tolist() == scorer.predict(rows[0][:2]).tolist()


def test_a_kernel_of_which_the_code_cannot_be_kept_on_disk_is_compiled_all_the_same():
    without_a_file = eval("lambda x: x + 1")
    assert kernel(without_a_file)(1) == 2


def test_trees_that_split_by_categories_are_refused(rows):
    categories = np.floor(rows[0][:, :1] * 2) + 10
    spec = ModelSpec("m", "gradient_boosting", "y", options={"categorical_features": [0], "max_iter": 2})
    model = build_model(spec, ("a",)).fit(categories, rows[1])
    with pytest.raises(ModelContractError, match="split by categories cannot be explained; train without"):
        leaves_of_boosting(model.estimator)
