"""EXPORT MODEL: a version for use elsewhere, in a new file or folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from models.artifact import load_scorer, read_verified
from models.errors import ModelContractError, SafetyError, StorageError, UsageError
from models.format_keras import KERAS_FILE_NAME, ONNX_FILE_NAME
from models.format_skops import SKOPS_FILE_NAME
from models.golden_rows import FILE_NAME as GOLDEN_ROWS
from models.golden_rows import GoldenRows
from models.keras_runtime import import_keras, quiet_arrays
from models.model_version import ModelVersion
from models.names import near_first
from models.sql_expression import read_sql_expression
from models.sql_function import create_function_text

_FILES = {"skops": SKOPS_FILE_NAME, "keras": KERAS_FILE_NAME, "onnx": ONNX_FILE_NAME}


def export_model(version: ModelVersion, path: str, format_: str | None) -> tuple[str, int]:
    """Write a version to ``path``, which must not exist, and return the format and the bytes written.

    ``artifact`` (the default) is the whole folder with its manifest; ``skops`` and ``keras`` are single files of it;
    ``onnx`` is such a file of a network, and is written for other models, see ``models.onnx_export``; ``saved_model``
    is a network as TensorFlow serves it, with the signature ``serve``; ``sql`` is a CREATE FUNCTION that any Spark runs
    without Foretable.

    Raises:
        UsageError: an unknown format.
        ModelContractError: the model has no such form, or its artifact was changed.
        SafetyError: something is at the path already.
        StorageError: the path cannot be written.
    """
    chosen = format_ or "artifact"
    writers: dict[str, Callable[[ModelVersion, Path], None]] = {
        "artifact": _folder,
        "sql": _sql,
        "saved_model": _saved_model,
        "onnx": _onnx,
        **{name: _file(name) for name in ("skops", "keras")},
    }
    if chosen not in writers:
        raise UsageError(f"there is no format {chosen}: choose one of {', '.join(near_first(chosen, writers))}")
    target = Path(path).expanduser()
    if not target.is_absolute():
        raise UsageError(f"give the path from the root on, for {path} depends on where the session was started")
    if target.exists():
        raise SafetyError(f"{target} exists and is not overwritten: choose another path")
    load_scorer(version.folder, version.digest)  # the digest is checked before anything leaves
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        writers[chosen](version, target)
    except OSError as e:
        raise StorageError(f"{target} cannot be written: {e.strerror or e}") from e
    files = target.rglob("*") if target.is_dir() else [target]
    return chosen, sum(file.stat().st_size for file in files if file.is_file())


def _folder(version: ModelVersion, target: Path) -> None:
    shutil.copytree(version.folder, target)


def _file(format_: str) -> Callable[[ModelVersion, Path], None]:
    def write(version: ModelVersion, target: Path) -> None:
        _refuse_groups(version, format_)
        source = Path(version.folder) / _FILES[format_]
        if not source.is_file():
            raise _lacks(version, format_)
        shutil.copyfile(source, target)

    return write


def _onnx(version: ModelVersion, target: Path) -> None:
    if (Path(version.folder) / ONNX_FILE_NAME).is_file():
        _file("onnx")(version, target)
        return
    _refuse_groups(version, "onnx")
    from models.onnx_check import check_answers
    from models.onnx_export import onnx_file

    files = read_verified(version.folder, version.digest)
    scorer = load_scorer(version.folder, version.digest)
    content = onnx_file(scorer)
    if content is None:
        raise _lacks(version, "onnx")
    if GOLDEN_ROWS in files:
        check_answers(content, scorer, GoldenRows.from_bytes(files[GOLDEN_ROWS]).inputs)
    target.write_bytes(content)


def _refuse_groups(version: ModelVersion, format_: str) -> None:
    if version.group is not None:
        raise ModelContractError(
            f"{version.name}/{version.version} has a model for each {version.group}, which no file of the form "
            f"{format_} holds: export its artifact"
        )


def _lacks(version: ModelVersion, format_: str) -> ModelContractError:
    there = [name for name, file in _FILES.items() if (Path(version.folder) / file).is_file()]
    return ModelContractError(
        f"{version.name}/{version.version} is a {version.family} without the form {format_}: it has "
        f"{', '.join(['artifact', *there])}"
    )


def _saved_model(version: ModelVersion, target: Path) -> None:
    source = Path(version.folder) / KERAS_FILE_NAME
    if not source.is_file():
        raise ModelContractError(
            f"{version.name}/{version.version} is a {version.family}, which is no network and has no SavedModel: "
            "export its artifact"
        )
    keras = import_keras()
    with quiet_arrays():
        keras.saving.load_model(source, safe_mode=True).export(target, format="tf_saved_model", verbose=False)


def _sql(version: ModelVersion, target: Path) -> None:
    expression = read_sql_expression(Path(version.folder), version.digest)
    if expression is None:
        raise ModelContractError(
            f"{version.name}/{version.version} is a {version.family} that is not small enough for SQL: export its "
            "artifact"
        )
    target.write_text(create_function_text(version, expression) + ";\n", encoding="utf-8")
