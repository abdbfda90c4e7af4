"""Models in the suite's registry for the tests of the SQL functions."""

import numpy as np
import pytest

from models.families import build_model
from models.protocol import ModelSpec
from models.registry import CHAMPION, Registry
from udfs.register import register_functions


@pytest.fixture(scope="session")
def registry(home):
    return Registry.in_home(home)


@pytest.fixture(scope="session")
def sql(spark, registry, home):
    """Session with predict registered; the rows of a query as tuples."""
    register_functions(spark, home)

    def rows(text, **parameters):
        return [tuple(row) for row in spark.sql(text, args=parameters or None).collect()]

    return rows


@pytest.fixture(scope="session")
def register(registry):
    """Fit and register a model on made-up rows; returns the fitted model, its version and the rows."""

    def fit(
        name, family="ridge", task="regression", classes=None, sequence_length=1, features=("a", "b"), seed=0, **options
    ):
        random = np.random.default_rng(seed)
        shape = (400, len(features)) if sequence_length == 1 else (400, sequence_length, len(features))
        inputs = random.normal(size=shape)
        flat = inputs if sequence_length == 1 else inputs[:, -1]
        signal = flat @ np.arange(1, len(features) + 1) + random.normal(size=400) * 0.1
        labels = (
            signal
            if classes is None
            else np.asarray(classes)[np.digitize(signal, [0] if len(classes) == 2 else [-1, 1])]
        )
        spec = ModelSpec(name, family, "y", task, options, sequence_length, seed, horizon_seconds=300)
        model = build_model(spec, features).fit(inputs, labels)
        version = registry.register(spec, model, {"test": {"mse": 0.1}}, {}, {}, training_key=f"{name}{seed}{options}")
        registry.set_alias(name, CHAMPION, version.version)
        return model, version, inputs

    return fit
