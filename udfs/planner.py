"""The part of predict that runs while a query is analysed: which version is meant, do the features fit."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import ForetableError, ModelContractError
from models.registry import ModelVersion

NUMERIC = ("byte", "short", "integer", "long", "float", "double", "boolean")


@dataclass(frozen=True)
class Plan:
    """What a call of predict becomes: one pinned version, and where its features are in the struct given."""

    model: ModelVersion
    positions: tuple[int, ...]


def plan_call(
    request: Mapping[str, Any], resolve: Callable[[str], ModelVersion], default_model: Callable[[], str | None]
) -> Plan:
    """Settle a call.

    Args:
        request: ``function``, ``model`` (None: the default model) and ``type`` (Spark's JSON of the features' type).
        resolve: Finds a version by reference.
        default_model: Name of the default model of the registry, None where there is none.

    Raises:
        ModelContractError: the model is unknown, or a feature is missing or of a wrong type; one sentence, no data.
    """
    reference = request["model"] or default_model()
    if reference is None:
        raise ModelContractError(
            "there is no default model: say predict('model', features) or SET foretable.default_model = model"
        )
    model = resolve(reference)
    fields = _fields(request["function"], json.loads(request["type"]), model)
    return Plan(model, tuple(_position(name, fields, model) for name in model.feature_names))


def _fields(function: str, type_: Any, model: ModelVersion) -> list[dict[str, Any]]:
    is_array = isinstance(type_, dict) and type_["type"] == "array"
    struct = type_["elementType"] if is_array else type_
    if not isinstance(struct, dict) or struct.get("type") != "struct":
        raise ModelContractError(
            f"{function} takes the features as a STRUCT, for example struct(*), got {_type_name(type_)}"
        )
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


def _position(name: str, fields: list[dict[str, Any]], model: ModelVersion) -> int:
    names = [field["name"] for field in fields]
    hits = [i for i, candidate in enumerate(names) if candidate == name]
    hits = hits or [i for i, candidate in enumerate(names) if candidate.lower() == name.lower()]
    if not hits:
        near = difflib.get_close_matches(name, names, n=3)
        given = f"did you mean {', '.join(near)}" if near else f"it has {', '.join(names[:20])}"
        raise ModelContractError(
            f"model {model.name}/{model.version} needs the feature {name}, which the struct lacks: {given}"
        )
    if len(hits) > 1:
        raise ModelContractError(f"the struct has the field {name} {len(hits)} times: keep one")
    type_ = fields[hits[0]]["type"]
    if not (type_ in NUMERIC or (isinstance(type_, str) and type_.startswith("decimal"))):
        raise ModelContractError(
            f"feature {name} of model {model.name}/{model.version} must be a number, the struct has {_type_name(type_)}"
        )
    return hits[0]


def _type_name(type_: Any) -> str:
    return str(type_["type"] if isinstance(type_, dict) else type_).upper()


def answer_or_sentence(plan: Callable[[], Any]) -> Any:
    """What ``plan`` returns, or its error as the one sentence that the query then ends with."""
    try:
        return plan()
    except ForetableError as e:
        return str(e)
