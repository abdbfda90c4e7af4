"""Kinds of labels: what lies ``horizon_seconds`` after the instant at which a bar is known."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Label(BaseModel):
    """One label: its field name in ``features.labels``. It ends at ``available_at`` + ``horizon_seconds``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    horizon_seconds: int = Field(ge=1)


class FutureLogReturn(Label):
    """ln(close at ``available_at`` + horizon / close at ``available_at``); NULL where that future is not there."""

    kind: Literal["log_return"] = "log_return"


class Direction(Label):
    """'up' where the future log return is above ``threshold_bps`` basis points, 'down' below minus that, else 'flat'."""

    kind: Literal["direction"] = "direction"
    threshold_bps: float = Field(default=0.0, ge=0, allow_inf_nan=False)


LABEL_KINDS: dict[str, type[Label]] = {
    str(kind.model_fields["kind"].default): kind for kind in (FutureLogReturn, Direction)
}
