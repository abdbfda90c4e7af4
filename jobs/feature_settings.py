"""The configuration of features and labels, checked; every mistake is one sentence."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, field_validator

from jobs.feature_defaults import DEFAULT_FEATURES, DEFAULT_LABELS
from jobs.feature_kinds import BAR_COLUMNS, FEATURE_KINDS, Feature
from jobs.label_kinds import LABEL_KINDS, Label
from models.errors import UsageError

_Item = TypeVar("_Item", bound=BaseModel)


class FeatureSettings(BaseModel):
    """The features of a set, and the training time on which its scales are fitted.

    ``features`` takes mappings such as ``{"name": "return_1", "kind": "log_return", "bars": 1}``. Training time ends at
    ``train_end``, or where that is not given, after ``train_fraction`` of the time that an exchange's bars span when
    the set is fitted first.

    Raises:
        UsageError: unknown kind, column or argument, a value out of range, a name twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="default", pattern=r"^[a-z][a-z0-9_]{0,62}$")
    features: tuple[SerializeAsAny[Feature], ...] = Field(
        default_factory=lambda: parse_items("feature", DEFAULT_FEATURES, FEATURE_KINDS)
    )
    train_fraction: float = Field(default=0.6, gt=0, le=1)
    train_end: AwareDatetime | None = None

    @field_validator("features", mode="before")
    @classmethod
    def _parse(cls, items: Any) -> Any:
        return parse_items("feature", items, FEATURE_KINDS)

    @property
    def bars_before(self) -> int:
        """Longest look-back of all features, in bars."""
        return max((item.bars_before for item in self.features), default=0)


class LabelSettings(BaseModel):
    """The labels, as mappings such as ``{"name": "return_5m", "kind": "log_return", "horizon_seconds": 300}``.

    Raises:
        UsageError: as for ``FeatureSettings``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[SerializeAsAny[Label], ...] = Field(
        default_factory=lambda: parse_items("label", DEFAULT_LABELS, LABEL_KINDS)
    )

    @field_validator("labels", mode="before")
    @classmethod
    def _parse(cls, items: Any) -> Any:
        return parse_items("label", items, LABEL_KINDS)

    @property
    def horizon_seconds(self) -> int:
        """Longest horizon; 0 without labels."""
        return max((item.horizon_seconds for item in self.labels), default=0)


def settings_digest(settings: FeatureSettings, labels: LabelSettings) -> str:
    """SHA-256 of all that shapes a feature set."""
    content = {**settings.model_dump(mode="json", exclude={"name"}), **labels.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def parse_items(what: str, items: Iterable[Any], kinds: Mapping[str, type[_Item]]) -> tuple[_Item, ...]:
    """Check the items of a list of features or labels.

    Raises:
        UsageError: an item is wrong, or a name occurs twice.
    """
    if not isinstance(items, list | tuple):
        raise UsageError(f"{what}s must be a list of mappings with name and kind, got {items!r}")
    parsed = tuple(
        item if isinstance(item, tuple(kinds.values())) else _parse_item(what, item, kinds) for item in items
    )
    names = [getattr(item, "name", "") for item in parsed]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{what} {twice[0]!r} is listed twice: give each {what} its own name")
    return parsed


def _parse_item(what: str, item: Any, kinds: Mapping[str, type[_Item]]) -> _Item:
    if not isinstance(item, Mapping) or "kind" not in item:
        raise UsageError(f"a {what} must be a mapping with name and kind ({', '.join(kinds)}), got {item!r}")
    place = f"{what} {item.get('name', '?')!r}"
    kind = kinds.get(item["kind"])
    if kind is None:
        raise UsageError(f"{place} has the unknown kind {item['kind']!r}{_near(str(item['kind']), kinds)}")
    for argument in item:
        if argument not in kind.model_fields:
            raise UsageError(f"{place} has the unknown argument {argument!r}{_near(str(argument), kind.model_fields)}")
    for argument in getattr(kind, "column_arguments", ()):
        column = item.get(argument)
        if column is not None and column not in BAR_COLUMNS:
            raise UsageError(f"{place} names the unknown column {column!r} of bars{_near(str(column), BAR_COLUMNS)}")
    try:
        return kind.model_validate(dict(item))
    except ValidationError as e:
        first = e.errors()[0]
        argument = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{place} needs another {argument}: {first['msg']}, got {first['input']!r}") from e


def _near(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
