"""CREATE MODEL: from a query to a registered version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from jobs.model_training import Examples, Trained, fit_and_register
from jobs.network_files import network_source
from jobs.statements.grammar import CreateModel
from jobs.statements.only_query import query_frame
from jobs.statements.training_options import TrainingOptions, choose_task, read_options
from jobs.statements.training_query import TrainingRows, column_of, label_type, read_training_rows
from jobs.statements.tuned_spec import tuned_spec
from models.errors import ModelContractError, UsageError
from models.families import check_spec, family_name
from models.folds import Fold, folds_before
from models.protocol import ModelSpec
from models.registry import Registry
from models.splits import TimeSplit, split_by_share
from models.tuning import search_metrics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def create_model(
    spark: SparkSession, registry: Registry, statement: CreateModel, say: Callable[[str], None]
) -> Trained | None:
    """Train and register what a statement asks for; None where the model exists and IF NOT EXISTS stands.

    Readers keep their version until the new one is complete; it becomes champion only where it does no worse.

    Raises:
        UsageError: an option is unknown or has a wrong value, or the family cannot do the task.
        ModelContractError: the model exists and neither OR REPLACE nor IF NOT EXISTS stands.
        DataContractError: the query lacks a column, or gives too few rows; or two groups have one hash.
    """
    own, estimator = read_options(statement)
    registry.check_new_name(statement.name, own.label)
    if is_there(registry, statement):
        return None
    query = query_frame(spark, statement.query)
    query = query.drop(*(column_of(query, other, "label") for other in statement.other_labels))
    label = column_of(query, own.label, "label")
    group = None if own.group is None else column_of(query, own.group, "group")
    spec = ModelSpec(
        name=statement.name,
        family=family_name(statement.family),
        label=label,
        task=choose_task(statement, label_type(query.schema[label].dataType, label)),
        options=estimator,
        sequence_length=own.sequence_length,
        seed=own.seed,
        horizon_seconds=own.horizon_seconds,
        null_policy=own.null_policy,
        transform=statement.transform,
        group=group,
        group_min_rows=own.group_min_rows,
        network=network_source(statement.family.lower(), estimator, registry.networks_folder),
    )
    check_spec(spec)
    rows = read_training_rows(
        query, label, own.time, group, statement.transform, spec.sequence_length, spec.null_policy == "impute"
    )
    examples = _examples(rows, spec, own)
    key = hashlib.sha256(f"{spec.text}{own.describes_cut}{rows.digest()}".encode()).hexdigest()
    search: dict[str, float] = {}
    if own.n_trials and registry.find_by_training_key(spec.name, key) is None:
        spec = tuned_spec(spark, registry, spec, examples, rows.times, own.n_trials, key, say)
        search = search_metrics(registry.trials_file, key)
    return fit_and_register(registry, spec, examples, key, rows.data_versions, say, own.leakage, search)


def is_there(registry: Registry, statement: CreateModel) -> bool:
    """Whether the model exists, where IF NOT EXISTS stands.

    Raises:
        ModelContractError: it does, and neither OR REPLACE nor IF NOT EXISTS stands.
    """
    exists = statement.name in registry.list_models()
    if exists and not statement.is_replacing and not statement.is_optional:
        raise ModelContractError(
            f"model {statement.name} exists: CREATE OR REPLACE MODEL adds a version, DROP MODEL removes it"
        )
    return exists and statement.is_optional


def _examples(rows: TrainingRows, spec: ModelSpec, own: TrainingOptions) -> Examples:
    inputs = rows.inputs
    parts = _parts(rows, own)
    if spec.null_policy == "impute":
        steps = inputs[parts.train].reshape(-1, inputs.shape[-1])  # a group's columns always have a value
        if np.isnan(steps).all(axis=0).any():
            empty = rows.feature_names[int(np.isnan(steps).all(axis=0).argmax())]
            raise UsageError(f"feature {empty} has no value in the training part: leave it out")
        inputs = np.where(np.isnan(inputs), np.nanmedian(steps, axis=0), inputs)
    labels = rows.labels.astype(np.float64) if spec.task == "regression" else rows.labels
    return Examples(rows.feature_names, inputs, labels, parts, _folds(rows, own, parts), rows.groups)


def _folds(rows: TrainingRows, own: TrainingOptions, parts: TimeSplit) -> tuple[Fold, ...]:
    if own.fold_scheme is None or rows.times is None:
        return ()
    until = int(rows.times[parts.test].min())
    return folds_before(until, own.fold_scheme, rows.times, rows.times + own.horizon_us, own.n_folds, own.horizon_us)


def _parts(rows: TrainingRows, own: TrainingOptions) -> TimeSplit:
    """Later rows validate and test; without a time column, rows by chance with a fixed seed."""
    n = len(rows.labels)
    nothing = np.empty(0, dtype=np.int64)
    if own.split == 0:
        return TimeSplit(np.arange(n), nothing, nothing)
    if rows.times is not None:
        return split_by_share(rows.times, rows.times + own.horizon_us, own.split, own.split, own.horizon_us)
    order = np.random.default_rng(0).permutation(n)
    n_held = round(n * own.split)
    cut = n - 2 * n_held
    return TimeSplit(*(np.sort(part) for part in (order[:cut], order[cut : cut + n_held], order[cut + n_held :])))
