"""Fits of a search's trials: in this process one after the other, or side by side as Spark tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.model_training import Examples, main_error, measure
from models.errors import ForetableError, UsageError
from models.families import build_model
from models.keras_models import NetworkModel
from models.protocol import ModelSpec, Validation, Watch
from models.tuning import ErrorsOf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class TrialRows:
    """What each trial is fitted on and scored by."""

    feature_names: tuple[str, ...]
    fitted: Validation
    scored: Validation

    @staticmethod
    def of(examples: Examples, fitted: NDArray[np.int64], scored: NDArray[np.int64]) -> TrialRows:
        """These rows of the examples."""
        return TrialRows(examples.feature_names, examples.at(fitted), examples.at(scored))

    def error_of(self, spec: ModelSpec, watch: Watch | None = None) -> float:
        """What a champion is chosen by, of a model fitted and scored on these rows; ``watch`` may end its training."""
        model = build_model(spec, self.feature_names)
        if isinstance(model, NetworkModel):
            model.watch = watch
        return main_error(measure(model.fit(*self.fitted, self.scored), *self.scored))


def errors_here(rows: TrialRows) -> ErrorsOf:
    """Fit in this process, one after the other."""
    return lambda specs, watches: [rows.error_of(*pair) for pair in zip(specs, watches, strict=True)]


@contextmanager
def errors_on_tasks(spark: SparkSession, rows: TrialRows) -> Iterator[ErrorsOf]:
    """Fit each spec in a task of its own; the rows are sent to each executor once, and forgotten after the block.

    Nothing is watched: tasks know nothing of each other.

    Raises:
        UsageError: an option has a value that the family refuses.
    """
    sent = spark.sparkContext.broadcast(rows)

    def told_error(spec: ModelSpec) -> float | str:
        try:
            return sent.value.error_of(spec)
        except ForetableError as refused:  # raised over there it would come back as a page
            return str(refused)

    def errors_of(specs: Sequence[ModelSpec], _: Sequence[Watch]) -> list[float]:
        told = spark.sparkContext.parallelize(list(specs), len(specs)).map(told_error).collect()
        for one in told:
            if isinstance(one, str):
                raise UsageError(one)
        return [float(one) for one in told]

    try:
        yield errors_of
    finally:
        sent.destroy()
