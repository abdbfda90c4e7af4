"""Measure the configured models on held-out time, beside the naive baselines, with an interval of the difference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.example_reader import ExampleReader
from jobs.model_training import measure
from jobs.train import split
from jobs.training_set import TrainingSet
from models.artifact import load_scorer
from models.baselines import last_value, zero_change
from models.bootstrap import mean_interval, squared_error_difference
from models.diebold_mariano import diebold_mariano
from models.errors import ModelContractError
from models.metrics import regression_metrics
from models.registry import CHAMPION

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.app import App

BLOCKS_OF_HORIZONS = 5  # labels of neighbouring rows overlap for one horizon; blocks keep that and slower dependence


def evaluate_models(app: App, spark: SparkSession) -> list[dict[str, Any]]:
    """One row for each regression model of the configuration (its champion) and for each baseline, on held-out time.

    ``mse_difference`` is the mean squared error minus that of zero change: below zero the row is better. Its 95 %
    interval is a stationary block bootstrap over instants, the symbols of an instant averaged; ``dm_p_value`` is that
    of the test of Diebold and Mariano, NULL for zero change itself.

    Raises:
        ModelContractError: a model was not trained yet.
    """
    reader = ExampleReader(spark, app.config)
    rows: list[dict[str, Any]] = []
    for settings in app.config.models:
        if app.config.task(settings.label) != "regression":
            continue
        examples = reader.examples(settings)
        test = split(app.config, settings, examples).test
        model = app.registry.resolve(settings.name)
        if model.feature_names != examples.feature_names:
            raise ModelContractError(f"{model.name}/{model.version} was trained on other features: run foretable train")
        predicted = load_scorer(model.folder, model.digest).predict(examples.inputs[test])
        steps = max(1, app.config.horizon_seconds(settings.label) // app.config.model_bar_seconds)
        if not rows:
            rows = [_row("zero change", None, zero_change(len(test)), examples, test, steps)]
            rows.append(_row("last value", None, last_value(examples.last_value[test]), examples, test, steps))
        rows.append(_row(model.name, model.version, predicted, examples, test, steps))
    return rows


def evaluate_classifiers(app: App, spark: SparkSession) -> list[dict[str, Any]]:
    """One row for each classifier of the configuration (its champion) on held-out time."""
    reader = ExampleReader(spark, app.config)
    rows = []
    for settings in app.config.models:
        if app.config.task(settings.label) == "classification":
            examples = reader.examples(settings)
            test = split(app.config, settings, examples).test
            model = app.registry.resolve(settings.name)
            metrics = measure(load_scorer(model.folder, model.digest), examples.inputs[test], examples.labels[test])
            rows.append({"model": model.name, "version": model.version, "n": len(test), **metrics})
    return rows


def registered_models(app: App) -> list[dict[str, Any]]:
    """Every version of the configured models; ``is_champion`` marks the one that answers ``predict(features)``."""
    registry = app.registry
    names = set(registry.list_models()) & {model.name for model in app.config.models}
    default = registry.default_model()
    return [
        {
            "model": version.name,
            "version": version.version,
            "family": version.family,
            "digest": version.digest,
            "parameters": json.dumps(version.options),
            "data_versions": json.dumps(version.data_versions),
            "is_champion": version.name == default and CHAMPION in version.aliases,
        }
        for name in sorted(names)
        for version in registry.list_versions(name)
    ]


def difference_to_zero_change(
    known_from: NDArray[np.int64], actual: NDArray[np.float64], predicted: NDArray[np.float64], horizon_steps: int
) -> dict[str, float | None]:
    """Mean squared error minus that of zero change, with a 95 % interval and a test; an instant's rows count as one."""
    gain = squared_error_difference(actual, predicted, zero_change(len(actual)))
    by_instant = pd.Series(gain).groupby(known_from).mean().to_numpy()
    n_dependent = BLOCKS_OF_HORIZONS * horizon_steps
    interval = mean_interval(by_instant, min(n_dependent, len(by_instant)))
    test = diebold_mariano(by_instant, horizon_steps, n_dependent)
    # 0.0 - x, for -0.0 would be printed as such
    return {
        "mse_difference": 0.0 - interval.mean,
        "difference_lower": 0.0 - interval.upper,
        "difference_upper": 0.0 - interval.lower,
        "dm_p_value": None if np.isnan(test.p_value) else test.p_value,
    }


def _row(
    name: str,
    version: int | None,
    predicted: NDArray[np.float64],
    examples: TrainingSet,
    test: NDArray[np.int64],
    horizon_steps: int,
) -> dict[str, Any]:
    actual = examples.labels[test]
    metrics = regression_metrics(actual, predicted)
    difference = difference_to_zero_change(examples.known_from()[test], actual, predicted, horizon_steps)
    return {"model": name, "version": version, "n": len(test), **metrics, **difference}
