"""What a step of a pipeline does: its job on the App, and the tables of rows to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jobs import pipeline
from jobs.score_step import score_step
from models.errors import NothingToDo

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.step_settings import StepSettings

Rows = list[dict[str, Any]]


def do_step(app: App, step: StepSettings, is_rescore: bool = False) -> list[Rows]:
    """Do the job of a step; ``is_rescore`` lets a score step score all rows, not only new and changed ones.

    Returns:
        Tables to print, each a list of rows with the same columns.

    Raises:
        NothingToDo: all that it makes is up to date.
        ForetableError: it failed; says why.
    """
    return _score(app, is_rescore) if step.job == "score" else _JOBS[step.job](app, step)


def rows_made(tables: list[Rows]) -> int | None:
    """How many rows a step says that it has made; None where it does not count."""
    for name in ("good", "bars", "rows"):
        counts = [row[name] for table in tables for row in table if isinstance(row.get(name), int)]
        if counts:
            return sum(counts)
    return None


def _ingest(app: App, step: StepSettings) -> list[Rows]:
    return [pipeline.ingest_step(app, app.config.sources, app.config.max_bad)]


def _book(app: App, step: StepSettings) -> list[Rows]:
    return [pipeline.book_step(app)]


def _resample(app: App, step: StepSettings) -> list[Rows]:
    return [pipeline.resample_step(app)]


def _normalize(app: App, step: StepSettings) -> list[Rows]:
    return [pipeline.normalize_step(app)]


def _train(app: App, step: StepSettings) -> list[Rows]:
    return [pipeline.train_step(app, app.config)]


def _score(app: App, is_rescore: bool) -> list[Rows]:
    versions = [app.registry.resolve(model.name) for model in app.config.models]
    return [score_step(app, versions, is_rescore)]


def _evaluate(app: App, step: StepSettings) -> list[Rows]:
    from jobs.evaluate import evaluate_classifiers, evaluate_models

    tables = [
        table for table in (evaluate_models(app, app.session()), evaluate_classifiers(app, app.session())) if table
    ]
    if not tables:
        raise NothingToDo("the configuration names no model")
    return tables


def _report(app: App, step: StepSettings) -> list[Rows]:
    from jobs.report import make_report

    return [[{"report": str(make_report(app))}]]


def _maintain(app: App, step: StepSettings) -> list[Rows]:
    from dataclasses import asdict

    from jobs.maintain import maintain, refuse_idle

    done = maintain(app.session(), ())
    refuse_idle(done)
    return [[asdict(one) for one in done]]


def _sql(app: App, step: StepSettings) -> list[Rows]:
    from jobs.sql_step import sql_step

    return sql_step(app.session(), step)


_JOBS: Mapping[str, Callable[[App, StepSettings], list[Rows]]] = {
    "ingest": _ingest,
    "book": _book,
    "resample": _resample,
    "normalize": _normalize,
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
    "maintain": _maintain,
    "sql": _sql,
}
