"""Fit one model, measure it on each part of the examples, register it, and let it lead only where it does better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean_stop import shielded
from models.artifact import load_scorer
from models.errors import DataContractError, ModelContractError
from models.families import build_model
from models.folds import Fold
from models.group_key import features_of
from models.group_results import GroupResult, count_groups, group_results
from models.grouped_model import GroupedModel
from models.leakage import (
    LeakagePolicy,
    check_leakage,
    evenly_spaced,
    independent_rows,
    single_feature_skill,
    suspicious_features,
)
from models.manifest import class_type
from models.metrics import classification_metrics, pinball_loss, regression_metrics
from models.model_version import ModelVersion
from models.protocol import Labels, Model, ModelSpec, Rows, option_of
from models.registry import CHAMPION, Registry
from models.row_sample import sample_rows
from models.row_view import rows_of
from models.scorer import Scorer
from models.splits import TimeSplit
from models.training_profile import TrainingProfile, profile_training
from models.training_record import TrainingRecord

PARTS = ("train", "validation", "test")
_MOST_TOLD = 100
_MOST_MEASURED = 200_000


@dataclass(frozen=True)
class Examples:
    """Inputs and labels cut into parts of rows; validation and test may be empty.

    Attributes:
        feature_names: Columns of ``inputs``.
        inputs: (n, n_features), or (n, sequence_length, n_features), float64 without NaN; where rows have a group, its
            two columns of ``models.group_key`` come after the features.
        labels: (n,), in the unit of the label.
        parts: Rows to fit on, to choose and calibrate by, and to report on.
        folds: Other cuts of the rows before the report's, to see how errors change with time.
        groups: Name of each group by its hash.
    """

    feature_names: tuple[str, ...]
    inputs: Rows
    labels: Labels
    parts: TimeSplit
    folds: tuple[Fold, ...] = ()
    groups: Mapping[int, str] = field(default_factory=dict)

    def of(self, part: str) -> tuple[Rows, Labels]:
        """Inputs and labels of train, validation or test."""
        return self.at(getattr(self.parts, part))

    def at(self, rows: NDArray[np.int64]) -> tuple[Rows, Labels]:
        """Inputs and labels of some rows, not to be written to."""
        return rows_of(self.inputs, rows), rows_of(self.labels, rows)

    def to_measure(self, part: str) -> tuple[Rows, Labels]:
        """Those by which a part is reported: all of them, but of more than 200,000 training rows a fixed random sample.

        Asking a boosted model about its million training rows takes as long as fitting it.
        """
        rows: NDArray[np.int64] = getattr(self.parts, part)
        if part == "train":
            rows = sample_rows(rows, _MOST_MEASURED)
        return self.at(rows)


@dataclass(frozen=True)
class Trained:
    """One model after a run: the version that stands for these settings and data, and whether the run made it."""

    version: ModelVersion
    is_new: bool
    is_champion: bool
    n_rows: Mapping[str, int]  # of train, validation and test


def fit_and_register(
    registry: Registry,
    spec: ModelSpec,
    examples: Examples,
    training_key: str,
    data_versions: Mapping[str, int],
    say: Callable[[str], None],
    leakage: LeakagePolicy,
    search: Mapping[str, float] | None = None,
) -> Trained:
    """Fit and register a model; settings and data that were seen before register nothing.

    The new version becomes champion of its name where there is none, or where it does no worse than the champion on
    the same validation part; without a validation part the champion stays. The caller settles the version in the
    registry when all that belongs to the training is done: until then a rerun takes it up again. What a search of the
    settings tells of itself stands beside the metrics.

    Raises:
        UsageError: a family, option or sequence length does not fit.
        DataContractError: the training part has fewer than 2 rows, or one class only; or a feature tells the label
            nearly by itself and ``leakage`` is fail.
    """
    n_rows = {part: len(getattr(examples.parts, part)) for part in PARTS}
    record = TrainingRecord(registry.training_folder(spec.name, training_key), say)
    known = registry.find_by_training_key(spec.name, training_key)
    if known is not None:
        record.remove()  # a run that was killed when it had registered has left it
        if not known.is_settled:
            who = f"{known.name}/{known.version}"
            say(f"{who}: its training was broken off once it was registered, and is finished now")
            return _decided(registry, spec, known, examples, n_rows)
        say(f"{known.name}/{known.version}: unchanged, same settings and data")
        return Trained(known, is_new=False, is_champion=CHAMPION in known.aliases, n_rows=n_rows)
    inputs, labels = examples.of("train")
    _check_training_part(spec, labels)
    before = champion_of(registry, spec.name)
    _check_same_target(spec, labels, before)
    told = _leakage(spec, examples, leakage, say)
    record.begin({**vars(spec), "features": examples.feature_names, "rows": n_rows, "data_versions": data_versions})
    record.say(f"training {spec.name} ({spec.family}) on {len(labels):,} rows")
    validation = examples.of("validation") if len(examples.parts.validation) else None
    model = build_model(spec, examples.feature_names).fit(inputs, labels, validation, record)
    metrics = {part: measure(model, *examples.to_measure(part)) for part in PARTS if n_rows[part]}
    metrics |= _fold_metrics(spec, examples, say) | told | ({"search": dict(search)} if search else {})
    profile = profile_training(model, inputs, labels, validation)
    groups = _group_results(model, examples, profile, say)
    if groups:
        metrics["groups"] = count_groups(groups)
    is_champion = before is None or _does_no_worse(spec, metrics, before, examples)
    with shielded():  # a version without its alias would be taken for one that lost
        version = registry.register(
            spec,
            model,
            metrics=metrics,
            parameters={f"n_{part}": n for part, n in n_rows.items()},
            data_versions=data_versions,
            training_key=training_key,
            loss_history=model.loss_history,
            profile=profile,
            training_inputs=inputs,
            record=record,
            groups=groups,
        )
        if is_champion:
            registry.set_alias(version.name, CHAMPION, version.version)
    return Trained(registry.resolve(f"{version.name}/{version.version}"), True, is_champion, n_rows)


def _group_results(
    model: Model, examples: Examples, profile: TrainingProfile, say: Callable[[str], None]
) -> list[GroupResult]:
    """What became of each group of a grouped model; none of other models."""
    if not isinstance(model, GroupedModel):
        return []
    results = group_results(model, examples.groups, {part: examples.of(part) for part in PARTS}, profile)
    counts = count_groups(results)
    said = f"{counts['own']:,.0f} of {len(results):,} groups have a model of their own"
    say(said if not counts["pooled"] else f"{said}; that of all rows answers for the others")
    return results


def _decided(
    registry: Registry, spec: ModelSpec, version: ModelVersion, examples: Examples, n_rows: Mapping[str, int]
) -> Trained:
    """What a training that was killed would have made of the version that it had registered."""
    before = champion_of(registry, version.name)
    is_champion = (
        before is None or before.version == version.version or _does_no_worse(spec, version.metrics, before, examples)
    )
    if is_champion:
        registry.set_alias(version.name, CHAMPION, version.version)
    return Trained(registry.resolve(f"{version.name}/{version.version}"), True, is_champion, n_rows)


def measure(model: Model | Scorer, inputs: Rows, labels: Labels) -> dict[str, float]:
    """Metrics of a model on rows with their labels, those of its task."""
    if model.classes is None:
        predicted = model.predict(inputs)
        quantile = option_of((model.manifest if isinstance(model, Scorer) else model.spec).options, "quantile")
        of_quantile = {} if quantile is None else {"pinball_loss": pinball_loss(labels, predicted, quantile)}
        return {**regression_metrics(labels, predicted), **of_quantile}
    return classification_metrics(labels, model.predict_probability(inputs), model.classes)


def _fold_metrics(spec: ModelSpec, examples: Examples, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Metrics of each fold, by a model of its own with the same settings."""
    found = {}
    for number, fold in enumerate(examples.folds, start=1):
        model = build_model(spec, examples.feature_names).fit(*examples.at(fold.train))
        found[f"fold_{number}"] = measure(model, *examples.at(fold.test))
        error = main_error(found[f"fold_{number}"])
        say(f"fold {number} of {len(examples.folds)}: error {error:.6g} on {len(fold.test):,} rows")
    return found


