"""The columns of a batch of files: features are numbers, other columns what the user says, else what the files hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.batch_csv import read_header
from jobs.batch_scan import FileFacts
from jobs.batch_values import Column, is_known_type
from models.errors import DataContractError, ModelContractError, UsageError
from models.model_version import ModelVersion
from models.names import near_first

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NESTED = "features"


def declared_types(spark: SparkSession, text: str | None) -> dict[str, str]:
    """Types by column of what the user wrote as ``id BIGINT, bar_start TIMESTAMP``; names in lower case.

    Raises:
        UsageError: it cannot be read, or a type is none that a file can hold.
    """
    from pyspark.errors import ParseException
    from pyspark.sql.types import StructType

    if not text:
        return {}
    try:
        struct = StructType.fromDDL(text)
    except ParseException as e:
        raise UsageError(f"--types {text!r} cannot be read: write it as 'id BIGINT, bar_start TIMESTAMP'") from e
    assert isinstance(struct, StructType)
    types = {field.name.lower(): field.dataType.simpleString() for field in struct.fields}
    for name, type_ in types.items():
        if not is_known_type(type_):
            raise UsageError(
                f"--types: a file cannot hold {name} as {type_.upper()}: take STRING, DOUBLE, FLOAT, BIGINT, INT, "
                "BOOLEAN, DECIMAL(p, s), TIMESTAMP, DATE or BINARY"
            )
    return types


def check_headers(files: Sequence[Path], model: ModelVersion) -> None:
    """Refuse CSV files without a column for each feature, before anything is read.

    Raises:
        DataContractError: a header cannot be read.
        ModelContractError: a header lacks a feature, or the model reads sequences.
    """
    for file in files:
        _require_features(model, read_header(file), str(file))


def decide_columns(facts: Sequence[FileFacts], model: ModelVersion, declared: Mapping[str, str]) -> list[Column]:
    """Columns of all files in the order of appearance.

    Raises:
        ModelContractError: a feature is in none of the records.
        DataContractError: two columns differ in case alone, or one is of kinds that do not go together.
        UsageError: a declared column is not there.
    """
    kinds: dict[str, set[str]] = {}
    for one in facts:
        for name, held in one.columns.items():
            kinds.setdefault(name, set()).update(held)
    _refuse_twins(kinds)
    nested = list(dict.fromkeys(name for one in facts for name in one.nested))
    is_nested = bool(nested) and kinds[NESTED] <= {"object", "list", "null"}
    if not is_nested:
        _require_features(model, list(kinds), "the input")
    lowered = {name.lower() for name in kinds}
    if unknown := [name for name in declared if name not in lowered]:
        raise UsageError(
            f"--types names {unknown[0]}, which the files lack: they have "
            f"{', '.join(near_first(unknown[0], kinds)[:20])}"
        )
    features = set() if is_nested or model.transform else {name.lower() for name in model.feature_names}
    columns = []
    for name, found in kinds.items():
        if is_nested and name == NESTED:
            type_ = "array<struct>" if "list" in found else "struct"
            columns.append(Column(name, type_, tuple(nested)))
        elif model.group is not None and name.lower() == model.group.lower():
            columns.append(Column(name, "string"))  # a group called 007 stays so
        elif name.lower() in features:
            columns.append(Column(name, "double"))
        else:
            columns.append(Column(name, declared.get(name.lower()) or _natural_type(name, found)))
    return columns


def _require_features(model: ModelVersion, names: Sequence[str], place: str) -> None:
    if model.sequence_length > 1:
        raise ModelContractError(
            f"model {model.name}/{model.version} reads the last {model.sequence_length} rows: give JSON lines with "
            "features, a list of objects, oldest first, or a query with an ARRAY of STRUCTs as features"
        )
    needed = {} if model.group is None else {model.group: "group column"}
    if not model.transform:  # else Spark looks for the columns of its expressions
        needed |= dict.fromkeys(model.feature_names, "feature")
    lowered = {name.lower() for name in names}
    for name, role in needed.items():
        if name.lower() not in lowered:
            raise ModelContractError(
                f"model {model.name}/{model.version} needs the {role} {name}, which {place} lacks: it has "
                f"{', '.join(near_first(name, names)[:20]) or 'no column'}"
            )


def _refuse_twins(names: Mapping[str, object]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise DataContractError(f"the columns {seen[name.lower()]} and {name} differ in case alone: rename one")
        seen[name.lower()] = name


def _natural_type(name: str, kinds: set[str]) -> str:
    """The type that holds every value of a column that is no feature; text for JSON of mixed kinds."""
    held = kinds - {"null", "several"}
    if held & {"bytes"}:
        if held - {"bytes", "text"}:
            raise DataContractError(f"column {name} is bytes in some records and numbers in others: rename one of them")
        type_ = "binary"
    elif held == {"boolean"}:
        type_ = "boolean"
    elif held == {"integer"}:
        type_ = "bigint"
    elif held and held <= {"integer", "number"}:
        type_ = "double"
    else:
        type_ = "string"
    return f"array<{type_}>" if "several" in kinds else type_
