"""CREATE MODEL: from a query to a registered version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.model_training import Examples, Trained, fit_and_register
from jobs.statements.grammar import CreateModel
from jobs.statements.only_query import query_frame
from jobs.statements.training_query import TrainingRows, column_of, label_type, read_training_rows
from jobs.statements.tuned_spec import tuned_spec
from models.errors import ModelContractError, UsageError
from models.families import FAMILIES, FAMILY_NAMES, check_spec, family_options
from models.names import near_first
from models.protocol import ModelSpec, Task
from models.registry import Registry
from models.splits import TimeSplit, split_by_share

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OUR_OPTIONS = {
    "label": "the column to predict",
    "time": "the column that orders the rows: later rows validate and test",
    "split": "share of the rows for each of validation and test; 0 trains on all (default 0.2)",
    "task": "regression or classification, where the label's type leaves it open",
    "horizon_seconds": "how far the label looks ahead of time; rows whose label reaches over a border are left out",
    "sequence_length": "rows in one input of a sequence model",
    "null_policy": "null, impute or fail: what a missing feature does when scoring",
    "seed": "makes the fit repeatable",
    "trials": "how many settings to try before the best is trained; options that are given stay as they are",
}
_MOST_SPLIT = 0.4


@dataclass(frozen=True)
class TrainingOptions:
    """The options of a statement that are Foretable's own."""

    label: str
    time: str | None
    split: float
    horizon_seconds: int | None
    n_trials: int

    @property
    def describes_cut(self) -> str:
        """What of it shapes the parts, for the key of a training."""
        return f"{self.time} {self.split}" + (f" {self.n_trials} trials" if self.n_trials else "")


def create_model(
    spark: SparkSession, registry: Registry, statement: CreateModel, say: Callable[[str], None]
) -> Trained | None:
    """Train and register what a statement asks for; None where the model exists and IF NOT EXISTS stands.

    Readers keep their version until the new one is complete; it becomes champion only where it does no worse.

    Raises:
        UsageError: an option is unknown or has a wrong value, or the family cannot do the task.
        ModelContractError: the model exists and neither OR REPLACE nor IF NOT EXISTS stands.
        DataContractError: the query lacks a column, or gives too few rows.
    """
    registry.check_new_name(statement.name)
    is_there = statement.name in registry.list_models()
    if is_there and statement.is_optional:
        return None
    if is_there and not statement.is_replacing:
        raise ModelContractError(
            f"model {statement.name} exists: CREATE OR REPLACE MODEL adds a version, DROP MODEL removes it"
        )
    own, estimator = read_options(statement)
    query = query_frame(spark, statement.query)
    label = column_of(query, own.label, "label")
    spec = ModelSpec(
        name=statement.name,
        family=statement.family.lower(),
        label=label,
        task=choose_task(statement, label_type(query.schema[label].dataType, label)),
        options=estimator,
        sequence_length=_integer(statement.options, "sequence_length", 1),
        seed=_integer(statement.options, "seed", 0),
        horizon_seconds=own.horizon_seconds,
        null_policy=statement.options.get("null_policy", "null"),
        transform=statement.transform,
    )
    check_spec(spec)
    rows = read_training_rows(
        query, label, own.time, statement.transform, spec.sequence_length, spec.null_policy == "impute"
    )
    examples = _examples(rows, spec, own)
    key = hashlib.sha256(f"{spec}{own.describes_cut}{rows.digest()}".encode()).hexdigest()
    if own.n_trials and registry.find_by_training_key(spec.name, key) is None:
        spec = tuned_spec(spec, examples, rows.times, own.n_trials, registry.trials_file, key, say)
    return fit_and_register(registry, spec, examples, key, rows.data_versions, say)


