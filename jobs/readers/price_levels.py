"""Price levels in a message: checked, and written as the text that ``orders.snapshot`` holds."""

from __future__ import annotations

import json
import re
from typing import Any

from jobs.readers.json_lines import RefusedLineError
from jobs.readers.refusal import Refusal, shown

_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,8}0*)?")


def levels_text(bids: Any, asks: Any, **facts: Any) -> str:
    """``{"bids": [[price, size], …], "asks": …}`` with the facts beside them, see ``jobs.book.shown_levels``.

    Raises:
        RefusedLineError: MISSING_FIELD, BAD_VALUE or BAD_NUMBER, with the side and the level.
    """
    for name, levels in (("bids", bids), ("asks", asks)):
        if (refusal := wrong_levels(name, levels)) is not None:
            raise RefusedLineError(refusal)
    return json.dumps({"bids": bids, "asks": asks, **facts}, separators=(",", ":"))


def wrong_levels(name: str, levels: Any) -> Refusal | None:
    """What is wrong with one side; None where each level is a price and a size that the columns can hold."""
    if levels is None:
        return Refusal("MISSING_FIELD", f"{name} is absent")
    if not isinstance(levels, list):
        return Refusal("BAD_VALUE", f"{name} = {shown(levels)}")
    for level in levels:
        if not (isinstance(level, list) and len(level) == 2 and all(isinstance(part, str) for part in level)):
            return Refusal("BAD_VALUE", f"{name} = {shown(level)}")
        if not all(_NUMBER.fullmatch(part) for part in level):
            return Refusal("BAD_NUMBER", f"{name} = {shown(level)}")
    return None
