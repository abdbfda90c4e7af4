"""What the steps of a pipeline would do: what they read, how much of it is new, targets and SQL; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.tables import sql_text
from models.errors import ModelContractError

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.step_settings import StepSettings

_INGEST_MERGES = ("ingest_orders", "ingest_trades", "ingest_gaps", "ingest_quarantine", "ingest_ledger")


@dataclass(frozen=True)
class StepPlan:
    """One step. The tables are looked at as they are now: what steps before it would add is not counted."""

    step: str
    job: str
    needs: str
    reads: str  # tables with their Delta versions, files, models
    new: str  # what was not read by the last finished run
    n_new: int | None  # the same as a number of files or rows; None where a step does not look for it
    writes: str
    sql: str


def plan_pipeline(app: App, steps: Sequence[StepSettings]) -> list[StepPlan]:
    """Plan each of the ordered steps.

    Raises:
        DataContractError: a source has no file.
        UsageError: the text of a sql step cannot be read.
    """
    return [StepPlan(step.name, step.job, ", ".join(step.needs or ()), **_PLANS[step.job](app, step)) for step in steps]


def print_plan(app: App, plans: Sequence[StepPlan]) -> None:
    """The plans as data: with --json in one piece, else a table, and below it the SQL of each step."""
    rows = [asdict(plan) for plan in plans]
    if app.is_json:
        app.emit(rows)
        return
    app.emit([{name: value for name, value in row.items() if name not in ("sql", "n_new")} for row in rows])
    for plan in plans:
        if plan.sql:
            click.echo(f"\n-- {plan.step}\n{plan.sql}")


def _ingest(app: App, step: StepSettings) -> dict[str, Any]:
    from jobs.ingest_files import find_files
    from jobs.ingest_reading import plan_tasks
    from jobs.readers.byte_stream import sha256_of

    n_files = n_bytes = 0
    for source in app.config.sources:
        for task in plan_tasks(app.session(), source, find_files(source)):
            if not task.known_digests or sha256_of(Path(task.path), task.n_bytes) not in task.known_digests:
                n_files, n_bytes = n_files + 1, n_bytes + task.n_bytes
    return {
        "reads": ", ".join(source.path for source in app.config.sources) or "no sources",
        "new": f"{n_files:,} files of {n_bytes:,} bytes",
        "n_new": n_files,
        "writes": "orders, trades, gaps, orders__quarantine, ingested_files",
        "sql": _texts(*(f"merge/{name}" for name in _INGEST_MERGES)),
    }


def _book(app: App, step: StepSettings) -> dict[str, Any]:
    changes = _changes(app, "book", "quotes", app.config.book_digest, ("orders",))
    return {**changes, "writes": "quotes, book_states", "sql": _texts("merge/quotes", "merge/book_states")}


def _resample(app: App, step: StepSettings) -> dict[str, Any]:
    from jobs.resample import BAR_SOURCES

    changes = _changes(app, "resample", "bars", app.config.digest("bars"), BAR_SOURCES)
    widths = ", ".join(f"{width} s" for width in app.config.bars.seconds)
    return {**changes, "writes": f"bars of {widths}", "sql": _texts("merge/bars")}


def _normalize(app: App, step: StepSettings) -> dict[str, Any]:
    width, digest = app.config.model_bar_seconds, app.config.digest("features", "labels")
    changes = _changes(app, "normalize", f"features of {width} s bars", digest, ("bars",), f"bar_seconds = {width:d}")
    return {**changes, "writes": "features, feature_scales", "sql": _texts("merge/features")}


def _train(app: App, step: StepSettings) -> dict[str, Any]:
    config = app.config
    digest = config.digest("models", "training", "labels", "features")
    changes = _changes(app, "train", ", ".join(model.name for model in config.models), digest, ("features",))
    models = ", ".join(f"{model.name} ({model.family})" for model in config.models)
    return {**changes, "writes": f"registry: {models}", "sql": ""}


def _score(app: App, step: StepSettings) -> dict[str, Any]:
    from jobs.run_history import last_scored
    from jobs.score_scope import scope_digest

    spark, config = app.session(), app.config
    exchanges = sorted({source.exchange for source in config.sources})
    digest = scope_digest(config.model_bar_seconds, exchanges)
    names, n_new, reads = [], 0, ""
    for model in config.models:
        try:
            version = app.registry.resolve(model.name)
        except ModelContractError:
            names.append(f"{model.name} (not trained yet)")
            continue
        names.append(f"{version.name}/{version.version}")
        changes = _since(app, last_scored(spark, version.name, version.version, digest, True), ("features",))
        n_new, reads = n_new + changes["n_new"], changes["reads"]
    return {
        "reads": ", ".join([*([reads] if reads else []), *names]),
        "new": f"{n_new:,} rows",
        "n_new": n_new,
        "writes": "predictions",
        "sql": _texts(*_answer_queries(config.models), "merge/predictions"),
    }


def _answer_queries(models: Sequence[Any]) -> list[str]:
    kinds = {"sequences" if model.sequence_length > 1 else "rows" for model in models}
    return [f"queries/answers_of_{kind}" for kind in sorted(kinds)]


def _sql(app: App, step: StepSettings) -> dict[str, Any]:
    from jobs.sql_step import step_statements

    statements = step_statements(step)
    return {
        "reads": step.file or "query",
        "new": f"{len(statements)} statements",
        "n_new": None,
        "writes": step.table or "what the statements write",
        "sql": ";\n".join(statements),
    }


def _measures(reads: str, writes: str) -> Callable[[App, StepSettings], dict[str, Any]]:
    """The plan of a job that looks at everything each time."""
    return lambda app, step: {"reads": reads, "new": "", "n_new": None, "writes": writes, "sql": ""}


def _changes(
    app: App, job: str, target: str, digest: str, tables: Sequence[str], condition: str | None = None
) -> dict[str, Any]:
    from jobs.run_history import last_inputs

    return _since(app, last_inputs(app.session(), job, target, digest), tables, condition)


def _since(
    app: App, since: Mapping[str, int] | None, tables: Sequence[str], condition: str | None = None
) -> dict[str, Any]:
    """Tables at the versions that would be read, and the rows that changed in them since a finished run."""
    from jobs.last_good import good_version
    from jobs.table_versions import changed_rows, rows_at, usable_since

    spark = app.session()
    inputs = {table: good_version(spark, table) for table in tables}
    usable = usable_since(spark, since, inputs)
    counts = {}
    for table, version in inputs.items():
        rows = changed_rows(spark, table, usable[table], version) if usable else rows_at(spark, table, version)
        counts[table] = (rows.where(condition) if condition else rows).count()
    what = "changed rows" if usable else "rows, all"
    return {
        "reads": ", ".join(f"{table} version {version}" for table, version in inputs.items()),
        "new": ", ".join(f"{n:,} {what} of {table}" for table, n in counts.items()),
        "n_new": sum(counts.values()),
    }


def _texts(*statements: str) -> str:
    return "\n\n".join(sql_text(statement).strip() for statement in statements)


_PLANS: Mapping[str, Callable[[App, StepSettings], dict[str, Any]]] = {
    "ingest": _ingest,
    "book": _book,
    "resample": _resample,
    "normalize": _normalize,
    "train": _train,
    "score": _score,
    "evaluate": _measures("features, models", "nothing"),
    "report": _measures("features, predictions, models", "reports/report.html of the home"),
    "maintain": _measures("all tables", "the same rows in fewer files; deletes expired ones"),
    "sql": _sql,
}
