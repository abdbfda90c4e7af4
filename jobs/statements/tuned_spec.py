"""OPTIONS (trials = n): the best settings on the last part of the training rows, before the model is trained on all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.model_training import Examples, main_error, measure
from models.errors import DataContractError
from models.families import build_model
from models.protocol import ModelSpec
from models.tuning import tune

INNER_SHARE = 0.25  # of the training rows, the last ones: validation and test stay untouched by the search


def tuned_spec(
    spec: ModelSpec,
    examples: Examples,
    times: NDArray[np.int64] | None,
    n_trials: int,
    storage: Path,
    study_key: str,
    say: Callable[[str], None],
) -> ModelSpec:
    """``spec`` with the best options of ``n_trials`` trials, each fitted and scored within the training rows.

    Raises:
        UsageError: the family has nothing left to search.
        DataContractError: the training part is too small to be cut.
    """
    fitted, scored = inner_parts(examples.parts.train, times, (spec.horizon_seconds or 0) * 1_000_000)

    def error_of(candidate: ModelSpec) -> float:
        held_out = (examples.inputs[scored], examples.labels[scored])
        model = build_model(candidate, examples.feature_names)
        return main_error(measure(model.fit(examples.inputs[fitted], examples.labels[fitted], held_out), *held_out))

    return tune(spec, n_trials, error_of, storage, study_key, say)


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
