"""States of a home: what its tables and models hold, read without Spark, and copies to start from again."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing

from deltalake import DeltaTable

from jobs.tables import PUBLISHED
from models.registry import Registry

# Names, clocks, numbers of commits (a kill adds some), and the bytes of an artifact, which are not the same twice.
VOLATILE = ("run_id", "scored_at", "features_version", "digest")


class States:
    """The schemas and the registry of one home."""

    def __init__(self, home):
        self.home = home

    def folder(self, schema):
        return self.home / "warehouse" / f"{schema}.db"

    def published_versions(self, schema):
        file = self.folder(schema) / "_last_good.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def newest_versions(self, schema):
        return {table: self._table(schema, table).version() for table in PUBLISHED}

    def published(self, schema):
        """Table to the digest of the rows that readers see."""
        versions = self.published_versions(schema)
        return {table: self._digest(schema, table, versions.get(table, 0)) for table in PUBLISHED}

    def newest(self, schema):
        """Table to the digest of all its rows."""
        return {table: self._digest(schema, table, None) for table in PUBLISHED}

    def models(self, name):
        """Versions of a model: number, training, aliases and errors."""
        registry = Registry.in_home(self.home)
        known = registry.list_versions(name) if name in registry.list_models() else []
        return [(one.version, one.training_key, sorted(one.aliases), one.metrics) for one in known]

    def definitions(self, schema):
        """Names of the views and functions."""
        return sorted(file.name for file in (self.folder(schema) / "_definitions").iterdir())

    def whole(self, schema, model):
        """All that a user could tell apart."""
        published, newest = self.published(schema), self.newest(schema)
        return {
            "published": published,
            "newest": newest,
            "models": self.models(model),
            "views": self.definitions(schema),
        }

    def drop(self, schema):
        shutil.rmtree(self.folder(schema))

    def runs(self, schema):
        """``job`` and ``state`` of each run, oldest first."""
        rows = self._table(schema, "runs").to_pyarrow_table().to_pylist()
        return [(row["job"], row["state"]) for row in sorted(rows, key=lambda row: row["run_number"])]

    def copy(self, source, target):
        """Make the schema ``target`` what ``source`` is."""
        shutil.rmtree(self.folder(target), ignore_errors=True)
        shutil.copytree(self.folder(source), self.folder(target))
        for definition in (self.folder(target) / "_definitions").iterdir():  # a view names its schema
            definition.write_text(definition.read_text().replace(source, target))

    def keep_models(self, name):
        """Keep the registry under a name."""
        self._copy_store(self._store(), self.home / f"{name}.db")

    def restore_models(self, name):
        """Bring a kept registry back, into the file that other processes hold open."""
        self._copy_store(self.home / f"{name}.db", self._store())

    def _store(self):
        return self.home / "registry" / "mlflow.db"

    def _copy_store(self, source, target):
        with closing(sqlite3.connect(source)) as held, closing(sqlite3.connect(target)) as wanted:
            held.backup(wanted)

    def _table(self, schema, table, version=None):
        return DeltaTable(self.folder(schema) / table, version=version)

    def _digest(self, schema, table, version):
        rows = self._table(schema, table, version).to_pyarrow_table()
        rows = rows.drop_columns([name for name in VOLATILE if name in rows.column_names])
        rows = rows.select(sorted(rows.column_names)).to_pylist()
        text = "\n".join(sorted(repr(tuple(row.values())) for row in rows))
        return len(rows), hashlib.sha256(text.encode()).hexdigest()[:16]
