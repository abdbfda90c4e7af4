"""Reading registered versions out of an MLflow store.

A SQLite store is read directly, because importing MLflow takes seconds and a SQL shell would pay them at its first
``predict``. Every other store is read through MLflow's client. Both give the same rows; a test holds them together,
and setup.cfg pins the MLflow whose tables are read here.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlparse

from models.model_version import MANIFEST_TAG, ModelVersion, version_from_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 1000
_WAIT_SECONDS = 30
_VERSIONS = """
SELECT
    v.name,
    v.version,
    v.creation_time,
    v.run_id,
    v.source,
    (
        SELECT json_group_array(a.alias) FROM registered_model_aliases AS a
        WHERE a.workspace = v.workspace AND a.name = v.name AND a.version = v.version
    ) AS aliases,
    (
        SELECT json_group_object(t.key, t.value) FROM model_version_tags AS t
        WHERE t.workspace = v.workspace AND t.name = v.name AND t.version = v.version
    ) AS tags
FROM model_versions AS v
WHERE v.current_stage <> 'Deleted_Internal' AND (:name IS NULL OR v.name = :name)
"""


def sqlite_file(tracking_uri: str) -> Path | None:
    """Return the file of a ``sqlite:///`` store, None for every other store."""
    prefix = "sqlite:///"
    return Path(tracking_uri.removeprefix(prefix)) if tracking_uri.startswith(prefix) else None


def read_from_sqlite(file: Path, name: str | None = None) -> list[ModelVersion]:
    """Return the versions of a model, or of all, by name and then newest first; none where there is no file."""
    if not file.exists():
        return []
    uri = f"file:{quote(str(file))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as connection:
        rows = connection.execute(_VERSIONS, {"name": name}).fetchall()
    return _sorted(
        [
            _version(found, number, created, run_id, source, json.loads(aliases), json.loads(tags))
            for found, number, created, run_id, source, aliases, tags in rows
            if MANIFEST_TAG in json.loads(tags)
        ]
    )


def read_from_client(client: "MlflowClient", name: str | None = None) -> list[ModelVersion]:
    """Return what :func:`read_from_sqlite` returns, from any store."""
    condition = None if name is None else f"name = '{name}'"
    found = []
    token = None
    while True:
        page = client.search_model_versions(condition, max_results=_PAGE, page_token=token)
        found += [version for version in page if MANIFEST_TAG in version.tags]
        token = page.token
        if not token:
            break
    aliases = {model: client.get_registered_model(model).aliases for model in {version.name for version in found}}
    return _sorted(
        [
            _version(
                version.name,
                int(version.version),
                version.creation_timestamp,
                version.run_id,
                version.source,
                [alias for alias, number in aliases[version.name].items() if int(number) == int(version.version)],
                version.tags,
            )
            for version in found
        ]
    )


def _version(
    name: str,
    number: int,
    created_at_ms: int,
    run_id: str | None,
    source: str | None,
    aliases: list[str],
    tags: dict[str, str],
) -> ModelVersion:
    folder = Path(unquote(urlparse(source or "").path))
    return version_from_tags(name, number, created_at_ms, run_id or "", folder, tuple(sorted(aliases)), tags)


def _sorted(versions: list[ModelVersion]) -> list[ModelVersion]:
    return sorted(versions, key=lambda version: (version.name, -version.version))
