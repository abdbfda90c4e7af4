"""Rows of named texts to order events, by a mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.instants import EARLIEST_US, parse_instant
from jobs.readers.json_lines import RefusedLineError
from jobs.readers.mapping import Mapping, Rule
from jobs.readers.message_columns import MessageColumns
from jobs.readers.plain_events import event_columns
from jobs.readers.refusal import Refusal, shown
from models.errors import UsageError

# A trade without an id gets the epoch, which is the file's own, and its count in the file: room for both in a BIGINT.
_MOST_UNNAMED = 1 << 23
_EARLIEST_MS = EARLIEST_US // 1000
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII)


class MappedRows:
    """Events of one file."""

    def __init__(self, mapping: Mapping, file_name: str, symbol: str | None, epoch: int | None, now_us: int) -> None:
        """Take what the rows do not hold.

        Args:
            mapping: Where each field comes from.
            file_name: Name of the file, whose parts count as columns.
            symbol: Product where the mapping names no column for it.
            epoch: Numbering period; None takes the mapping's.
            now_us: No event may lie a day ahead of it.

        Raises:
            UsageError: the name of the file is not as the mapping says.
        """
        self.mapping = mapping
        self.of_name = _groups(mapping, file_name)
        self.symbol = symbol
        self.now_us = now_us
        self.epoch = epoch if epoch is not None else self._mapped_epoch()
        self._n_unnamed = 0  # trades to which the file gives no id
        self._first_number = mapping.sequence.start(self.of_name.get("part"))

    def event(self, row: AnyMapping[str, str]) -> dict[str, str | None]:
        """Fields of the event in a row of texts.

        Raises:
            RefusedLineError: a value is not one that the mapping knows, or cannot be read.
        """
        columns = {**self.of_name, **row}
        fields = self.mapping.fields
        if (cases := self.mapping.cases) is not None:
            case = columns.get(cases.column)
            if case not in cases.values:
                code = "NOT_AN_ORDER_EVENT" if cases.otherwise == "ignore" else "UNKNOWN_EVENT"
                raise RefusedLineError(Refusal(code, f"{cases.column} = {shown(case)}"))
            fields = {**fields, **cases.values[case]}
        event = {name: _value(name, rule, columns) for name, rule in fields.items()}
        event.setdefault("symbol", self.symbol)
        if (column := self.mapping.sequence.column) is not None:
            event["sequence"] = columns.get(column)
        return event

    def time(self, row: AnyMapping[str, str]) -> str | None:
        """The field ``event_time`` of a row; None where it cannot be read."""
        try:
            return _value("event_time", self.mapping.fields["event_time"], {**self.of_name, **row})
        except RefusedLineError:
            return None

    def columns(
        self, events: list[dict[str, Any]], refusals: dict[int, Refusal], numbers: np.ndarray
    ) -> tuple[dict[str, pa.Array], dict[int, Refusal]]:
        """Columns of ``orders`` and all refusals of a batch; ``numbers`` are those of the lines or rows."""
        batch = MessageColumns(events, refusals)
        if self.epoch is None:
            self.epoch = self._first_time_ms(batch)
        columns = event_columns(batch, self.epoch, self.now_us, is_binary=True)
        sequence = self.mapping.sequence
        if sequence.column is None:
            columns["sequence"] = pa.array(self._first_number + sequence.step * numbers)
        else:
            texts = batch.texts("sequence")
            batch.require(texts, "sequence", ~batch.is_refused)
            columns["sequence"] = batch.integers(texts, "sequence")
        columns["trade_id"] = self._trade_ids(columns, batch)
        return columns, batch.refusals

    def _trade_ids(self, columns: dict[str, pa.Array], batch: MessageColumns) -> pa.Array:
        """Where the file has none: the exchange's number of the event, else the epoch and the count of the trade."""
        is_unnamed = pc.and_(pc.equal(columns["event"], "match"), pc.is_null(columns["trade_id"]))
        rows = np.flatnonzero(is_unnamed.fill_null(False).to_numpy(zero_copy_only=False) & ~batch.is_refused)
        if not len(rows) or self.epoch is None:
            return columns["trade_id"]
        ids = columns["trade_id"].to_pylist()
        if self.mapping.sequence.column is not None:
            found = columns["sequence"].to_pylist()
            numbers = [found[row] for row in rows]
        else:
            counts = self._n_unnamed + np.arange(len(rows))
            self._n_unnamed += len(rows)
            batch.refuse(rows[counts >= _MOST_UNNAMED], "BAD_SEQUENCE", lambda _: "trade_id is absent, too often")
            numbers = ((self.epoch - _EARLIEST_MS) * _MOST_UNNAMED + counts).tolist()
        for row, number in zip(rows, numbers, strict=True):
            ids[row] = number
        return pa.array(ids, pa.int64())

    def _mapped_epoch(self) -> int | None:
        epoch = self.mapping.epoch
        if isinstance(epoch, str):
            return int(_midnight(self.of_name.get(epoch), "UTC").timestamp() * 1000)
        return 0 if epoch is None and self.mapping.sequence.column is not None else epoch

    def _first_time_ms(self, batch: MessageColumns) -> int | None:
        for row, event in enumerate(batch.messages):
            instant_us = None if batch.is_refused[row] else parse_instant(event.get("event_time") or "")
            if instant_us is not None:
                return instant_us // 1000
        return None


