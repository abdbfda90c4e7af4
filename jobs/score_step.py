"""The last step of a data set: predictions of feature rows that are new or changed, recorded in ``runs``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from jobs.pipeline import Rows
from models.errors import NothingToDo
from models.model_version import ModelVersion

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.runs import Run


def score_step(
    app: App, versions: Sequence[ModelVersion], is_rescore: bool = False, by_number: Collection[str] = ()
) -> Rows:
    """Save the predictions of these versions for the feature rows that are new or changed; one row a version.

    A version that was never scored takes over where its name was scored last: older rows keep what the version of that
    time said. The first version of a name scores all rows.

    Args:
        app: The call.
        versions: What to score with.
        is_rescore: Score all rows.
        by_number: Those of ``versions``, as ``name/3``, that somebody asked for by their number: they do not take over
            but score all rows at first.

    Raises:
        NothingToDo: no feature row has changed since they were scored.
    """
    from jobs.last_good import good_version
    from jobs.run_history import last_scored
    from jobs.runs import recorded_run
    from jobs.score import score
    from jobs.score_scope import scope_digest
    from jobs.table_versions import usable_since

    spark, config = app.session(), app.config
    if app.watch is not None:
        app.watch.scoring_with(versions)
    exchanges = sorted({source.exchange for source in config.sources}) or _exchanges_of_features(app)
    digest = scope_digest(config.model_bar_seconds, exchanges)
    rows: Rows = []
    runs: list[Run] = []
    for version in versions:
        target = f"{version.name}/{version.version}"
        with recorded_run(spark, "score", target, digest, tables=("predictions",)) as run:
            runs.append(run)
            run.inputs = {"features": good_version(spark, "features")}
            until = (
                None
                if is_rescore
                else last_scored(spark, version.name, version.version, digest, target not in by_number)
            )
            has_rows = until is not None and _has_predictions(app, version)
            if until == run.inputs and has_rows:
                run.is_empty = True
                continue
            app.say(f"scoring {target} …")
            since = usable_since(spark, until, run.inputs) if has_rows else None
            run.is_rebuild = is_rescore or (until is not None and since is None)
            summary = score(
                spark, version, config.model_bar_seconds, exchanges, run.inputs["features"], run.run_id,
                since["features"] if since else None,
            )  # fmt: skip
            if summary.is_nothing_new:
                run.is_empty = True
                continue
            run.n_good = summary.n_written
        statuses = {"ok": 0, "null_feature": 0, "shape": 0, "out_of_range": 0}
        statuses |= {status.lower(): n for status, n in summary.n_by_status.items()}
        n_scored = sum(summary.n_by_status.values())
        rows.append({"model": target, "rows": n_scored, "written": summary.n_written, "deleted": summary.n_deleted}
                    | statuses)  # fmt: skip
    _add_views(app)
    if not rows and not any(run.took_over for run in runs):
        raise NothingToDo("the predictions are up to date")
    return rows


def _add_views(app: App) -> None:
    """Make the views of predictions beside what came true, and of drift, where predictions are published."""
    from jobs.last_good import published_versions
    from jobs.tables import run_sql

    spark = app.session()
    if "predictions" not in published_versions(spark):
        return
    for view in ("prediction_outcomes", "drift"):
        if not spark.catalog.tableExists(view):
            run_sql(spark, f"ddl/{view}")


def _exchanges_of_features(app: App) -> list[str]:
    return sorted(row.exchange for row in app.session().table("features").select("exchange").distinct().collect())


def _has_predictions(app: App, version: ModelVersion) -> bool:
    """Whether there is a saved prediction of the name: where the table was emptied by hand, all rows are scored."""
    predictions = app.session().table("predictions")
    return not predictions.where(predictions.model == version.name).isEmpty()
