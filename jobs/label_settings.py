"""The configuration of a label: what lies ``horizon_seconds`` after the instant at which a bar is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.setting_items import NAME, check_arguments
from models.errors import UsageError

LABEL_KINDS = ("log_return", "direction")


class LabelSettings(BaseModel):
    """One label: its field name in ``features.labels``. It ends at ``available_at`` + ``horizon_seconds``.

    * ``log_return``: DOUBLE, ln(close at ``available_at`` + horizon / close at ``available_at``).
    * ``direction``: STRING, 'up' where that return is above ``threshold_bps`` basis points, 'down' where it is below
      minus that, else 'flat'.

    Both are NULL where that future is not there.

    Raises:
        UsageError: unknown kind or argument, or a value out of range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    kind: Literal["log_return", "direction"] = "log_return"
    horizon_seconds: int = Field(ge=1)
    threshold_bps: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _explain(cls, values: Any) -> Any:
        if isinstance(values, dict):
            place = f"label {values.get('name', '?')!r}"
            check_arguments(place, "kind", [values.get("kind", "log_return")], LABEL_KINDS)
            check_arguments(place, "argument", values, cls.model_fields)
            if values.get("kind", "log_return") == "log_return" and values.get("threshold_bps"):
                raise UsageError(f"{place} is a log_return, which has no threshold_bps: make its kind direction")
        return values


def default_labels() -> tuple[LabelSettings, ...]:
    """The return over the next 5 minutes, and its direction."""
    return (
        LabelSettings(name="return_5m", kind="log_return", horizon_seconds=300),
        LabelSettings(name="direction_5m", kind="direction", horizon_seconds=300, threshold_bps=5.0),
    )


def longest_horizon(labels: Sequence[LabelSettings]) -> int:
    """Longest horizon of the labels in seconds; 0 without labels."""
    return max((label.horizon_seconds for label in labels), default=0)
