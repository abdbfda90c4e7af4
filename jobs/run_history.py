"""What earlier runs were, from the table ``runs``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.small_table import SmallTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OF_A_TARGET = ("run_number", "job", "target", "config_digest", "state", "finished_at", "inputs")
_NEWEST = [("run_number", "descending"), ("finished_at", "descending")]


def newest_number(spark: SparkSession, job: str) -> tuple[int, int]:
    """Number of the newest run of all, 0 before the first one; and how many runs of the job were undone."""
    runs = SmallTable(spark, "runs").rows(["run_number", "job", "state"])
    is_undone = (pc.field("state") == "undone") & (pc.field("job") == job)
    return pc.max(runs["run_number"]).as_py() or 0, runs.filter(is_undone).num_rows


def last_inputs(spark: SparkSession, job: str, target: str, config_digest: str) -> dict[str, int] | None:
    """Delta versions that the newest done run of this job, target and configuration read.

    None where there is none, or where a run with other settings came after it: the rows of the target may be those.
    """
    runs = _standing(spark, job, target)
    done = runs.filter((pc.field("config_digest") == config_digest) & (pc.field("state") == "done"))
    return None if _is_overtaken(runs, done, config_digest) else _inputs_of_first(done)


def is_overtaken(spark: SparkSession, job: str, target: str, config_digest: str) -> bool:
    """Whether a run of this job and target with other settings came after the last done one with these.

    However it ended it may have written rows, which only a rebuild brings back.
    """
    runs = _standing(spark, job, target)
    done = runs.filter((pc.field("config_digest") == config_digest) & (pc.field("state") == "done"))
    return _is_overtaken(runs, done, config_digest)


def last_scored(spark: SparkSession, model: str, version: int, digest: str, takes_over: bool) -> dict[str, int] | None:
    """Delta versions that the newest done scoring of a model version read, in the scope of the digest.

    Where it never scored and may take over, those of the newest scoring of any version of the model.
    """
    runs = SmallTable(spark, "runs").rows(_OF_A_TARGET)
    is_done = (pc.field("job") == "score") & (pc.field("state") == "done") & (pc.field("config_digest") == digest)
    done = runs.filter(is_done)
    own = done.filter(pc.field("target") == f"{model}/{version}")
    if own.num_rows or not takes_over:
        return _inputs_of_first(own)
    return _inputs_of_first(done.filter(pc.starts_with(pc.field("target"), f"{model}/")))


def finished_among(spark: SparkSession, run_ids: Collection[str], job: str | None, target: str | None) -> set[str]:
    """Those runs that are done or undone; for a run of ``job`` its own earlier ones too, however they ended.

    Of an ingest only those of the same target count so.
    """
    runs = SmallTable(spark, "runs").rows(["run_id", "job", "target", "state"])
    is_finished = pc.field("state").isin(["done", "undone"])
    if job is not None:
        is_own = pc.field("job") == job
        is_finished |= is_own & (pc.field("target") == target) if job == "ingest" else is_own
    return set(runs.filter(pc.field("run_id").isin(sorted(run_ids)) & is_finished)["run_id"].to_pylist())


def newest_outputs(spark: SparkSession) -> dict[str, int]:
    """Table to the newest version that a done run has published, or was about to."""
    runs = SmallTable(spark, "runs").rows(["state", "outputs"])
    outputs = runs.filter(pc.field("state") == "done")["outputs"].combine_chunks()
    pairs = pa.table({"table": outputs.keys, "version": outputs.items})
    newest = pairs.group_by("table").aggregate([("version", "max")])
    return dict(zip(newest["table"].to_pylist(), newest["version_max"].to_pylist(), strict=True))


def _standing(spark: SparkSession, job: str, target: str) -> pa.Table:
    """Runs of a job and target that were not undone."""
    runs = SmallTable(spark, "runs").rows(_OF_A_TARGET)
    is_standing = (pc.field("job") == job) & (pc.field("target") == target) & (pc.field("state") != "undone")
    return runs.filter(is_standing)


def _is_overtaken(runs: pa.Table, done: pa.Table, config_digest: str) -> bool:
    others = pc.max(runs.filter(pc.field("config_digest") != config_digest)["run_number"]).as_py()
    mine = pc.max(done["run_number"]).as_py()
    return others is not None and others > (mine or 0)


def _inputs_of_first(runs: pa.Table) -> dict[str, int] | None:
    newest: list[dict[str, Any]] = runs.take(pc.sort_indices(runs, _NEWEST)[:1]).to_pylist()
    return dict(newest[0]["inputs"]) if newest else None
