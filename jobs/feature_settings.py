"""The configuration of a feature set, checked; every mistake is one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from jobs.feature_defaults import DEFAULT_FEATURES
from jobs.feature_kinds import BOOK_COLUMNS, FEATURE_KINDS, CrossReturn, Feature
from jobs.label_settings import LabelSettings
from jobs.setting_items import NAME, check_arguments, parse_item
from models.errors import UsageError


class FeatureSettings(BaseModel):
    """The features of a set, and the training time on which its scales are fitted.

    ``items`` takes mappings such as ``{"name": "return_1", "kind": "log_return", "bars": 1}``. Training time ends at
    ``train_end``, or where that is not given, after ``train_fraction`` of the time that an exchange's bars span when
    the set is fitted first.

    Raises:
        UsageError: unknown kind, column or argument, a value out of range, a name twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="default", pattern=NAME)
    items: tuple[SerializeAsAny[Feature], ...] = Field(default_factory=lambda: parse_features(DEFAULT_FEATURES))
    train_fraction: float = Field(default=0.6, gt=0, le=1)
    train_end: AwareDatetime | None = None

    @field_validator("items", mode="before")
    @classmethod
    def _parse(cls, items: Any) -> Any:
        return parse_features(items)

    def names(self) -> tuple[str, ...]:
        """Field names of ``features.features``, in order."""
        return tuple(item.name for item in self.items)

    @property
    def bars_before(self) -> int:
        """Longest look-back of all features, in bars."""
        return max((item.bars_before for item in self.items), default=0)

    @property
    def other_symbols(self) -> tuple[str, ...]:
        """Symbols whose bars the features of every symbol of their exchange read."""
        return tuple(sorted({item.symbol for item in self.items if isinstance(item, CrossReturn)}))

    @property
    def of_other_symbols(self) -> tuple[str, ...]:
        """Names of the features that do so."""
        return tuple(item.name for item in self.items if isinstance(item, CrossReturn))

    @property
    def of_book(self) -> tuple[str, ...]:
        """Names of the features that need the rebuilt order book."""
        book = {*BOOK_COLUMNS, "last_quote_at"}
        return tuple(item.name for item in self.items if book.intersection(item.columns_read))


def settings_digest(settings: FeatureSettings, labels: Sequence[LabelSettings]) -> str:
    """SHA-256 of all that shapes a feature set."""
    content = settings.model_dump(mode="json", exclude={"name"})
    content["labels"] = [label.model_dump(mode="json") for label in labels]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def parse_features(items: Any) -> tuple[Feature, ...]:
    """Check a list of mappings, each one feature.

    Raises:
        UsageError: the list is empty, an item is wrong, or a name occurs twice.
    """
    if not isinstance(items, list | tuple) or not items:
        raise UsageError(f"features must be a list of mappings with name and kind, got {items!r}")
    features = tuple(item if isinstance(item, Feature) else _parse_feature(item) for item in items)
    names = [item.name for item in features]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"feature {twice[0]!r} is listed twice: give each feature its own name")
    return features


def _parse_feature(item: Any) -> Feature:
    if not isinstance(item, Mapping) or "kind" not in item:
        raise UsageError(f"a feature must be a mapping with name and kind ({', '.join(FEATURE_KINDS)}), got {item!r}")
    place = f"feature {item.get('name', '?')!r}"
    check_arguments(place, "kind", [item["kind"]], FEATURE_KINDS)
    kind = FEATURE_KINDS[item["kind"]]
    check_arguments(place, "argument", item, kind.model_fields)
    columns = [item[argument] for argument in kind.column_arguments if argument in item]
    check_arguments(place, "column of bars", columns, kind.columns)
    return parse_item("feature", item, kind)
