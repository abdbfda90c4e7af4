"""A fitted model as a folder: what is written, its digest, and how it is read back to score rows.

The folder holds ``manifest.json``, the files of one format, ``MLmodel`` that describes it to MLflow, ``profile.json``
where the training was profiled, ``golden_rows.npz`` with rows whose answers are known, and ``predict.sql`` where the
model can be written as a SQL expression. A model of groups has theirs in ``groups.npz``, beside that of all rows, and
``groups.json`` tells what became of each. Its digest is checked before any file is parsed, and the bytes that are
parsed are the very bytes that were checked. The libraries of a format are imported when it is used.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models.errors import ModelContractError
from models.golden_rows import FILE_NAME as GOLDEN_ROWS
from models.golden_rows import GoldenRows
from models.manifest import Manifest
from models.mlflow_pyfunc import write_mlmodel
from models.protocol import Model, Rows
from models.scorer import Engine, Scorer
from models.training_profile import TrainingProfile

if TYPE_CHECKING:
    from models.group_results import GroupResult
    from models.grouped_model import GroupedModel
    from models.keras_models import NetworkModel
    from models.sklearn_models import SklearnModel

MANIFEST = "manifest.json"
PROFILE = "profile.json"


def save_artifact(
    model: Model,
    folder: Path,
    profile: TrainingProfile | None = None,
    training_inputs: Rows | None = None,
    groups: "Sequence[GroupResult]" = (),
) -> str:
    """Write a fitted model into ``folder``, which is created and must be empty, and return its digest.

    Args:
        model: The fitted model.
        folder: Where to.
        profile: What the model remembers of its training data.
        training_inputs: Rows of which some become golden rows.
        groups: What became of each group of a grouped model.

    Raises:
        ModelContractError: The folder is not empty, or the stored model answers otherwise than the fitted one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelContractError(f"{folder} is not empty; save the model into a new folder.")
    if model.artifact_format == "keras":
        from models.format_keras import write_keras

        write_keras(cast("NetworkModel", model), folder)
    else:
        from models.format_skops import write_skops

        write_skops(cast("SklearnModel", model), folder)
        if model.spec.group is None:
            _write_sql_expression(cast("SklearnModel", model), folder)
        else:
            _write_groups(cast("GroupedModel", model), folder, groups)
    manifest = Manifest.of(model)
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    write_mlmodel(manifest, folder)
    if profile is not None:
        (folder / PROFILE).write_text(profile.to_json(), encoding="utf-8")
    if training_inputs is not None and len(training_inputs):
        (folder / GOLDEN_ROWS).write_bytes(GoldenRows.of(model, training_inputs).to_bytes())
        _read_scorer(_read_files(folder), digest="")
    return digest_of(_read_files(folder))


def load_scorer(folder: Path, digest: str) -> Scorer:
    """Return the scorer of a stored model after its digest was found right, and its answers to its golden rows.

    Raises:
        ModelContractError: The folder is missing, was changed, or holds something that Foretable does not load; or an
            answer is not that of the training.
    """
    return _read_scorer(read_verified(folder, digest), digest)


def load_copied_scorer(folder: Path) -> Scorer:
    """As :func:`load_scorer` where no registry tells the digest: of an exported folder, or one that MLflow copied.

    Raises:
        ModelContractError: As there.
    """
    files = _read_files(folder)
    return _read_scorer(files, digest_of(files))


def _read_scorer(files: dict[str, bytes], digest: str) -> Scorer:
    manifest = Manifest.from_json(files[MANIFEST])
    profile = TrainingProfile.from_json(files[PROFILE]) if PROFILE in files else None
    scorer = Scorer(manifest, digest, _read_engine(manifest, files), profile)
    if GOLDEN_ROWS in files:
        GoldenRows.from_bytes(files[GOLDEN_ROWS]).check(scorer, manifest)
    return scorer


def _write_groups(model: "GroupedModel", folder: Path, groups: "Sequence[GroupResult]") -> None:
    from models import group_results, grouped_engine

    (folder / grouped_engine.FILE_NAME).write_bytes(model.engine.to_bytes())
    if groups:
        (folder / group_results.FILE_NAME).write_text(group_results.to_json(list(groups)), encoding="utf-8")


def read_groups(folder: Path, digest: str) -> "list[GroupResult]":
    """Return what became of each group of a stored model after its digest was found right; none of other models.

    Raises:
        ModelContractError: The folder is missing or was changed.
    """
    from models.group_results import FILE_NAME, from_json

    files = read_verified(folder, digest)
    return from_json(files[FILE_NAME]) if FILE_NAME in files else []


def _write_sql_expression(model: "SklearnModel", folder: Path) -> None:
    from models.format_skops import SkopsEngine
    from models.sql_expression import SQL_FILE_NAME, sql_expression

    expression = sql_expression(Scorer(Manifest.of(model), "", SkopsEngine(model.estimator)))
    if expression is not None:
        (folder / SQL_FILE_NAME).write_text(expression, encoding="utf-8")


def read_verified(folder: Path, digest: str) -> dict[str, bytes]:
    """Return the content of each file of an artifact after its digest was found right.

    Raises:
        ModelContractError: The folder is missing or was changed.
    """
    files = _read_files(folder)
    found = digest_of(files)
    if found != digest:
        raise ModelContractError(
            f"The model in {folder} was changed after it was registered (its digest is {found[:12]}, registered was "
            f"{digest[:12]}); restore the folder from a copy or train the model again."
        )
    return files


def _read_engine(manifest: Manifest, files: dict[str, bytes]) -> Engine:
    if manifest.format == "keras":
        from models.format_keras import ONNX_FILE_NAME, OnnxEngine

        return OnnxEngine(files[ONNX_FILE_NAME], manifest.class_array())
    from models.format_skops import SKOPS_FILE_NAME, read_skops

    engine = read_skops(files[SKOPS_FILE_NAME])
    if manifest.group is None:
        return engine
    from models.grouped_engine import FILE_NAME, GroupedEngine

    if FILE_NAME not in files:
        raise ModelContractError(f"The model of {manifest.label} lacks {FILE_NAME}; train the model again.")
    n_features = len(manifest.feature_names)
    return GroupedEngine.from_bytes(files[FILE_NAME], manifest.family, manifest.group, engine, n_features)


def digest_of(files: dict[str, bytes]) -> str:
    """Return the SHA-256, as hexadecimal text, over the sorted file names, each with its length and content."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()


def _read_files(folder: Path) -> dict[str, bytes]:
    if not (folder / MANIFEST).is_file():
        raise ModelContractError(
            f"There is no model in {folder}; restore the folder from a copy or train the model again."
        )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