def _groups(mapping: Mapping, file_name: str) -> dict[str, str]:
    if mapping.file_name is None:
        return {}
    found = re.fullmatch(mapping.file_name, PurePath(file_name).name)
    if found is None:
        raise UsageError(f"{PurePath(file_name).name} is not named as the mapping expects: {mapping.file_name}")
    return {name: value for name, value in found.groupdict().items() if value is not None}


def _value(name: str, rule: Rule, columns: AnyMapping[str, str]) -> str | None:
    if rule.constant is not None:
        return rule.constant
    assert rule.column is not None  # a rule has one of the two
    if rule.column not in columns:
        raise RefusedLineError(Refusal("MISSING_FIELD", f"column {rule.column} is absent"))
    text = columns[rule.column] or columns.get(rule.otherwise or "") or None
    if text is None:
        return None
    if rule.values is not None:
        if text not in rule.values:
            raise RefusedLineError(Refusal("BAD_VALUE", f"{rule.column} = {shown(text)}"))
        return rule.values[text] or None
    if rule.date is not None:
        return _since_midnight(text, rule, columns)
    if rule.zone is not None and _NO_ZONE.fullmatch(text):
        return _with_zone(text, rule.zone)
    return text if rule.unit is None and rule.decimals is None else _number(name, text, rule)


def _number(name: str, text: str, rule: Rule) -> str:
    try:
        number = Decimal(text) * (rule.unit or 1)
        if rule.decimals is not None:
            number = number.quantize(Decimal(1).scaleb(-rule.decimals))
        return format(number, "f")
    except InvalidOperation as e:
        raise RefusedLineError(Refusal("BAD_NUMBER", f"{name} = {shown(text)}")) from e


def _since_midnight(text: str, rule: Rule, columns: AnyMapping[str, str]) -> str:
    try:
        nanoseconds = int(Decimal(text) * 1_000_000_000)
    except (InvalidOperation, OverflowError, ValueError) as e:
        raise RefusedLineError(Refusal("BAD_TIME", f"{rule.column} = {shown(text)}")) from e
    midnight = _midnight(columns.get(rule.date or ""), rule.zone or "UTC")
    return str(int(midnight.timestamp()) * 1_000_000_000 + nanoseconds)


def _with_zone(text: str, zone: str) -> str:
    whole, _, fraction = text.partition(".")
    moment = datetime.fromisoformat(whole).replace(tzinfo=ZoneInfo(zone))
    return str(int(moment.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(9, "0")))


def _midnight(day: str | None, zone: str) -> datetime:
    try:
        return datetime.fromisoformat(day or "").replace(tzinfo=ZoneInfo(zone))
    except ValueError as e:
        raise UsageError(f"the day {day!r} of a file name is not YYYY-MM-DD or YYYYMMDD") from e
