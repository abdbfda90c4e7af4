"""Registered models on MLflow: every version with its run, metrics, digest and artifact folder.

MLflow takes seconds to import; it is imported to register or change something, not to read a SQLite store.
"""

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.artifact import MANIFEST, save_artifact
from models.errors import ModelContractError
from models.loss_curve import write_loss_curve
from models.manifest import Manifest
from models.mlflow_client import open_client
from models.mlflow_versions import read_from_client, read_from_sqlite, sqlite_file
from models.model_version import (
    CHAMPION_BEFORE_TAG,
    MANIFEST_TAG,
    UNSETTLED_TAG,
    ModelVersion,
    Reference,
    SplitMetrics,
    check_name,
    name_of_several,
    parse_reference,
    to_tags,
)
from models.names import near_first
from models.protocol import Model, ModelSpec, Rows
from models.training_profile import TrainingProfile
from models.training_record import TrainingRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from models.group_results import GroupResult

CHAMPION = "champion"
DEFAULT = "default"
_EXPERIMENT = "foretable"
_ARTIFACT = "model"
_TRAINING = "training"
_NOT_IN_MLFLOW = re.compile(r"[^\w\-. /]")  # a feature may have any name, a metric of MLflow may not


class Registry:
    """The registered models of one MLflow tracking store."""

    def __init__(self, tracking_uri: str, artifact_root: Path) -> None:
        """Name the store; nothing is opened or created yet.

        Args:
            tracking_uri: Of MLflow, for example ``sqlite:////home/me/.foretable/registry/mlflow.db``.
            artifact_root: Folder for the artifacts, readable wherever models are scored.
        """
        self.tracking_uri = tracking_uri
        self.artifact_root = artifact_root

    @staticmethod
    def in_home(home: Path, tracking_uri: str | None = None) -> "Registry":
        """Return the registry of a Foretable home: artifacts under ``home/registry``, and the store beside them.

        Args:
            home: The home.
            tracking_uri: Another MLflow store, such as PostgreSQL; None is a SQLite file under ``home/registry``.
        """
        folder = home.resolve() / "registry"
        folder.mkdir(parents=True, exist_ok=True)
        return Registry(tracking_uri or f"sqlite:///{(folder / 'mlflow.db').as_posix()}", folder / "artifacts")

    @property
    def trials_file(self) -> Path:
        """SQLite file of the trials of searches, beside the artifacts."""
        return self.artifact_root.parent / "trials.db"

    @property
    def networks_folder(self) -> Path:
        """Folder of the networks of the user's own, in the home."""
        return self.artifact_root.parent.parent / "networks"

    def training_folder(self, name: str, training_key: str) -> Path:
        """Folder of a training while it goes on, see ``models.training_record``."""
        return self.artifact_root.parent / "trainings" / f"{name}-{training_key[:16]}"

    def register(
        self,
        spec: ModelSpec,
        model: Model,
        metrics: SplitMetrics,
        parameters: Mapping[str, Any],
        data_versions: Mapping[str, int],
        training_key: str,
        loss_history: Mapping[str, Sequence[float]] | None = None,
        profile: TrainingProfile | None = None,
        training_inputs: Rows | None = None,
        record: TrainingRecord | None = None,
        groups: "Sequence[GroupResult]" = (),
    ) -> ModelVersion:
        """Log a run with the fitted model and make it the newest version of ``spec.name``.

        The version appears after its artifact is complete, so no reader ever meets half of one. It is unsettled until
        :meth:`settle`.

        Args:
            spec: What was asked for.
            model: The fitted model.
            metrics: Metrics of each split.
            parameters: What to log about the training beside the spec.
            data_versions: Delta version of each table that was read.
            training_key: Recognises the same training again, see :meth:`find_by_training_key`.
            loss_history: Loss per iteration of each split; drawn as a picture where there is one.
            profile: What the model remembers of its training data, see ``models.training_profile``.
            training_inputs: What it was fitted on, for its golden rows, see ``models.golden_rows``.
            record: Folder of the training, which goes to the artifacts of the run as ``training``.
            groups: What became of each group of a grouped model, see ``models.group_results``.

        Raises:
            ModelContractError: The name has no allowed form, the model has more features than MLflow can describe, or
                what was stored answers otherwise than what was fitted.
        """
        self.check_new_name(spec.name, spec.label)
        run = self._client.create_run(self._experiment_id, run_name=spec.name)
        run_id = run.info.run_id
        try:
            with tempfile.TemporaryDirectory(prefix="foretable-") as scratch:
                folder = Path(scratch) / _ARTIFACT
                digest = save_artifact(model, folder, profile, training_inputs, groups)
                manifest = Manifest.from_json((folder / MANIFEST).read_bytes())
                self._client.log_artifacts(run_id, str(folder), _ARTIFACT)
                if loss_history:
                    picture = Path(scratch) / "loss_curve.png"
                    write_loss_curve(loss_history, picture)
                    self._client.log_artifact(run_id, str(picture))
            for path in record.kept() if record else ():
                self._client.log_artifact(run_id, str(path), _TRAINING)
            tags = to_tags(manifest, digest, metrics, training_key, data_versions)
            self._log(run_id, {**_spec_parameters(spec), **parameters}, metrics, {**tags, "foretable.model": spec.name})
            self._ensure_registered(spec.name)
            source = f"{run.info.artifact_uri}/{_ARTIFACT}"
            unsettled = {**tags, UNSETTLED_TAG: "true"}
            created = self._client.create_model_version(spec.name, source, run_id, tags=unsettled)
        except BaseException:
            self._client.set_terminated(run_id, "FAILED")
            raise
        self._client.set_terminated(run_id)
        if record:
            record.remove()
        return self.resolve(f"{spec.name}/{created.version}")

    def find_by_training_key(self, name: str, training_key: str) -> ModelVersion | None:
        """Return the newest version of ``name`` that this very training made, or None."""
        return next((found for found in self._versions(name) if found.training_key == training_key), None)

    def resolve(self, reference: str) -> ModelVersion:
        """Return the version that ``name`` (its champion, else the newest), ``name/3`` or ``name@alias`` means now.

        Raises:
            ModelContractError: There is no such model, version or alias; the message shows those that exist.
        """
        wanted = parse_reference(reference)
        versions = self._versions(wanted.name)
        if not versions:
            raise self._unknown_name(wanted.name)
        if wanted.version is not None:
            found = next((version for version in versions if version.version == wanted.version), None)
        elif wanted.alias is not None:
            found = next((version for version in versions if wanted.alias in version.aliases), None)
        else:
            found = next((version for version in versions if CHAMPION in version.aliases), versions[0])
        if found is None:
            raise _unknown_version(wanted, versions)
        return found

    def targets(self, reference: str) -> dict[str, str]:
        """Return what a reference to a model of several labels stands for: label to the reference of its model.

        Such a model is one model a label, each named ``name.label``; they are in the order of their first training.
        Empty where the reference means a model of one label, or none at all.

        Raises:
            ModelContractError: The reference has a version, and each of the models has versions of its own.
        """
        wanted = parse_reference(reference)
        if self._versions(wanted.name):  # of one label, as nearly always: the other models need not be read
            return {}
        versions = self._read(None)
        first = {
            version.name: version for version in versions if name_of_several(version.name, version.label) == wanted.name
        }
        names = sorted(first, key=lambda name: (first[name].created_at, name))
        if names and wanted.version is not None:
            raise self._unknown_name(wanted.name)
        alias = "" if wanted.alias is None else f"@{wanted.alias}"
        return {first[name].label: f"{name}{alias}" for name in names}

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point ``name@alias`` to ``version``, away from where it pointed before.

        Raises:
            ModelContractError: There is no such version, or the alias has no allowed form.
        """
        check_name(alias)
        self.resolve(f"{name}/{version}")
        if alias == CHAMPION:
            self._note_champion_before(name, version)
        self._client.set_registered_model_alias(name, alias, str(version))

    def roll_back(self, name: str) -> ModelVersion:
        """Give the alias champion back to the version that had it before, and return that version.

        Raises:
            ModelContractError: There is no such model, no champion, none before it, or it was deleted since.
        """
        champion = next((version for version in self.list_versions(name) if CHAMPION in version.aliases), None)
        if champion is None or champion.champion_before is None:
            who = (
                f"{name}/{champion.version} took over from no other champion" if champion else f"{name} has no champion"
            )
            raise ModelContractError(f"{who}; promote the version that you want by its number.")
        before = self.resolve(f"{name}/{champion.champion_before}")
        self._client.set_registered_model_alias(name, CHAMPION, str(before.version))
        return before

    def default_model(self) -> str | None:
        """Return the name of the model that answers where none is named; None where it was never set."""
        return next((version.name for version in self._read(None) if DEFAULT in version.aliases), None)

    def set_default_model(self, name: str) -> None:
        """Make ``name`` the model that answers where none is named: one of its versions carries the alias default.

        Raises:
            ModelContractError: There is no such model.
        """
        version = self.resolve(name)
        self.set_alias(name, DEFAULT, version.version)
        for other in {found.name for found in self._read(None) if DEFAULT in found.aliases} - {name}:
            self._client.delete_registered_model_alias(other, DEFAULT)

    def check_new_name(self, name: str, label: str) -> None:
        """Refuse a name that a reference could not hold, or that means something else to readers already.

        SQL tells names by more than their case: the published functions of two such models would be one. A name that
        stands for one label cannot stand for several, see :meth:`targets`.

        Raises:
            ModelContractError: The name is refused.
        """
        check_name(name)
        known_names = self.list_models()
        if name not in known_names and (targets := self.targets(name)):
            raise ModelContractError(
                f"{name!r} stands for the models {', '.join(targets.values())}: choose another name, or DROP MODEL "
                f"{name} with all of them first."
            )
        of_several = name_of_several(name, label)
        if of_several in known_names:
            raise ModelContractError(
                f"There is a model {of_several!r} of one label, so the name cannot stand for several: choose another, "
                f"or DROP MODEL {of_several} first."
            )
        for known in known_names:
            if known != name and known.lower() == name.lower():
                raise ModelContractError(f"There is a model {known!r}, and {name!r} differs from it in case only.")

    def list_models(self) -> list[str]:
        """Return the names that have a version, sorted."""
        return sorted({version.name for version in self._read(None)})

    def list_versions(self, name: str) -> list[ModelVersion]:
        """Return the versions of a model, newest first.

        Raises:
            ModelContractError: There is no such model.
        """
        versions = self._versions(name)
        if not versions:
            raise self._unknown_name(name)
        return versions

    def delete_version(self, name: str, version: int) -> None:
        """Forget a version; its run and artifact stay in MLflow.

        Raises:
            ModelContractError: There is no such version.
        """
        self.resolve(f"{name}/{version}")
        self._client.delete_model_version(name, str(version))

    def delete_model(self, name: str) -> None:
        """Forget a model with all its versions; runs and artifacts stay in MLflow.

        Raises:
            ModelContractError: There is no such model.
        """
        self.list_versions(name)
        self._client.delete_registered_model(name)

    def rename_model(self, name: str, new_name: str) -> None:
        """Give a model another name; versions and aliases stay.

        Raises:
            ModelContractError: There is no such model, or the new name has no allowed form.
        """
        versions = self.list_versions(name)
        if new_name.lower() != name.lower():
            self.check_new_name(new_name, versions[0].label)
        self._client.rename_registered_model(name, new_name)

    def settle(self, name: str, version: int) -> None:
        """Note that the training of a version has come to its end; a rerun finishes one that was killed before."""
        self._client.delete_model_version_tag(name, str(version), UNSETTLED_TAG)

    def remove_alias(self, name: str, alias: str) -> None:
        """Let ``name@alias`` point to nothing.

        Raises:
            ModelContractError: There is no such alias.
        """
        self.resolve(f"{name}@{alias}")
        self._client.delete_registered_model_alias(name, alias)

    def _note_champion_before(self, name: str, version: int) -> None:
        champion = next((found for found in self._versions(name) if CHAMPION in found.aliases), None)
        if champion is not None and champion.version != version:
            self._client.set_model_version_tag(name, str(version), CHAMPION_BEFORE_TAG, str(champion.version))

    @cached_property
    def _client(self) -> "MlflowClient":
        return open_client(self.tracking_uri)

    @cached_property
    def _experiment_id(self) -> str:
        from mlflow.exceptions import MlflowException

        if self._client.get_experiment_by_name(_EXPERIMENT) is None:
            try:
                self._client.create_experiment(_EXPERIMENT, self.artifact_root.resolve().as_uri())
            except MlflowException as taken:
                if taken.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        experiment = self._client.get_experiment_by_name(_EXPERIMENT)
        if experiment is None:
            raise ModelContractError(
                f"MLflow has deleted its experiment {_EXPERIMENT!r}; restore it in {self.tracking_uri}."
            )
        return experiment.experiment_id

    def _ensure_registered(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as taken:
            if taken.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _log(self, run_id: str, parameters: Mapping[str, Any], metrics: SplitMetrics, tags: Mapping[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now_ms = time.time_ns() // 1_000_000
        self._client.log_batch(
            run_id,
            metrics=[
                Metric(_NOT_IN_MLFLOW.sub("_", f"{split}/{metric}"), value, now_ms, 0)
                for split, values in metrics.items()
                for metric, value in values.items()
            ],
            params=[Param(parameter, str(value)) for parameter, value in parameters.items()],
            tags=[RunTag(tag, text) for tag, text in tags.items() if tag != MANIFEST_TAG],
        )

    def _versions(self, name: str) -> list[ModelVersion]:
        check_name(name)
        return self._read(name)

    def _read(self, name: str | None) -> list[ModelVersion]:
        file = sqlite_file(self.tracking_uri)
        return read_from_client(self._client, name) if file is None else read_from_sqlite(file, name)

    def _unknown_name(self, name: str) -> ModelContractError:
        if targets := self.targets(name):
            names = list(targets.values())
            return ModelContractError(
                f"Model {name!r} is one model for each of its labels, with versions of its own: "
                f"name one, {' or '.join(names)}."
            )
        known = near_first(name, self.list_models())
        remedy = (
            f"known models: {', '.join(known)}"
            if known
            else "none is registered yet: run foretable train, or CREATE MODEL"
        )
        return ModelContractError(f"There is no model {name!r}; {remedy}.")


def _spec_parameters(spec: ModelSpec) -> dict[str, Any]:
    known = {field: getattr(spec, field) for field in ("family", "label", "task", "sequence_length", "seed")}
    of_groups = {} if spec.group is None else {"group": spec.group, "group_min_rows": spec.group_min_rows}
    return {
        **known,
        "horizon_seconds": spec.horizon_seconds,
        "null_policy": spec.null_policy,
        **of_groups,
        **spec.options,
    }


def _unknown_version(wanted: Reference, versions: list[ModelVersion]) -> ModelContractError:
    numbers = ", ".join(str(version.version) for version in versions)
    if wanted.version is not None:
        return ModelContractError(f"Model {wanted.name!r} has no version {wanted.version}; it has {numbers}.")
    aliases = near_first(str(wanted.alias), {alias for version in versions for alias in version.aliases})
    existing = f"its aliases are {', '.join(aliases)}" if aliases else "it has none yet"
    return ModelContractError(
        f"Model {wanted.name!r} has no alias {wanted.alias!r}; {existing}, its versions are {numbers}."
    )
