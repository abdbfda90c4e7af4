"""Train: fit the configured models on training time, measure them on later time, register what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.config import Config, ModelSettings
from jobs.example_reader import ExampleReader
from jobs.training_set import TrainingSet
from models.artifact import Scorer, load_scorer
from models.errors import DataContractError
from models.families import build_model
from models.metrics import classification_metrics, regression_metrics
from models.model_version import ModelVersion
from models.protocol import Model, ModelSpec
from models.registry import CHAMPION, Registry
from models.splits import TimeSplit, split_by_time

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Trained:
    """One model after a run: the version that stands for these settings and data, and whether the run made it."""

    version: ModelVersion
    is_new: bool
    is_champion: bool


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
    """Cut the examples into training, validation and test; test is all that begins after training labels have ended.

    Raises:
        DataContractError: a part is empty.
    """
    horizon = config.horizon_seconds(settings.label) * 1_000_000
    known_from = examples.known_from()
    fitted = known_from[examples.rows.is_training.to_numpy()]
    if len(fitted) == 0:
        raise DataContractError(
            f"{settings.name}: no row with a label lies in training time; "
            "more data or a larger features.train_fraction is needed"
        )
    instants = np.unique(fitted)
    validation_start = int(instants[int(len(instants) * (1 - config.training.validation_fraction))])
    parts = split_by_time(known_from, known_from + horizon, validation_start, int(fitted.max()) + horizon)
    for name in ("train", "validation", "test"):
        if len(getattr(parts, name)) < 2:
            raise DataContractError(f"{settings.name}: the {name} part holds fewer than 2 rows; more data is needed")
    return parts


def _train_one(
    config: Config, settings: ModelSettings, examples: TrainingSet, registry: Registry, say: Callable[[str], None]
) -> Trained:
    spec = ModelSpec(
        name=settings.name,
        family=settings.family,
        label=settings.label,
        task=config.task(settings.label),
        options=settings.options,
        sequence_length=settings.sequence_length,
        seed=settings.seed,
        horizon_seconds=config.horizon_seconds(settings.label),
    )
    key = hashlib.sha256(f"{spec}{config.training.validation_fraction}{examples.digest()}".encode()).hexdigest()
    parts = split(config, settings, examples)
    known = registry.find_by_training_key(settings.name, key)
    if known is not None:
        say(f"{known.name}/{known.version}: unchanged, same settings and data")
        return Trained(known, is_new=False, is_champion=CHAMPION in known.aliases)
    say(f"training {settings.name} ({settings.family}) on {len(parts.train):,} rows")
    model = build_model(spec, examples.feature_names)
    validation = (examples.inputs[parts.validation], examples.labels[parts.validation])
    model.fit(examples.inputs[parts.train], examples.labels[parts.train], validation)
    metrics = {name: measure(model, examples, getattr(parts, name)) for name in ("train", "validation", "test")}
    before = _champion(registry, settings.name)
    version = registry.register(
        spec,
        model,
        metrics=metrics,
        parameters={"n_train": len(parts.train), "n_validation": len(parts.validation), "n_test": len(parts.test)},
        data_versions={"features": examples.features_version},
        training_key=key,
        loss_history=model.loss_history,
    )
    is_champion = before is None or _error(metrics["validation"]) <= _error(
        _measure_champion(before, examples, parts.validation)
    )
    if is_champion:
        registry.set_alias(version.name, CHAMPION, version.version)
    return Trained(registry.resolve(f"{version.name}/{version.version}"), is_new=True, is_champion=is_champion)


def measure(model: Model | Scorer, examples: TrainingSet, part: NDArray[np.int64]) -> dict[str, float]:
    """Metrics of a model on a part of the examples, those of its task."""
    inputs, labels = examples.inputs[part], examples.labels[part]
    if model.classes is None:
        return regression_metrics(labels, model.predict(inputs))
    return classification_metrics(labels, model.predict_probability(inputs), model.classes)


def _champion(registry: Registry, name: str) -> ModelVersion | None:
    versions = registry.list_versions(name) if name in registry.list_models() else []
    return next((version for version in versions if CHAMPION in version.aliases), None)


def _measure_champion(champion: ModelVersion, examples: TrainingSet, part: NDArray[np.int64]) -> dict[str, float]:
    """Metrics of the champion on the new validation part; none where it takes another input, so that it gives way."""
    if champion.feature_names != examples.feature_names or champion.sequence_length != _steps(examples):
        return {}
    return measure(load_scorer(champion.folder, champion.digest), examples, part)


def _steps(examples: TrainingSet) -> int:
    return examples.inputs.shape[1] if examples.inputs.ndim == 3 else 1


def _error(metrics: dict[str, float]) -> float:
    """What a champion is chosen by: mean squared error, for a classifier log loss; smaller is better."""
    return metrics.get("mse", metrics.get("log_loss", float("inf")))


def _choose_default(config: Config, registry: Registry, trained: list[Trained]) -> None:
    """The model that answers predict(features): as configured, else the one with the smallest validation error."""
    name = config.training.default_model
    if name is None:
        first_label = [one for one in trained if one.version.label == trained[0].version.label]
        name = min(first_label, key=lambda one: _error(one.version.metrics["validation"])).version.name
    if registry.default_model() != name:
        registry.set_default_model(name)
