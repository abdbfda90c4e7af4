"""``foretable models``: the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobs.app import App, pass_app
from models.registry import CHAMPION

FORMATS = ("artifact", "sql", "skops", "keras", "onnx", "saved_model")

if TYPE_CHECKING:
    from models.model_version import ModelVersion


@click.group(epilog="""\b
Examples:
  foretable models list
  foretable models show ridge_return_5m
  foretable models promote ridge_return_5m/2
  foretable models rollback ridge_return_5m
  foretable models export ridge_return_5m model.onnx --format onnx
  foretable models verify""")  # fmt: skip
def models() -> None:
    """List, show, promote, roll back, export, verify and delete registered models."""


@models.command("list", epilog="\b\nExample:\n  foretable models list")
@pass_app
def list_(app: App) -> None:
    """One row a version, newest first within a name."""
    registry = app.registry
    default = registry.default_model()
    app.emit(
        [
            {
                "model": version.name,
                "version": version.version,
                "family": version.family,
                "label": version.label,
                "groups": _groups(version),
                "aliases": ", ".join(version.aliases),
                "is_default": version.name == default,
                "created_at": f"{version.created_at:%Y-%m-%d %H:%M:%S}",
                "digest": version.digest[:12],
            }
            for name in registry.list_models()
            for version in registry.list_versions(name)
        ]
    )


def _groups(version: ModelVersion) -> str:
    """How many groups have a model of their own; empty for one model of all rows."""
    counts = version.metrics.get("groups")
    return f"{counts['own']:.0f} of {counts['own'] + counts['pooled']:.0f}" if counts else ""


@models.command(epilog="\b\nExample:\n  foretable models show ridge_return_5m@champion")
@click.argument("reference", metavar="MODEL")
@pass_app
def show(app: App, reference: str) -> None:
    """Everything about one version: features, label, metrics of each split, data versions, artifact."""
    version = app.registry.resolve(reference)
    facts = {key: value for key, value in vars(version).items() if key not in ("metrics", "feature_names")}
    facts["feature_names"] = ", ".join(version.feature_names)
    facts["training_folder"] = version.training_folder
    for split, values in version.metrics.items():
        facts.update({f"{split}.{name}": value for name, value in values.items()})
    app.emit(facts if app.is_json else [{"property": key, "value": _plain(value)} for key, value in facts.items()])


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@models.command(epilog="\b\nExample:\n  foretable models promote ridge_return_5m/2")
@click.argument("reference", metavar="MODEL/VERSION")
@click.option("--alias", default=CHAMPION, show_default=True, help="Alias to move.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and end.")
@pass_app
def promote(app: App, reference: str, alias: str, dry_run: bool) -> None:
    """Move an alias to a version; open sessions use it from their next query on."""
    version = app.registry.resolve(reference)
    before = next((other.version for other in app.registry.list_versions(version.name) if alias in other.aliases), None)
    if not dry_run:
        app.registry.set_alias(version.name, alias, version.version)
        if alias == CHAMPION:
            _publish(app, version, before)
    app.emit({"model": version.name, "alias": alias, "from_version": before, "to_version": version.version})


@models.command(epilog="\b\nExample:\n  foretable models rollback ridge_return_5m")
@click.argument("name", metavar="MODEL")
@pass_app
def rollback(app: App, name: str) -> None:
    """Make the champion before this one champion again; open sessions use it from their next query on."""
    champion = app.registry.resolve(name)
    before = app.registry.roll_back(name)
    _publish(app, before, champion.version)
    app.emit({"model": name, "alias": CHAMPION, "from_version": champion.version, "to_version": before.version})


def _publish(app: App, version: ModelVersion, before: int | None) -> None:
    """Let the SQL function predict_<model> follow, where the old champion or the new one is small enough to be SQL."""
    from jobs.published_functions import publish_function
    from models.sql_expression import read_sql_expression

    champions = [version] if before is None else [version, app.registry.resolve(f"{version.name}/{before}")]
    if any(read_sql_expression(Path(one.folder), one.digest) for one in champions):
        publish_function(app.session(), app.registry, app.config.schema_name, version.name)


@models.command(epilog="""\b
Examples:
  foretable models export ridge_return_5m /backup/ridge
  foretable models export lstm_return_5m@champion lstm.onnx --format onnx""")  # fmt: skip
@click.argument("reference", metavar="MODEL")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True,
              help="The whole folder, which MLflow serves too; a file of it; or SQL for a small model.")  # fmt: skip
@pass_app
def export(app: App, reference: str, path: Path, format_: str) -> None:
    """Write a version to a new file or folder, for use elsewhere."""
    from jobs.statements.export_model import export_model

    version = app.registry.resolve(reference)
    target = path.expanduser().absolute()
    _, n_bytes = export_model(version, str(target), format_)
    told = {"model": version.name, "version": version.version, "format": format_}
    app.emit({**told, "path": str(target), "n_bytes": n_bytes})


@models.command(epilog="\b\nExample:\n  foretable models verify")
@click.argument("references", nargs=-1, metavar="[MODEL]...")
@pass_app
def verify(app: App, references: tuple[str, ...]) -> None:
    """Check artifacts against their digests, load them and ask their golden rows; all versions without an argument."""
    from models.artifact import load_scorer
    from models.errors import ModelContractError

    registry = app.registry
    every = (version for name in registry.list_models() for version in registry.list_versions(name))
    rows = []
    for version in [registry.resolve(reference) for reference in references] or every:
        state = "ok"
        try:
            load_scorer(version.folder, version.digest)
        except ModelContractError as refused:
            state = str(refused)
        rows.append({"model": version.name, "version": version.version, "digest": version.digest[:12], "state": state})
    app.emit(rows)
    if n_refused := sum(row["state"] != "ok" for row in rows):
        raise ModelContractError(f"{n_refused} of {len(rows)} versions cannot be used: see their state above")


@models.command(epilog="\b\nExample:\n  foretable models delete ridge_return_5m/1")
@click.argument("reference", metavar="MODEL/VERSION")
@click.option("--dry-run", is_flag=True, help="Print what would be deleted, and end.")
@pass_app
def delete(app: App, reference: str, dry_run: bool) -> None:
    """Forget a version; a champion must give its alias away first."""
    from models.errors import SafetyError, UsageError

    if "/" not in reference:
        raise UsageError(f"say which version to delete, for example {reference}/1")
    version = app.registry.resolve(reference)
    if CHAMPION in version.aliases:
        raise SafetyError(f"{reference} is the champion: promote another version first")
    if not dry_run:
        app.registry.delete_version(version.name, version.version)
    app.emit({"model": version.name, "version": version.version, "state": "kept" if dry_run else "deleted"})
