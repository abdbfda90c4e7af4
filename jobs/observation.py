"""All that a ``foretable run`` depends on, as it is at one moment; told without Spark, in a second."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.network_files import network_source
from jobs.pipeline_graph import in_order
from jobs.step_settings import DEFAULT_STEPS
from models.errors import ForetableError

if TYPE_CHECKING:
    from jobs.app import App

_COMMIT = re.compile(r"(\d{20})\.(?:json|checkpoint.*\.parquet)")


@dataclass(frozen=True)
class Observation:
    """All that a run depends on. Each part is a digest, but for the tables."""

    settings: str
    code: str
    files: str
    n_files: int
    tables: dict[str, list[int]]  # table to number, inode, size and time of its newest commit
    published: str
    models: str


def observe(app: App) -> Observation | None:
    """What everything is like now; None where that cannot be told without Spark.

    That is where the tables may lie elsewhere than in the warehouse folder of the home, a source has no file, or the
    configuration has steps of its own: SQL may read anything.
    """
    config = app.config
    jobs = tuple(step.job for step in in_order(config.steps) if step.job != "book")  # which reads only orders
    if config.metastore or "spark.sql.warehouse.dir" in config.spark or jobs != DEFAULT_STEPS:
        return None
    try:
        files = _files(app)
        tables = _tables(schema_folder(app))
        return Observation(
            settings=_digest([config.digest(), _networks(app)]),
            code=_code(),
            files=_digest(files),
            n_files=len(files),
            tables=tables,
            published=_digest(_text(schema_folder(app) / "_last_good.json")),
            models=models_of(app),
        )
    except (OSError, ForetableError):
        return None  # the run itself will find it, and say it


def _networks(app: App) -> list[str | None]:
    """The networks of the user's own among the models: what a file holds is a setting too."""
    folder = app.registry.networks_folder
    return [network_source(model.family.lower(), model.options, folder) for model in app.config.models]


def _files(app: App) -> list[list[Any]]:
    """Source files with all that the system tells without opening them; new content moves at least the ctime."""
    from jobs.ingest_files import find_files

    found = []
    for source in app.config.sources:
        for file in find_files(source):
            s = file.stat()
            found.append([str(file), s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns])
    return found


def _tables(schema: Path) -> dict[str, list[int]]:
    """The newest commit of each Delta table in the schema's folder; none before the first run."""
    if not schema.is_dir():
        return {}
    logs = {folder.name: folder / "_delta_log" for folder in schema.iterdir() if (folder / "_delta_log").is_dir()}
    return {name: _newest_commit(log) for name, log in sorted(logs.items())}


def _newest_commit(log: Path) -> list[int]:
    """Its number, and its file: a table that was made anew or put back may have reached the same number."""
    with os.scandir(log) as entries:
        names = [entry.name for entry in entries if _COMMIT.fullmatch(entry.name)]
    newest = max(names, key=lambda name: (int(name[:20]), name.endswith(".json")), default=None)
    if newest is None:
        return [-1]
    s = (log / newest).stat()
    return [int(newest[:20]), s.st_ino, s.st_size, s.st_mtime_ns]


def models_of(app: App) -> str:
    """Versions, digests and aliases of the configured models, and which model is the default one."""
    registry = app.registry
    known = set(registry.list_models())
    versions = [
        [v.name, v.version, v.digest, sorted(v.aliases), v.training_key]
        for model in app.config.models
        if model.name in known
        for v in registry.list_versions(model.name)
    ]
    return _digest([versions, registry.default_model()])


def _code() -> str:
    """Version of Foretable, and its files as they lie there: a checkout changes without a new version."""
    import importlib.metadata
    import importlib.resources

    files = []
    for package in ("jobs", "models", "udfs", "sql"):
        root = Path(str(importlib.resources.files(package)))
        for file in sorted(f for f in root.rglob("*") if f.suffix in (".py", ".sql", ".java")):
            s = file.stat()
            files.append([str(file), s.st_size, s.st_mtime_ns])
    return _digest([importlib.metadata.version("foretable"), files])


def schema_folder(app: App) -> Path:
    """Folder of the schema in the warehouse of the home."""
    return app.config.home / "warehouse" / f"{app.config.schema_name}.db"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
