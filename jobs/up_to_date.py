"""Whether anything can have changed since a run that left everything up to date.

The file ``_up_to_date.json`` of a schema says what a whole run looked at: settings, code, each source file (size,
times, inode), the newest commit of each table and the registered models. It is stored only where nothing but the run
itself has changed any of it meanwhile, so that equality means: each step would find nothing to do.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.observation import Observation, models_of, observe, schema_folder
from jobs.tables import TABLES
from models.model_version import ModelVersion

if TYPE_CHECKING:
    from jobs.app import App

FILE = "_up_to_date.json"


class Watch:
    """One whole ``foretable run``: compares before it, and remembers after it where that is sound."""

    def __init__(self, app: App) -> None:
        """Look at everything as it is before the first step."""
        self._app = app
        self._before = observe(app)
        self._scored_models = self._before.models if self._before and not app.config.models else None

    def unchanged(self) -> str | None:
        """What is as the last run left it, as a sentence; None where something is not, or cannot be told."""
        if self._before is None or _stored(self._file) != self._before:
            return None
        n_files, n_tables = self._before.n_files, len(self._before.tables)
        return (
            f"everything is up to date: {n_files:,} source file{'s' if n_files != 1 else ''}, {n_tables} tables, the "
            "models, settings and code are as the last run left them (--check-all looks into each)"
        )

    def scoring_with(self, versions: Sequence[ModelVersion]) -> None:
        """The score step begins: remember which models there are now that it has chosen ``versions``."""
        registry = self._app.registry
        now = models_of(self._app)
        wanted = [registry.resolve(model.name) for model in self._app.config.models]
        is_chosen = {(v.name, v.version) for v in wanted} <= {(v.name, v.version) for v in versions}
        self._scored_models = now if is_chosen else None

    def remember(self) -> bool:
        """Store what everything is like now, after all steps have ended well; False where somebody came between."""
        before, after = self._before, observe(self._app)
        is_sound = (
            before is not None
            and after is not None
            and (before.settings, before.code, before.files) == (after.settings, after.code, after.files)
            and after.models == self._scored_models
            and all(self._is_ours(table, before.tables.get(table), after.tables[table]) for table in after.tables)
            and before.tables.keys() <= after.tables.keys()
        )
        if is_sound and after is not None:
            aside = self._file.with_name(f".{FILE}.{secrets.token_hex(4)}")
            aside.write_text(json.dumps(asdict(after)), encoding="utf-8")
            os.replace(aside, self._file)
        return is_sound

    @property
    def _file(self) -> Path:
        return schema_folder(self._app) / FILE

    def _is_ours(self, table: str, before: list[int] | None, after: list[int]) -> bool:
        """Whether only this process has committed to the table since.

        The table ``runs`` tells nobody what to do that the others do not tell.
        """
        from jobs.runs import RUNS_OF_PROCESS

        if before == after or table == "runs":
            return True
        first = before[0] + 1 if before else 0
        log = schema_folder(self._app) / table / "_delta_log"
        return first <= after[0] and all(
            _is_made_by(log / f"{version:020d}.json", RUNS_OF_PROCESS) for version in range(first, after[0] + 1)
        )


def _stored(file: Path) -> Observation | None:
    try:
        stored = Observation(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return stored if set(TABLES) <= stored.tables.keys() else None


def _is_made_by(commit: Path, run_ids: set[str]) -> bool:
    """Whether a commit is tagged by one of these runs, or has made an empty table."""
    try:
        actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
        info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
        if info.get("operation") == "CREATE TABLE":
            return not any("add" in action or "remove" in action for action in actions)
        return json.loads(info.get("userMetadata") or "{}").get("foretable_run") in run_ids
    except (OSError, ValueError, AttributeError, StopIteration):
        return False