def _leakage(
    spec: ModelSpec, examples: Examples, policy: LeakagePolicy, say: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """The leakage report: under ``leakage`` what each feature alone tells of the label; said where it is too much.

    Measured on the validation part; where there is none, on a quarter of the training part, the last one where labels
    look ahead. Rows without a time are in the order of their content, so each fourth is taken.
    """
    if policy == "off":
        return {}
    fitted, measured = examples.parts.train, examples.parts.validation
    if len(measured) == 0:
        place = np.arange(len(fitted))
        is_measured = place >= len(fitted) * 3 // 4 if spec.horizon_seconds else place % 4 == 3
        fitted, measured = fitted[~is_measured], fitted[is_measured]
    before, after = (examples.at(evenly_spaced(rows)) for rows in (fitted, measured))
    skill = single_feature_skill(examples.feature_names, before, after, spec.task)
    n_independent = independent_rows(examples.labels[measured])
    suspicious = suspicious_features(skill, spec.label, bool(spec.horizon_seconds), n_independent)
    check_leakage(spec.name, suspicious, policy)
    for sentence in suspicious:
        say(f"leakage? {sentence}: is it known at the row's time?")
    strongest = sorted(skill, key=lambda name: -skill[name])[:_MOST_TOLD]  # MLflow keeps 100,000 characters of all
    return {"leakage": {name: skill[name] for name in strongest}}


def main_error(metrics: Mapping[str, float]) -> float:
    """What a champion is chosen by: mean squared error, of a quantile pinball loss, of a classifier log loss."""
    return next((metrics[name] for name in ("pinball_loss", "mse", "log_loss") if name in metrics), float("inf"))


def champion_of(registry: Registry, name: str) -> ModelVersion | None:
    """The champion of a name, None where there is none yet."""
    versions = registry.list_versions(name) if name in registry.list_models() else []
    return next((version for version in versions if CHAMPION in version.aliases), None)


def _check_training_part(spec: ModelSpec, labels: Labels) -> None:
    if len(labels) < 2:
        raise DataContractError(f"{spec.name}: the training part holds fewer than 2 rows; more data is needed")
    if spec.task == "classification" and len(np.unique(labels)) < 2:
        raise DataContractError(
            f"{spec.name}: every label of the training part is {labels[0]}; a classifier needs at least 2 classes"
        )


def _check_same_target(spec: ModelSpec, labels: Labels, champion: ModelVersion | None) -> None:
    """A name stands for one thing that is predicted: readers would take the answers of another one for it."""
    type_ = "DOUBLE" if spec.task == "regression" else class_type(labels)
    wanted = _target(spec.label, type_, spec.task, spec.options)
    if champion is None:
        return
    known = _target(champion.label, champion.label_type, champion.task, champion.options)
    if known != wanted:
        raise ModelContractError(
            f"model {spec.name} predicts {known}; for {wanted} choose another name, or DROP MODEL {spec.name} first"
        )


def _target(label: str, type_: str, task: str, options: Mapping[str, Any]) -> str:
    quantile = option_of(options, "quantile")
    return f"{'' if quantile is None else f'quantile {quantile} of '}{label} {type_} ({task})"


def _does_no_worse(
    spec: ModelSpec, metrics: Mapping[str, dict[str, float]], champion: ModelVersion, examples: Examples
) -> bool:
    """Against the champion on the new validation part; one that takes another input or lacks a class gives way.

    A champion without groups is measured on the features alone.
    """
    if "validation" not in metrics:
        return False
    steps = examples.inputs.shape[1] if examples.inputs.ndim == 3 else 1
    knows_classes = set(np.unique(examples.of("validation")[1]).tolist()) <= set(champion.classes)
    if champion.task == "classification" and not knows_classes:
        return True
    if champion.feature_names != examples.feature_names or champion.sequence_length != steps:
        return True
    if champion.group not in (None, spec.group):
        return True
    scorer: Any = load_scorer(champion.folder, champion.digest)
    inputs, labels = examples.of("validation")
    asked = inputs if champion.group == spec.group else features_of(inputs, spec.group)
    return main_error(metrics["validation"]) <= main_error(measure(scorer, asked, labels))
