"""The part of the prediction functions that runs in Spark's Python workers: Arrow columns in, one Arrow column out."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.artifact import load_scorer
from models.errors import ModelContractError
from models.scorer import Scorer
from udfs.answers import answer
from udfs.call import Call
from udfs.inputs import read_inputs


class ScoreRows:
    """Answer batches with one stored model version; pickled to the workers as this reference, never as a live model."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def __call__(self, *columns: pa.Array) -> pa.Array:
        """One DOUBLE column a feature (ARRAY<DOUBLE> for a sequence model), in the model's own order, and the group's.

        One more column, of BOOLEAN, is the guard that the query has put around the call: a row where it is not true
        is not asked for and gets NULL.
        """
        call = self.call
        try:
            with _named_if_it_crashes(call):
                scorer = _load_once(call.folder, call.digest)
                guard = columns[call.n_columns] if len(columns) > call.n_columns else None
                is_wanted = None if guard is None else np.asarray(guard.fill_null(False).to_numpy(zero_copy_only=False))
                return answer(call, scorer, read_inputs(columns[: call.n_columns], call.sequence_length), is_wanted)
        except Exception as e:
            # PySpark reads this when it reports an error of a worker: ours are one sentence without a stack trace.
            os.environ["SPARK_HIDE_TRACEBACK"] = "1"
            if isinstance(e, MemoryError):
                raise ModelContractError(
                    f"{call.function} with {call.model} ran out of memory in a worker: raise "
                    "spark.executor.pyspark.memory or lower spark.sql.execution.arrow.maxRecordsPerBatch"
                ) from None
            raise


@lru_cache(maxsize=8)
def _load_once(folder: str, digest: str) -> Scorer:
    # Module level, so that all tasks of a worker share one copy; a promoted version has another digest.
    return load_scorer(Path(folder), digest)


@contextmanager
def _named_if_it_crashes(call: Call) -> Iterator[None]:
    """Name the model in what Spark reports when this process dies here, be it by a signal that no code can catch.

    Spark appends the file of this process in PYTHON_FAULTHANDLER_DIR to "Python worker exited unexpectedly"; PySpark
    makes it when a task starts and deletes it when the worker ends.
    """
    folder = os.environ.get("PYTHON_FAULTHANDLER_DIR")
    if not folder:
        yield
        return
    faulthandler.disable()  # else a segmentation fault adds a page of C frames
    note = Path(folder, str(os.getpid()))
    note.write_text(
        f"{call.function} with {call.model} ended its worker, which crashed or was killed, as when memory runs out; "
        "the session goes on: run again, with more memory or fewer rows a batch "
        "(spark.sql.execution.arrow.maxRecordsPerBatch)"
    )
    try:
        yield
    finally:
        note.write_text("")
