"""OPTIONS (trials = n): the best settings on the last part of the training rows, before the model is trained on all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.model_training import Examples
from jobs.trial_fits import TrialRows, errors_here, errors_on_tasks
from models.errors import DataContractError
from models.families import find_family
from models.protocol import ModelSpec
from models.registry import Registry
from models.tuning import tune

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INNER_SHARE = 0.25  # of the training rows, the last ones: validation and test stay untouched by the search
AT_ONCE = 4  # whatever the machine: the same search must find the same everywhere
TASKS_FROM_CELLS = 2_000_000  # rows times features: below, a fit is over before a task has begun


def tuned_spec(
    spark: SparkSession,
    registry: Registry,
    spec: ModelSpec,
    examples: Examples,
    times: NDArray[np.int64] | None,
    n_trials: int,
    study_key: str,
    say: Callable[[str], None],
) -> ModelSpec:
    """``spec`` with the best options of ``n_trials`` trials, each fitted and scored within the training rows.

    Four trials of scikit-learn's families at once are Spark tasks where the rows are many; networks are trained one
    after the other, each with all cores.

    Raises:
        UsageError: the family has nothing left to search, or an option has a value that it refuses.
        DataContractError: the training part is too small to be cut.
    """
    fitted, scored = inner_parts(examples.parts.train, times, (spec.horizon_seconds or 0) * 1_000_000)
    rows = TrialRows.of(examples, fitted, scored)
    is_network = find_family(spec.family).takes_sequences is not False
    on_tasks = not is_network and rows.fitted[0].size >= TASKS_FROM_CELLS
    with errors_on_tasks(spark, rows) if on_tasks else nullcontext(errors_here(rows)) as errors_of:
        n_at_once = 1 if is_network else AT_ONCE
        return tune(spec, n_trials, errors_of, registry.trials_file, study_key, say, n_at_once)


def inner_parts(
    train: NDArray[np.int64], times: NDArray[np.int64] | None, reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The training rows to fit on and those to score trials by; labels that reach over the border are left out.

    ``train`` is in time order where there are ``times``; without, the rows are in an order by chance.

    Raises:
        DataContractError: a part has fewer than 2 rows.
    """
    if times is None:
        shuffled = np.random.default_rng(0).permutation(train)
        cut = round(len(train) * (1 - INNER_SHARE))
        fitted, scored = np.sort(shuffled[:cut]), np.sort(shuffled[cut:])
    else:
        border = int(np.quantile(times[train], 1 - INNER_SHARE))
        fitted, scored = train[times[train] + reach < border], train[times[train] >= border]
    if min(len(fitted), len(scored)) < 2:
        raise DataContractError("the training part is too small to be cut for trials: more data is needed")
    return fitted, scored
