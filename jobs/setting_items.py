"""Checks of one item in a list of settings, with a sentence that names the item and the nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import UsageError

NAME = r"^[a-z][a-z0-9_]{0,62}$"
_Item = TypeVar("_Item", bound=BaseModel)


def parse_item(what: str, item: Any, kind: type[_Item]) -> _Item:
    """Build the settings of one item.

    Raises:
        UsageError: a value is missing or out of range.
    """
    try:
        return kind.model_validate(dict(item) if isinstance(item, Mapping) else item)
    except ValidationError as e:
        first = e.errors()[0]
        argument = ".".join(str(part) for part in first["loc"]) or "mapping"
        name = item.get("name", "?") if isinstance(item, Mapping) else "?"
        raise UsageError(f"{what} {name!r} needs another {argument}: {first['msg']}, got {first['input']!r}") from e


def check_arguments(place: str, what: str, words: Iterable[Any], known: Iterable[str]) -> None:
    """Refuse the first word that is not known.

    Raises:
        UsageError: with the nearest known word, else with all of them.
    """
    known = list(known)
    for word in words:
        if word not in known:
            near = difflib.get_close_matches(str(word), known, n=1)
            remedy = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
            raise UsageError(f"{place} has the unknown {what} {word!r}{remedy}")
