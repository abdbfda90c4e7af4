"""``foretable doctor``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from jobs.app import App, pass_app

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.doctor import Finding


@click.command(epilog="""\b
Examples:
  foretable doctor
  foretable --json doctor""")  # fmt: skip
@click.pass_context
@pass_app
def doctor(app: App, ctx: click.Context) -> None:
    """Look for what is wrong with the home, its tables and its models, and say how to cure it; changes nothing.

    One row a finding, none where all is well. The exit code is 3 where one of them is an error, else 0.
    """
    from dataclasses import asdict

    from jobs.doctor import worst_first

    findings = worst_first(_findings(app))
    app.emit([asdict(found) for found in findings])
    if not findings:
        app.say("nothing is wrong")
    if any(found.severity == "error" for found in findings):
        ctx.exit(3)


def _findings(app: App) -> Iterator[Finding]:
    from jobs import doctor as checks

    home, schema_folder = app.config.home, app.config.home / "warehouse" / f"{app.config.schema_name}.db"
    yield from checks.check_listeners(app.config.spark)
    yield from checks.check_settings(app.config.spark)
    if not home.is_dir():
        yield checks.Finding("home", "info", str(home), "it is not there yet", "nothing: the first command makes it")
        return
    yield from checks.check_permissions(home)
    yield from checks.check_free_space(home)
    yield from checks.check_leftovers(home)
    yield from checks.check_locks(schema_folder)
    has_registry = True
    try:
        yield from _registry_findings(app)
    except sqlite3.DatabaseError as e:
        has_registry = False
        yield checks.Finding("registry", "error", app.registry.tracking_uri, f"it cannot be read ({e})",
                             "restore home/registry/mlflow.db from a copy")  # fmt: skip
    if schema_folder.is_dir():
        yield from _catalog_findings(app, has_registry)
    else:
        yield checks.Finding("table", "info", app.config.schema_name, "the schema has no tables yet", "foretable run")


def _registry_findings(app: App) -> Iterator[Finding]:
    from jobs.doctor import check_artifacts, check_orphans

    if not (app.config.home / "registry").is_dir():
        return  # no model yet, and looking for one would make the folder
    registry = app.registry
    versions = [version for name in registry.list_models() for version in registry.list_versions(name)]
    yield from check_artifacts(versions)
    yield from check_orphans(registry.artifact_root, versions)


def _catalog_findings(app: App, has_registry: bool) -> Iterator[Finding]:
    from jobs.doctor import Finding
    from models.errors import ForetableError

    try:
        spark = _bare_session(app)
    except ForetableError as e:
        yield Finding("session", "error", "Spark", str(e), "cure the other findings first, then look again")
        return
    from jobs.doctor_catalog import check_functions, check_tables
    from jobs.doctor_publication import check_publication, check_unfinished_runs

    faults = list(check_tables(spark))
    yield from faults
    if not any(found.subject == "runs" for found in faults):
        yield from check_unfinished_runs(spark, app.config.home / "warehouse" / f"{app.config.schema_name}.db")
        yield from check_publication(spark)
    if has_registry:
        yield from check_functions(spark, app.registry)


def _bare_session(app: App) -> SparkSession:
    """The App's session; where none is open yet, one that does not make the missing tables, which are a finding."""
    if "_session" not in vars(app):
        from jobs.session import SessionSettings, start_session

        app.say("starting Spark …")
        app._session = start_session(SessionSettings.of(app.config), app.say)
    return app.session()
