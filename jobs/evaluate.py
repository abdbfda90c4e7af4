"""Measure the configured models on held-out time, beside the naive baselines, with an interval of the difference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config import ModelSettings
from jobs.evaluation_groups import By, group_names, parts_by_name
from jobs.example_reader import ExampleReader
from jobs.model_training import measure
from jobs.naive_predictions import label_before, naive_predictions
from jobs.train import split
from jobs.training_set import TrainingSet
from models.artifact import load_scorer
from models.baselines import zero_change
from models.bootstrap import mean_interval, squared_error_difference
from models.diebold_mariano import diebold_mariano
from models.errors import ModelContractError
from models.metrics import regression_metrics
from models.model_version import ModelVersion
from models.registry import CHAMPION

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.app import App

BLOCKS_OF_HORIZONS = 5  # labels of neighbouring rows overlap for one horizon; blocks keep that and slower dependence
Values = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """The rows on which one model is judged.

    Attributes:
        inputs: (n, …) what the model is asked.
        actual: (n,) labels.
        known_from: (n,) epoch microseconds at which the features of a row are known.
        naive: Predictions of each baseline, (n,).
        parts: Name of each part and its rows.
        horizon_steps: How many rows of a symbol a label reaches over.
    """

    inputs: NDArray[np.float64]
    actual: Values
    known_from: NDArray[np.int64]
    naive: dict[str, Values]
    parts: list[tuple[str, NDArray[np.int64]]]
    horizon_steps: int


def evaluate_models(app: App, spark: SparkSession, by: By | None = None) -> list[dict[str, Any]]:
    """One row for each regression model of the configuration (its champion) and for each baseline, on held-out time.

    The baselines of a label come before its models. ``by`` makes a row of each part of held-out time, named in the
    column of that name. ``mse_difference`` is the mean squared error minus that of zero change: below zero the row is
    better. Its 95 % interval is a stationary block bootstrap over instants, the symbols of an instant averaged;
    ``dm_p_value`` is that of the test of Diebold and Mariano, NULL for zero change itself. ``coverage`` is the share of
    labels within the model's interval, of which the nominal value is 0.9; NULL for baselines.

    Raises:
        ModelContractError: a model was not trained yet, or on other features.
    """
    reader = ExampleReader(spark, app.config)
    rows: list[dict[str, Any]] = []
    for settings in sorted(app.config.models, key=lambda model: _first_place(app, model.label)):
        if app.config.task(settings.label) != "regression":
            continue
        examples = reader.examples(settings)
        model = _champion(app, settings, examples)
        held_out = _held_out(app, reader, settings, examples, by)
        if not any(row["label"] == settings.label for row in rows):
            for name, predicted in held_out.naive.items():
                rows += _rows({"model": name, "version": None, "label": settings.label}, by, held_out, predicted)
        scorer = load_scorer(model.folder, model.digest)
        predicted = np.asarray(scorer.predict(held_out.inputs), dtype=np.float64)
        who = {"model": model.name, "version": model.version, "label": settings.label}
        rows += _rows(who, by, held_out, predicted, scorer.interval(predicted, held_out.inputs))
    return rows


def evaluate_classifiers(app: App, spark: SparkSession) -> list[dict[str, Any]]:
    """One row for each classifier of the configuration (its champion) on held-out time.

    Raises:
        ModelContractError: a model was not trained yet, or on other features.
    """
    reader = ExampleReader(spark, app.config)
    rows = []
    for settings in app.config.models:
        if app.config.task(settings.label) == "classification":
            examples = reader.examples(settings)
            test = split(app.config, settings, examples).test
            model = _champion(app, settings, examples)
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
    known_from: NDArray[np.int64], actual: Values, predicted: Values, horizon_steps: int
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


def _champion(app: App, settings: ModelSettings, examples: TrainingSet) -> ModelVersion:
    model = app.registry.resolve(settings.name)
    if (model.feature_names, model.group) != (examples.feature_names, settings.group):
        raise ModelContractError(f"{model.name}/{model.version} was trained on other features: run foretable train")
    return model


def _first_place(app: App, label: str) -> int:
    """Where the configuration names a model of the label first."""
    return [model.label for model in app.config.models].index(label)


def _held_out(
    app: App, reader: ExampleReader, settings: ModelSettings, examples: TrainingSet, by: By | None
) -> HeldOut:
    config, rows = app.config, reader.rows(settings.label)
    horizon_seconds = config.horizon_seconds(settings.label)
    parts = split(config, settings, examples)
    test = examples.rows.iloc[parts.test]
    whole = np.arange(len(test), dtype=np.int64)
    named = [("", whole)]
    if by is not None:
        passed, earlier = (
            label_before(rows, examples.rows.iloc[part], horizon_seconds) for part in (parts.test, parts.train)
        )
        named = parts_by_name(group_names(by, test, passed, earlier))
    return HeldOut(
        inputs=examples.inputs[parts.test],
        actual=examples.labels[parts.test],
        known_from=examples.known_from()[parts.test],
        naive=naive_predictions(rows, test, horizon_seconds),
        parts=named,
        horizon_steps=max(1, horizon_seconds // config.model_bar_seconds),
    )


def _rows(
    who: dict[str, Any],
    by: By | None,
    held_out: HeldOut,
    predicted: Values,
    interval: tuple[Values, Values] | None = None,
) -> list[dict[str, Any]]:
    """A row for each part of held-out time."""
    told = []
    for name, rows in held_out.parts:
        actual, answers = held_out.actual[rows], predicted[rows]
        metrics = regression_metrics(actual, answers)
        difference = difference_to_zero_change(held_out.known_from[rows], actual, answers, held_out.horizon_steps)
        coverage = None if interval is None else _coverage(actual, interval[0][rows], interval[1][rows])
        part: dict[str, Any] = {} if by is None else {by: name}
        told.append({**who, **part, "n": len(rows), **metrics, **difference, "coverage": coverage})
    return told


def _coverage(actual: Values, lower: Values, upper: Values) -> float | None:
    """Share of labels within their interval; None where the model has none."""
    return float(np.mean((actual >= lower) & (actual <= upper))) if np.isfinite(lower).all() else None
