"""The part of predict that runs while a query is analysed: which version is meant, do the features fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelContractError
from models.group_key import can_name_groups, key_expressions
from models.model_version import ModelVersion
from models.names import near_first
from models.sql_expression import read_sql_expression
from udfs.call import Call

NUMERIC = ("byte", "short", "integer", "long", "float", "double", "boolean")
ON_ERROR = ("null", "fail")


@dataclass(frozen=True)
class Plan:
    """How a call is executed.

    Attributes:
        call: The call with one pinned version.
        columns: For each feature of the model its position in the struct given, or a SQL expression over its fields;
            where the model has groups, two expressions of the group after them, see ``models.group_key``.
        expression: The whole model as a SQL expression over its features; None where Python is asked.
    """

    call: Call
    feature_names: tuple[str, ...]
    columns: tuple[int | str, ...]
    expression: str | None


def plan_call(
    request: Mapping[str, Any], resolve: Callable[[str], ModelVersion], default_model: Callable[[], str | None]
) -> Plan:
    """Settle a call.

    Args:
        request: ``function``, ``model`` (None: the default model), ``type`` (Spark's JSON of the features' type),
            ``on_error`` (the session's setting), and for predict_probability ``class`` where one is asked for.
        resolve: Finds a version by reference.
        default_model: Name of the default model of the registry, None where there is none.

    Raises:
        ModelContractError: the model is unknown or of a kind that the function cannot take, or a feature is missing
            or of a wrong type; one sentence, no data.
    """
    function, on_error = request["function"], request["on_error"].lower()
    if on_error not in ON_ERROR:
        raise ModelContractError(f"foretable.on_error is {on_error!r}: SET foretable.on_error = null or fail")
    reference = request["model"] or default_model()
    if reference is None:
        raise ModelContractError(
            f"there is no default model: say {function}('model', features) or SET foretable.default_model = model"
        )
    model = resolve(reference)
    if function == "predict_probability" and model.task == "regression":
        raise ModelContractError(
            f"model {model.name}/{model.version} predicts a number, which has no probability: use predict, or "
            "predict_detail for an interval"
        )
    fields = _fields(function, json.loads(request["type"]), model)
    columns = (*_columns(fields, model), *_group_columns(fields, model))
    call = Call(
        function=function,
        name=model.name,
        version=model.version,
        digest=model.digest,
        folder=str(model.folder),
        label=model.label,
        label_type=model.label_type,
        is_classifier=model.task == "classification",
        sequence_length=model.sequence_length,
        n_columns=len(columns),
        null_policy=model.null_policy,
        on_error="fail" if on_error == "fail" else "null",
        class_position=_class_position(request["class"], model) if "class" in request else None,
    )
    return Plan(call, model.feature_names, columns, _expression(call, Path(model.folder)))


def _expression(call: Call, folder: Path) -> str | None:
    """The model as SQL, where it is one and a row needs nothing else than its number."""
    needs_python = call.function != "predict" or call.null_policy != "null" or call.on_error != "null"
    return None if needs_python else read_sql_expression(folder, call.digest)


def _class_position(wanted: Any, model: ModelVersion) -> int:
    for position, known in enumerate(model.classes):
        if known == wanted and isinstance(known, bool) == isinstance(wanted, bool):
            return position
    known_classes = near_first(str(wanted), [str(known) for known in model.classes])
    raise ModelContractError(
        f"model {model.name}/{model.version} has no class {wanted!r}: its classes are {', '.join(known_classes)}"
    )


def _fields(function: str, type_: Any, model: ModelVersion) -> list[dict[str, Any]]:
    is_array = isinstance(type_, dict) and type_["type"] == "array"
    struct = type_["elementType"] if is_array else type_
    if model.sequence_length > 1 and not is_array:
        n_before = model.sequence_length - 1
        raise ModelContractError(
            f"model {model.name}/{model.version} reads the last {model.sequence_length} rows: "
            "give an ARRAY of structs, oldest first, for example collect_list(features) OVER "
            f"(PARTITION BY symbol ORDER BY bar_start ROWS {n_before} PRECEDING)"
        )
    if model.sequence_length == 1 and is_array:
        raise ModelContractError(
            f"model {model.name}/{model.version} reads one row: give a STRUCT, not an ARRAY of them"
        )
    fields = struct["fields"]
    assert isinstance(fields, list)
    return fields


def _columns(fields: list[dict[str, Any]], model: ModelVersion) -> tuple[int | str, ...]:
    if model.transform:
        return tuple(dict(model.transform)[name] for name in model.feature_names)
    return tuple(_position(name, fields, model) for name in model.feature_names)


def _group_columns(fields: list[dict[str, Any]], model: ModelVersion) -> tuple[str, ...]:
    """The columns that tell the group of a row, where the model has groups."""
    if model.group is None:
        return ()
    type_ = fields[_field(model.group, "group column", fields, model)]["type"]
    if not can_name_groups(type_):
        raise ModelContractError(
            f"the group column {model.group} of model {model.name}/{model.version} must be a text or a whole number, "
            f"the struct has {_type_name(type_)}: cast it as in the query that trained the model"
        )
    return key_expressions(model.group)


def _field(name: str, role: str, fields: list[dict[str, Any]], model: ModelVersion) -> int:
    """Position of the one field of that name; another case will do."""
    names = [field["name"] for field in fields]
    hits = [i for i, candidate in enumerate(names) if candidate == name]
    hits = hits or [i for i, candidate in enumerate(names) if candidate.lower() == name.lower()]
    if not hits:
        raise ModelContractError(
            f"model {model.name}/{model.version} needs the {role} {name}, which the struct lacks: "
            f"it has {', '.join(near_first(name, names)[:20])}"
        )
    if len(hits) > 1:
        raise ModelContractError(f"the struct has the field {name} {len(hits)} times: keep one")
    return hits[0]


def _position(name: str, fields: list[dict[str, Any]], model: ModelVersion) -> int:
    position = _field(name, "feature", fields, model)
    type_ = fields[position]["type"]
    if not (type_ in NUMERIC or (isinstance(type_, str) and type_.startswith("decimal"))):
        raise ModelContractError(
            f"feature {name} of model {model.name}/{model.version} must be a number, the struct has {_type_name(type_)}"
        )
    return position


def _type_name(type_: Any) -> str:
    return str(type_["type"] if isinstance(type_, dict) else type_).upper()
