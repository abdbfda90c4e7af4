"""Fitted models stored in an artifact folder and read back, as SQL sees them."""

import itertools

import numpy as np
import pytest

from models.artifact import load_scorer, save_artifact
from models.families import build_model
from models.protocol import ModelSpec
from models.training_profile import profile_training


@pytest.fixture(scope="session")
def rows():
    """Rows of four features: a line, a step, an interaction and noise decide about the label."""
    random = np.random.default_rng(7)
    X = random.normal(size=(1200, 4))
    y = X[:, 0] + 2.0 * (X[:, 1] > 0.3) + X[:, 0] * X[:, 2] + random.normal(size=1200)
    return X, y


@pytest.fixture(scope="session")
def store(tmp_path_factory, rows):
    """Fit a family on ``rows``, store it with a profile and return the model and its scorer."""

    def fit_and_store(family, classes=None, features=("a", "b", "c", "d"), null_policy="null", X=None, **options):
        X = rows[0] if X is None else X
        y, task = rows[1], "regression"
        if classes is not None:
            borders = np.quantile(y, np.arange(1, len(classes)) / len(classes))
            y, task = np.asarray(classes)[np.digitize(y, borders)], "classification"
        spec = ModelSpec("m", family, "y", task, options, seed=1, null_policy=null_policy)
        model = build_model(spec, features).fit(X, y)
        folder = tmp_path_factory.mktemp(family) / "model"
        return model, load_scorer(folder, save_artifact(model, folder, profile_training(model, X, y, (X, y))))

    return fit_and_store


@pytest.fixture(scope="session")
def shapley_values():
    """Shapley values from their definition: ``value`` is asked for every set of known features."""

    def enumerate_sets(value, n_features):
        features = range(n_features)
        sets = [frozenset(s) for size in range(n_features + 1) for s in itertools.combinations(features, size)]
        worth = {known: value(known) for known in sets}
        orders = list(itertools.permutations(features))
        shares = np.zeros(n_features)
        for order in orders:
            for place, feature in enumerate(order):
                before = frozenset(order[:place])
                shares[feature] += worth[before | {feature}] - worth[before]
        return shares / len(orders)

    return enumerate_sets
