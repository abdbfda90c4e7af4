"""SHOW MODELS, SHOW VERSIONS and DESCRIBE MODEL: the registry as rows, also behind the views of the same names."""

from __future__ import annotations

import fnmatch
import json
import math
from dataclasses import asdict
from typing import Any

from models.model_version import ModelVersion
from models.registry import CHAMPION, DEFAULT, Registry

Rows = list[dict[str, Any]]
MODELS = (
    "model STRING, champion INT, newest INT, family STRING, task STRING, label STRING, is_default BOOLEAN, "
    "n_versions INT, created_at TIMESTAMP"
)
VERSIONS = (
    "model STRING, version INT, aliases STRING, family STRING, task STRING, label STRING, label_type STRING, "
    "horizon_seconds INT, sequence_length INT, n_features INT, validation_error DOUBLE, test_error DOUBLE, "
    "digest STRING, created_at TIMESTAMP"
)
PROPERTIES = "property STRING, value STRING"


def model_rows(registry: Registry, pattern: str | None = None) -> Rows:
    """One row a model, sorted by name."""
    rows = []
    for name in registry.list_models():
        if pattern is not None and not fnmatch.fnmatch(name.lower(), pattern.lower().replace("%", "*")):
            continue
        versions = registry.list_versions(name)
        champion = next((v.version for v in versions if CHAMPION in v.aliases), None)
        answers = registry.resolve(name)
        rows.append(
            {
                "model": name,
                "champion": champion,
                "newest": versions[0].version,
                "family": answers.family,
                "task": answers.task,
                "label": answers.label,
                "is_default": any(DEFAULT in v.aliases for v in versions),
                "n_versions": len(versions),
                "created_at": _instant(versions[-1]),
            }
        )
    return rows


def version_rows(registry: Registry, name: str | None = None) -> Rows:
    """One row a version, newest first within a name; of one model, or of all."""
    names = registry.list_models() if name is None else [name]
    return [
        {
            "model": version.name,
            "version": version.version,
            "aliases": ", ".join(version.aliases),
            "family": version.family,
            "task": version.task,
            "label": version.label,
            "label_type": version.label_type,
            "horizon_seconds": version.horizon_seconds,
            "sequence_length": version.sequence_length,
            "n_features": len(version.feature_names),
            "validation_error": _error(version, "validation"),
            "test_error": _error(version, "test"),
            "digest": version.digest,
            "created_at": _instant(version),
        }
        for one in names
        for version in registry.list_versions(one)
    ]


def training_run_rows(registry: Registry) -> Rows:
    """One row a metric of a part of the rows of a training run."""
    return [
        {
            "model": version.name,
            "version": version.version,
            "run_id": version.run_id,
            "family": version.family,
            "options": json.dumps(version.options, sort_keys=True),
            "data_versions": json.dumps(version.data_versions, sort_keys=True),
            "split": split,
            "metric": metric,
            "value": value if math.isfinite(value) else None,
            "created_at": _instant(version),
        }
        for name in registry.list_models()
        for version in registry.list_versions(name)
        for split, metrics in version.metrics.items()
        for metric, value in metrics.items()
    ]


def group_rows(registry: Registry) -> Rows:
    """One row a group of a version that was trained by group.

    Raises:
        ModelContractError: The artifact of such a version is missing or was changed.
    """
    from models.artifact import read_groups

    return [
        {"model": version.name, "version": version.version, **asdict(result)}
        for name in registry.list_models()
        for version in registry.list_versions(name)
        if version.group is not None
        for result in read_groups(version.folder, version.digest)
    ]


def trial_rows(registry: Registry) -> Rows:
    """One row a trial of a search."""
    from models.tuning import read_trials

    trials = read_trials(registry.trials_file)
    best: dict[str, float] = {}
    for trial in trials:
        if trial.error is not None:
            best[trial.study] = min(trial.error, best.get(trial.study, trial.error))
    return [
        {
            "model": trial.model,
            "study": trial.study,
            "trial": trial.trial,
            "options": json.dumps(trial.options, sort_keys=True),
            "error": trial.error,
            "is_best": trial.error is not None and trial.error == best[trial.study],
            "state": trial.state,
            "seconds": trial.seconds,
        }
        for trial in trials
    ]


def property_rows(version: ModelVersion) -> Rows:
    """Everything about one version, one row a property."""
    facts: dict[str, Any] = {
        "model": version.name,
        "version": version.version,
        "aliases": ", ".join(version.aliases),
        "family": version.family,
        "task": version.task,
        "label": f"{version.label} {version.label_type}",
        "classes": ", ".join(map(str, version.classes)) or None,
        "features": ", ".join(version.feature_names),
        **{f"transform.{name}": expression for name, expression in version.transform},
        "sequence_length": version.sequence_length,
        "horizon_seconds": version.horizon_seconds,
        "null_policy": version.null_policy,
        **({} if version.group is None else {"group": version.group}),
        "options": json.dumps(version.options, sort_keys=True),
        **{f"data.{table}": f"version {number}" for table, number in version.data_versions.items()},
        **{
            f"{split}.{metric}": f"{value:.6g}"
            for split, metrics in version.metrics.items()
            for metric, value in metrics.items()
        },
        "created_at": _instant(version),
        "digest": version.digest,
        "artifact": str(version.folder),
    }
    return [{"property": name, "value": None if value is None else str(value)} for name, value in facts.items()]


def _error(version: ModelVersion, split: str) -> float | None:
    """Root mean squared error, of a classifier the log loss."""
    metrics = version.metrics.get(split, {})
    return metrics.get("rmse", metrics.get("log_loss"))


def _instant(version: ModelVersion) -> str:
    return version.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
