"""The steps of a data set up to its models, each recorded in ``runs``: ingest, book, resample, normalize, train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.errors import NothingToDo, UsageError
from models.model_version import ModelVersion, name_of_several
from models.names import near_first

if TYPE_CHECKING:
    from jobs.app import App
    from jobs.config import Config
    from jobs.runs import Run
    from jobs.sources import Source

Rows = list[dict[str, Any]]
INGESTED = ("orders", "trades", "gaps", "orders__quarantine", "ingested_files")


def ingest_step(app: App, sources: Sequence[Source], max_bad: float) -> Rows:
    """Read the files of each source that the ledger lacks; one row a file.

    Raises:
        NothingToDo: every file was read before.
        DataContractError: no source, no file, or too many refused lines; what earlier sources landed stays.
    """
    from jobs.ingest import ingest
    from jobs.runs import recorded_run

    if not sources:
        raise UsageError("there is nothing to read: name files, or sources in foretable.yml")
    spark = app.session()
    rows: Rows = []
    runs: list[Run] = []
    for source in sources:
        digest = app.config.digest("sources", "max_bad")
        with recorded_run(spark, "ingest", source.path, digest, tables=INGESTED) as run:
            runs.append(run)
            summary = ingest(spark, source, max_bad, run.run_id, app.say)
            if summary.is_nothing_new:
                run.is_empty = True
                continue
            for name in ("n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending"):
                setattr(run, name, getattr(summary, name))
            run.input_files = {file.source_file: file.file_digest for file in summary.files}
        rows += [file.row() for file in summary.files]
        app.say(f"{summary.n_gaps:,} holes in the sequence near these events, {summary.n_missing:,} numbers missing")
    if not rows and not any(run.took_over for run in runs):
        raise NothingToDo("every file is in the ledger already")
    return rows


def book_step(app: App, is_rebuild: bool = False) -> Rows:
    """Bring the quotes of the rebuilt books up to date; one row a symbol. A rebuild replays all events again.

    Raises:
        NothingToDo: no event is newer than the quotes.
    """
    from jobs.rebuild_books import are_made_otherwise, rebuild_books
    from jobs.run_history import last_inputs
    from jobs.runs import recorded_run

    spark, digest = app.session(), app.config.book_digest
    app.say("replaying order events into quotes …")
    with recorded_run(spark, "book", "quotes", digest, tables=("quotes", "book_states")) as run:
        run.is_rebuild = is_rebuild or are_made_otherwise(spark, digest)
        since = None if is_rebuild else last_inputs(spark, "book", "quotes", digest)
        summary = rebuild_books(spark, app.config.book_settings, digest, since)
        run.inputs, run.n_good = summary.inputs, summary.n_quotes
        if summary.n_quotes == summary.n_states == 0:
            raise NothingToDo("the quotes are up to date")
    by_symbol = sorted(summary.n_by_symbol.items())
    return [{"exchange": exchange, "symbol": symbol, "rows": n} for (exchange, symbol), n in by_symbol]


def resample_step(app: App, is_rebuild: bool = False) -> Rows:
    """Bring the bars of the configured widths up to date; one row a width. A rebuild reads all events again.

    Raises:
        NothingToDo: no event is newer than the bars.
    """
    from jobs.resample import resample
    from jobs.run_history import is_overtaken, last_inputs
    from jobs.runs import recorded_run

    spark, config = app.session(), app.config
    app.say(f"resampling into bars of {', '.join(f'{width} s' for width in config.bars.seconds)} …")
    digest = config.digest("bars")
    with recorded_run(spark, "resample", "bars", digest, tables=("bars",)) as run:
        since = None if is_rebuild else last_inputs(spark, "resample", "bars", digest)
        run.is_rebuild = is_rebuild or (since is None and is_overtaken(spark, "resample", "bars", digest))
        summary = resample(spark, config.bars.seconds, config.bars.gap_free, since)
        run.inputs, run.n_good = summary.inputs, summary.n_bars
        if summary.n_bars == 0:
            raise NothingToDo("the bars are up to date")
    return [{"bar_seconds": width, "bars": n} for width, n in summary.n_bars_by_width.items()]


def normalize_step(app: App, is_rebuild: bool = False) -> Rows:
    """Bring features and labels of the configured bar width up to date. A rebuild computes all rows again.

    Raises:
        NothingToDo: no bar is newer than the features.
        DataContractError: there are no bars of this width.
    """
    from jobs.normalize import normalize
    from jobs.run_history import is_overtaken, last_inputs
    from jobs.runs import recorded_run

    spark, config = app.session(), app.config
    width = config.model_bar_seconds
    app.say(f"normalizing bars of {width} s into {len(config.features.items)} features …")
    target, digest = f"features of {width} s bars", config.digest("features", "labels")
    with recorded_run(spark, "normalize", target, digest, tables=("features", "feature_scales")) as run:
        since = None if is_rebuild else last_inputs(spark, "normalize", target, digest)
        run.is_rebuild = is_rebuild or (since is None and is_overtaken(spark, "normalize", target, digest))
        summary = normalize(spark, width, config.features, config.labels, since)
        run.inputs, run.n_good = summary.inputs, summary.n_rows
        if summary.n_rows == 0:
            raise NothingToDo("the features are up to date")
    return [{"feature_set": summary.feature_set, "bar_seconds": width, "rows": summary.n_rows}]


def train_step(app: App, config: Config) -> Rows:
    """Train the models of ``config``; one row a model.

    Raises:
        NothingToDo: these settings and data were trained before.
    """
    from jobs.published_functions import publish_function
    from jobs.runs import recorded_run
    from jobs.train import train

    spark = app.session()
    target = ", ".join(model.name for model in config.models)
    with recorded_run(spark, "train", target, config.digest("models", "training", "labels", "features")) as run:
        trained = train(spark, config, app.registry, app.say)
        if not any(one.is_new for one in trained):
            raise NothingToDo("every model is up to date with its settings and data")
        new = [one.version for one in trained if one.is_new]
        run.inputs = {"features": max(version.data_versions["features"] for version in new)}
        run.n_good = len(new)
    for one in trained:
        if one.is_new and one.is_champion:
            publish_function(spark, app.registry, config.schema_name, one.version.name)
        if one.is_new:
            app.registry.settle(one.version.name, one.version.version)
    return [_trained(one) for one in trained]


def _trained(one: Any) -> dict[str, Any]:
    version: ModelVersion = one.version
    name = "rmse" if version.task == "regression" else "log_loss"
    errors = {f"{split}_{name}": version.metrics[split][name] for split in ("train", "validation", "test")}
    facts = {"model": version.name, "version": version.version, "family": version.family, "is_new": one.is_new}
    return {**facts, "is_champion": one.is_champion, **errors}


def select_models(config: Config, only: Sequence[str]) -> Config:
    """The configuration with these models alone; all where none is named. A model of several labels is all of its own.

    Raises:
        UsageError: the configuration has no such model.
    """
    known = [(model.name, name_of_several(model.name, model.label)) for model in config.models]
    for name in only:
        if not any(name in names for names in known):
            names = [name for name, _ in known]
            raise UsageError(f"the configuration has no model {name}: it has {', '.join(near_first(name, names))}")
    chosen = [model for model, names in zip(config.models, known, strict=True) if not only or set(only) & set(names)]
    return config.model_copy(update={"models": tuple(chosen)})
