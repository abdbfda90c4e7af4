"""Train: fit the configured models on training time, measure them on later time, register what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.config import Config, ModelSettings
from jobs.example_reader import ExampleReader
from jobs.model_training import PARTS, Examples, Trained, fit_and_register, main_error
from jobs.network_files import network_source
from jobs.training_set import TrainingSet
from models.errors import DataContractError
from models.families import family_name
from models.folds import Fold, folds_before
from models.protocol import ModelSpec
from models.registry import Registry
from models.splits import TimeSplit, split_by_time

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def train(spark: SparkSession, config: Config, registry: Registry, say: Callable[[str], None]) -> list[Trained]:
    """Fit and register the configured models; settings and data that were seen before register nothing.

    A new version becomes champion of its name unless the champion before it does better on the same validation part.

    Raises:
        DataContractError: there are no features, or too few rows in one of the parts.
        UsageError: a family, option or sequence length does not fit.
    """
    reader = ExampleReader(spark, config)
    trained = [_train_one(config, settings, reader.examples(settings), registry, say) for settings in config.models]
    _choose_default(config, registry, trained)
    return trained


def split(config: Config, settings: ModelSettings, examples: TrainingSet) -> TimeSplit:
    """As :func:`split_rows` of the examples of a model."""
    is_training = examples.rows.is_training.to_numpy()
    return split_rows(config, settings.name, settings.label, examples.known_from(), is_training)


def split_rows(
    config: Config, name: str, label: str, known_from: NDArray[np.int64], is_training: NDArray[np.bool_]
) -> TimeSplit:
    """Cut rows into training, validation and test; test is all that begins after training labels have ended.

    Args:
        config: The configuration.
        name: Whose rows they are, for errors.
        label: The label, whose horizon is left out at each border.
        known_from: (n,) instant at which each row is known, in microseconds.
        is_training: (n,) whether it lies in training time.

    Raises:
        DataContractError: a part is empty.
    """
    horizon = config.horizon_seconds(label) * 1_000_000
    fitted = known_from[is_training]
    if len(fitted) == 0:
        raise DataContractError(
            f"{name}: no row with a label lies in training time; "
            "more data or a larger features.train_fraction is needed"
        )
    instants = np.unique(fitted)
    validation_start = int(instants[int(len(instants) * (1 - config.training.validation_fraction))])
    test_start = int(fitted.max()) + horizon
    parts = split_by_time(known_from, known_from + horizon, validation_start, test_start, embargo=horizon)
    for part in PARTS:
        if len(getattr(parts, part)) < 2:
            raise DataContractError(f"{name}: the {part} part holds fewer than 2 rows; more data is needed")
    return parts


def _train_one(
    config: Config, settings: ModelSettings, examples: TrainingSet, registry: Registry, say: Callable[[str], None]
) -> Trained:
    spec = ModelSpec(
        name=settings.name,
        family=family_name(settings.family),
        label=settings.label,
        task=config.task(settings.label),
        options=settings.options,
        sequence_length=settings.sequence_length,
        seed=settings.seed,
        horizon_seconds=config.horizon_seconds(settings.label),
        group=settings.group,
        group_min_rows=settings.group_min_rows,
        network=network_source(family_name(settings.family), settings.options, registry.networks_folder),
    )
    training = config.training
    cut_by = f"{training.validation_fraction}" + (f" {training.folds} {training.split}" if training.split else "")
    key = hashlib.sha256(f"{spec.text}{cut_by}{examples.digest()}".encode()).hexdigest()
    parts = split(config, settings, examples)
    folds = _folds(config, settings, examples, parts)
    cut = Examples(examples.feature_names, examples.inputs, examples.labels, parts, folds, examples.groups)
    versions = {"features": examples.features_version}
    return fit_and_register(registry, spec, cut, key, versions, say, config.training.leakage)


def _folds(config: Config, settings: ModelSettings, examples: TrainingSet, parts: TimeSplit) -> tuple[Fold, ...]:
    if config.training.split is None:
        return ()
    known_from, horizon = examples.known_from(), config.horizon_seconds(settings.label) * 1_000_000
    until = int(known_from[parts.test].min())
    n_folds = config.training.folds
    return folds_before(until, config.training.split, known_from, known_from + horizon, n_folds, horizon)


def _choose_default(config: Config, registry: Registry, trained: list[Trained]) -> None:
    """The model that answers predict(features): as configured, else the one with the smallest validation error.

    A model by group needs its group beside the features, so one is taken only where there is no other.
    """
    name = config.training.default_model
    if name is None:
        first_label = [one for one in trained if one.version.label == trained[0].version.label]
        of_features = [one for one in first_label if one.version.group is None] or first_label
        name = min(of_features, key=lambda one: main_error(one.version.metrics["validation"])).version.name
    if registry.default_model() != name:
        registry.set_default_model(name)