def read_options(statement: CreateModel) -> tuple[TrainingOptions, dict[str, Any]]:
    """Our own options, and those of the estimator.

    Raises:
        UsageError: an option is unknown, or one of ours is missing or has a wrong value.
    """
    given = dict(statement.options)
    family = statement.family.lower()
    if family not in FAMILIES:
        families = ", ".join(near_first(family, FAMILY_NAMES))
        raise UsageError(f"There is no model family {statement.family!r}; choose one of {families}.")
    estimator = {name: value for name, value in given.items() if name not in OUR_OPTIONS}
    of_family = {name for task in FAMILIES[family].tasks for name in family_options(family, task)}
    by_name = {name.lower(): name for name in of_family}
    for name in estimator:
        if name not in by_name:
            known = near_first(name, [*OUR_OPTIONS, *of_family])
            raise UsageError(f"{family} has no option {name!r}; its options are {', '.join(known)}.")
    if not isinstance(given.get("label"), str):
        raise UsageError("say what to predict: OPTIONS (label = 'column')")
    split = given.get("split", 0.2)
    if isinstance(split, bool) or not isinstance(split, int | float) or not 0 <= split <= _MOST_SPLIT:
        raise UsageError(
            f"split is the share of rows for each of validation and test, 0 to {_MOST_SPLIT}, got {split!r}"
        )
    if given.get("null_policy", "null") not in ("null", "impute", "fail"):
        raise UsageError(f"null_policy is null, impute or fail, got {given['null_policy']!r}")
    time = given.get("time")
    horizon = _integer(given, "horizon_seconds", 0) or None
    if horizon and time is None:
        raise UsageError("horizon_seconds needs time = 'column', from which the label looks ahead")
    n_trials = _integer(given, "trials", 0)
    own = TrainingOptions(given["label"], None if time is None else str(time), float(split), horizon, n_trials)
    return own, {by_name[name]: value for name, value in estimator.items()}


def choose_task(statement: CreateModel, type_: str) -> Task:
    """Regression or classification: as asked for, as the label's type says, or as the family alone can do.

    Raises:
        UsageError: an integer label, and the family can do both.
    """
    given = statement.options.get("task")
    if given is not None:
        if given not in ("regression", "classification"):
            raise UsageError(f"task is regression or classification, got {given!r}")
        if given == "regression" and type_ in ("string", "boolean"):
            raise UsageError(f"a label of type {type_.upper()} is a class: leave task out, or cast the label to DOUBLE")
        return "regression" if given == "regression" else "classification"
    if type_ in ("string", "boolean"):
        return "classification"
    tasks = FAMILIES[statement.family.lower()].tasks
    if type_ == "double" or len(tasks) == 1:
        return tasks[0] if len(tasks) == 1 else "regression"
    raise UsageError(
        "the label is an integer, which may be a class or a number: say task = 'classification' or task = 'regression'"
    )


def _examples(rows: TrainingRows, spec: ModelSpec, own: TrainingOptions) -> Examples:
    inputs = rows.inputs
    parts = _parts(rows, own)
    if spec.null_policy == "impute":
        steps = inputs[parts.train].reshape(-1, len(rows.feature_names))
        if np.isnan(steps).all(axis=0).any():
            empty = rows.feature_names[int(np.isnan(steps).all(axis=0).argmax())]
            raise UsageError(f"feature {empty} has no value in the training part: leave it out")
        inputs = np.where(np.isnan(inputs), np.nanmedian(steps, axis=0), inputs)
    labels = rows.labels.astype(np.float64) if spec.task == "regression" else rows.labels
    return Examples(rows.feature_names, inputs, labels, parts)


def _parts(rows: TrainingRows, own: TrainingOptions) -> TimeSplit:
    """Later rows validate and test; without a time column, rows by chance with a fixed seed."""
    n = len(rows.labels)
    nothing = np.empty(0, dtype=np.int64)
    if own.split == 0:
        return TimeSplit(np.arange(n), nothing, nothing)
    if rows.times is not None:
        reach = (own.horizon_seconds or 0) * 1_000_000
        return split_by_share(rows.times, rows.times + reach, own.split, own.split)
    order = np.random.default_rng(0).permutation(n)
    n_held = round(n * own.split)
    cut = n - 2 * n_held
    return TimeSplit(*(np.sort(part) for part in (order[:cut], order[cut : cut + n_held], order[cut + n_held :])))


def _integer(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} is a whole number, got {value!r}")
    return value
