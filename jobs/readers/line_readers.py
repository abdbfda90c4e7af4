"""The reader of a file, by the format of its source."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from jobs.readers.binance_websocket import BinanceFeed
from jobs.readers.bitstamp_log import BitstampLogReader
from jobs.readers.coinbase_full import CoinbaseFullReader
from jobs.readers.coinbase_websocket import CoinbaseFeed
from jobs.readers.lines import Lines
from jobs.readers.lobster_book import LobsterBookReader, is_book, message_name
from jobs.readers.mapped_csv import MappedCsvReader
from jobs.readers.mapped_rows import MappedRows
from jobs.readers.mapping import Mapping
from jobs.readers.schema import ReadLines
from jobs.readers.websocket_capture import WebsocketCaptureReader
from jobs.sources import Source


class LineReader(Protocol):
    """Reads the lines of one file in their order."""

    def read(self, lines: Lines) -> ReadLines:
        """Check and cast a batch of lines."""


def line_reader(source: Source, mapping: Mapping | None, path: Path, now_us: int) -> LineReader:
    """The reader of one file of ``source``, which is made of lines.

    Raises:
        UsageError: the name of the file is not as the mapping expects.
        DataContractError: a book of LOBSTER has no messages beside it.
    """
    if source.format == "coinbase_full":
        return CoinbaseFullReader(source.epoch or 0, now_us)
    if source.format == "bitstamp_log":
        assert source.symbol is not None  # Source checks it
        return BitstampLogReader(source.symbol, now_us)
    if source.format == "coinbase_websocket":
        return WebsocketCaptureReader(CoinbaseFeed(), now_us)
    if source.format == "binance_websocket":
        return WebsocketCaptureReader(BinanceFeed(), now_us)
    rows = mapped_rows(source, mapping, path, now_us)
    return LobsterBookReader(path, rows) if _is_lobster_book(source, path) else MappedCsvReader(rows)


def mapped_rows(source: Source, mapping: Mapping | None, path: Path, now_us: int) -> MappedRows:
    """What makes events of the rows of a file.

    Raises:
        UsageError: the name of the file is not as the mapping expects.
    """
    assert mapping is not None  # the caller has loaded it
    name = message_name(path.name) if _is_lobster_book(source, path) else path.name
    return MappedRows(mapping, name, source.symbol, source.epoch, now_us)


def _is_lobster_book(source: Source, path: Path) -> bool:
    return source.format == "lobster" and is_book(path.name)
