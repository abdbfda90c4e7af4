"""One registered version of a model, the tags that hold it in MLflow, and how users refer to it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import ModelContractError
from models.manifest import LabelType, Manifest
from models.protocol import NullPolicy, Task, Transform

DIGEST_TAG = "foretable.digest"
MANIFEST_TAG = "foretable.manifest"
METRICS_TAG = "foretable.metrics"
TRAINING_KEY_TAG = "foretable.training_key"
DATA_VERSIONS_TAG = "foretable.data_versions"
UNSETTLED_TAG = "foretable.unsettled"  # until the training that registered the version has come to its end
CHAMPION_BEFORE_TAG = "foretable.champion_before"
_NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?:/(?P<version>[1-9][0-9]*)|@(?P<alias>{_NAME}))?")

_LONGEST_TAG = 100_000  # characters that MLflow keeps of one tag

SplitMetrics = dict[str, dict[str, float]]


@dataclass(frozen=True)
class ModelVersion:
    """A version that can be scored with: ``load_scorer(version.folder, version.digest)``.

    Attributes:
        name: Registered name.
        version: Counts from 1 within the name.
        digest: SHA-256 of the artifact.
        folder: Where the artifact lies.
        feature_names: Order of the features in an input.
        label: What is predicted.
        task: regression or classification.
        label_type: SQL type of a prediction.
        classes: The labels of a classifier in the order of its probabilities; empty for a regressor.
        sequence_length: Steps in an input; 1 for one row.
        horizon_seconds: How far ahead the label looks; None where it does not.
        family: Model family.
        options: Options of the family as configured.
        aliases: Names such as champion that point to this version now.
        metrics: Metrics of each split.
        created_at: UTC instant of the registration.
        training_key: What the caller gave to recognise the same training again.
        data_versions: Delta version of each table the training read.
        run_id: The MLflow run with parameters, metrics and pictures.
        null_policy: What a feature that is NULL or NaN does at scoring.
        transform: Feature name and SQL expression of each feature that was computed from other columns.
        group: The column that names the group of a row; None for one model of all rows.
        is_settled: False where the training was killed before it had chosen the champion and published it.
        champion_before: The version from which this one took over as champion; None where it did not.
    """

    name: str
    version: int
    digest: str
    folder: Path
    feature_names: tuple[str, ...]
    label: str
    task: Task
    label_type: LabelType
    classes: tuple[Any, ...]
    sequence_length: int
    horizon_seconds: int | None
    family: str
    options: dict[str, Any]
    aliases: tuple[str, ...]
    metrics: SplitMetrics
    created_at: datetime
    training_key: str
    data_versions: dict[str, int]
    run_id: str
    null_policy: NullPolicy = "null"
    transform: Transform = ()
    group: str | None = None
    is_settled: bool = True
    champion_before: int | None = None

    @property
    def training_folder(self) -> Path:
        """Configuration, environment, log and losses of the training; versions of earlier releases have none."""
        return self.folder.parent / "training"


@dataclass(frozen=True)
class Reference:
    """What a user typed for a model: a name, alone or with a version or an alias."""

    name: str
    version: int | None = None
    alias: str | None = None


def parse_reference(text: str) -> Reference:
    """Return what ``name``, ``name/3`` or ``name@alias`` refers to.

    >>> parse_reference("ridge/3")
    Reference(name='ridge', version=3, alias=None)

    Raises:
        ModelContractError: The text has another form.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ModelContractError(f"{text!r} names no model; write 'name', 'name/3' or 'name@alias'.")
    version = match["version"]
    return Reference(match["name"], int(version) if version else None, match["alias"])


def target_name(name: str, label: str) -> str:
    """Return the name of the model that predicts one of the labels of the model ``name``."""
    return f"{name}.{label}"


def name_of_several(name: str, label: str) -> str | None:
    """Return the model of several labels to which a model of one label belongs, None where it stands alone.

    >>> name_of_several("outlook.return_5m", "return_5m")
    'outlook'
    """
    head = name[: -len(label) - 1]
    return head if head and name.lower() == target_name(head, label).lower() else None


def check_name(name: str) -> None:
    """Refuse a name that a reference could not hold.

    Raises:
        ModelContractError: The name has another form than letter, then letters, digits, ``_``, ``.`` and ``-``.
    """
    if re.fullmatch(_NAME, name) is None:
        raise ModelContractError(
            f"{name!r} cannot name a model; start with a letter and use letters, digits, '_', '.' and '-'."
        )


def to_tags(
    manifest: Manifest, digest: str, metrics: SplitMetrics, training_key: str, data_versions: Mapping[str, int]
) -> dict[str, str]:
    """Return the MLflow tags that hold a version.

    Raises:
        ModelContractError: The manifest is longer than MLflow keeps.
    """
    text = manifest.to_json()
    if len(text) > _LONGEST_TAG:
        raise ModelContractError(
            f"The description of the model of {manifest.label} has {len(text):,} characters, of which MLflow keeps "
            f"{_LONGEST_TAG:,}; take fewer features or shorter TRANSFORM expressions, for example over a view."
        )
    return {
        DIGEST_TAG: digest,
        MANIFEST_TAG: text,
        METRICS_TAG: json.dumps(metrics, sort_keys=True),
        TRAINING_KEY_TAG: training_key,
        DATA_VERSIONS_TAG: json.dumps(dict(data_versions), sort_keys=True),
    }


def version_from_tags(
    name: str,
    version: int,
    created_at_ms: int,
    run_id: str,
    folder: Path,
    aliases: tuple[str, ...],
    tags: Mapping[str, str],
) -> ModelVersion:
    """Return the version whose tags :func:`to_tags` made."""
    manifest = Manifest.from_json(tags[MANIFEST_TAG])
    return ModelVersion(
        name=name,
        version=version,
        digest=tags[DIGEST_TAG],
        folder=folder,
        feature_names=manifest.feature_names,
        label=manifest.label,
        task=manifest.task,
        label_type=manifest.label_type,
        classes=manifest.classes,
        sequence_length=manifest.sequence_length,
        horizon_seconds=manifest.horizon_seconds,
        family=manifest.family,
        options=manifest.options,
        aliases=aliases,
        metrics=json.loads(tags[METRICS_TAG]),
        created_at=datetime.fromtimestamp(created_at_ms / 1000, UTC),
        training_key=tags[TRAINING_KEY_TAG],
        data_versions=json.loads(tags[DATA_VERSIONS_TAG]),
        run_id=run_id,
        null_policy=manifest.null_policy,
        transform=manifest.transform,
        group=manifest.group,
        is_settled=UNSETTLED_TAG not in tags,
        champion_before=int(tags[CHAMPION_BEFORE_TAG]) if CHAMPION_BEFORE_TAG in tags else None,
    )
