"""A source of order events: where its files lie and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from jobs.readers.mapping import Mapping

Format = Literal[
    "coinbase_full",
    "bitstamp_log",
    "coinbase_websocket",
    "binance_websocket",
    "lobster",
    "bitflyer_executions",
    "databento_mbo",
    "csv",
    "parquet",
]
FORMATS: tuple[str, ...] = get_args(Format)
CAPTURES = ("coinbase_websocket", "binance_websocket")
_MAPPED = ("csv", "parquet")  # by a mapping of the user


class Source(BaseModel):
    """Files of one exchange in one format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, description="file, folder or glob")
    format: Format
    exchange: str = Field(pattern=r"^[a-z0-9_.-]+$", description="venue, lower case")
    symbol: str | None = Field(None, min_length=1, description="product, where the lines name none")
    epoch: int | None = Field(None, ge=0, description="numbering period; coinbase_full and mapped files only")
    mapping: str | None = Field(None, description="YAML file that says what the columns are; csv and parquet only")

    @model_validator(mode="after")
    def _fits_format(self) -> Source:
        takes_symbol = self.format in ("bitstamp_log", *_MAPPED)
        if self.format == "bitstamp_log" and self.symbol is None:
            raise ValueError("bitstamp_log needs a symbol, for example BTC-USD: its lines name none")
        if self.symbol is not None and not takes_symbol:
            raise ValueError(f"{self.format} names the product itself: remove symbol")
        if self.epoch is not None and self.format not in ("coinbase_full", *_MAPPED):
            raise ValueError(f"{self.format} takes its epoch from the file: remove epoch")
        if self.format in _MAPPED and self.mapping is None:
            raise ValueError(f"{self.format} needs a mapping: a YAML file that says which column is what")
        if self.mapping is not None and self.format not in _MAPPED:
            raise ValueError(f"{self.format} knows its columns: remove mapping, or take format: csv")
        return self

    @property
    def is_numbered(self) -> bool:
        """Whether a repetition has the same number: the exchange's, or that of its line in the file.

        A log of Bitstamp may repeat a line further down. Elsewhere two equal lines are two events: a level may be set
        to 2, to 1 and to 2 again within a millisecond.
        """
        return self.format != "bitstamp_log"

    @property
    def is_contiguous(self) -> bool:
        """Whether a hole in the numbers means missed events."""
        return self.format == "coinbase_full"

    def load_mapping(self) -> Mapping | None:
        """What the columns are; None for a format that is not made of columns.

        Raises:
            UsageError: the mapping cannot be read, or is wrong.
        """
        from jobs.readers.mapping import SHIPPED, load_mapping

        if self.mapping is not None:
            return load_mapping(Path(self.mapping))
        shipped = SHIPPED / f"{self.format}.yml"
        return load_mapping(shipped) if shipped.is_file() else None
