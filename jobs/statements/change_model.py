"""DROP MODEL and ALTER MODEL: changes of the registry that take effect in every session's next query."""

from __future__ import annotations

from jobs.statements.grammar import DropModel, RenameModel, SetAlias, UnsetAlias
from models.errors import ModelContractError, SafetyError
from models.model_version import parse_reference
from models.registry import CHAMPION, Registry


def drop_model(registry: Registry, statement: DropModel) -> tuple[str, list[str]]:
    """Forget a model, or one version of it; runs and artifacts stay in MLflow.

    A model of several labels goes with the models of all of them.

    Returns:
        What was done, and the names of the models that it was done to.

    Raises:
        ModelContractError: there is no such model, and IF EXISTS does not stand.
        SafetyError: the version is the champion, which answers for the bare name.
    """
    wanted = parse_reference(statement.reference)
    is_whole = wanted.version is None and wanted.alias is None
    targets = list(registry.targets(wanted.name).values()) if is_whole else []
    if statement.is_optional and not targets and wanted.name not in registry.list_models():
        return f"there was no model {wanted.name}", [wanted.name]
    if is_whole:
        names = targets or [wanted.name]
        return "; ".join(_drop_whole(registry, name) for name in names), names
    version = registry.resolve(statement.reference)
    if CHAMPION in version.aliases:
        raise SafetyError(
            f"{version.name}/{version.version} is the champion: ALTER MODEL {version.name} SET ALIAS champion = "
            "another version first, or DROP MODEL the whole model"
        )
    registry.delete_version(version.name, version.version)
    return f"dropped version {version.version} of model {version.name}", [version.name]


def _drop_whole(registry: Registry, name: str) -> str:
    n_versions = len(registry.list_versions(name))
    registry.delete_model(name)
    return f"dropped model {name} with {n_versions} version{'s' if n_versions > 1 else ''}"


def set_alias(registry: Registry, statement: SetAlias) -> str:
    """Point an alias to a version, and say from where it moved."""
    versions = registry.list_versions(statement.name)
    before = next((v.version for v in versions if statement.alias in v.aliases), None)
    registry.set_alias(statement.name, statement.alias, statement.version)
    moved = "" if before is None else f", before version {before}"
    return f"{statement.name}@{statement.alias} is version {statement.version}{moved}"


def unset_alias(registry: Registry, statement: UnsetAlias) -> str:
    """Remove an alias.

    Raises:
        ModelContractError: no version has it.
    """
    version = registry.resolve(f"{statement.name}@{statement.alias}")
    registry.remove_alias(statement.name, statement.alias)
    return f"{statement.name} has no alias {statement.alias} any longer, which was version {version.version}"


def rename_model(registry: Registry, statement: RenameModel) -> str:
    """Give a model another name; versions, aliases and artifacts stay.

    Raises:
        ModelContractError: there is no such model, or the new name is taken.
    """
    registry.list_versions(statement.name)
    if statement.new_name in registry.list_models():
        raise ModelContractError(f"model {statement.new_name} exists: choose another name, or drop it first")
    registry.rename_model(statement.name, statement.new_name)
    return f"model {statement.name} is now {statement.new_name}"
