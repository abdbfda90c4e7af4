"""A source of order events: where its files lie and how they are read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Format = Literal["coinbase_full", "bitstamp_log"]


class Source(BaseModel):
    """Files of one exchange in one format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, description="file, folder or glob")
    format: Format
    exchange: str = Field(pattern=r"^[a-z0-9_.-]+$", description="venue, lower case")
    symbol: str | None = Field(None, min_length=1, description="product; bitstamp_log only, whose lines name none")
    epoch: int | None = Field(None, ge=0, description="numbering period; coinbase_full only, default 0")

    @model_validator(mode="after")
    def _fits_format(self) -> Source:
        if self.format == "bitstamp_log":
            if self.symbol is None:
                raise ValueError("bitstamp_log needs a symbol, for example BTC-USD: its lines name none")
            if self.epoch is not None:
                raise ValueError("bitstamp_log takes its epoch from the first line: remove epoch")
        elif self.symbol is not None:
            raise ValueError("coinbase_full names the product in each line: remove symbol")
        return self
