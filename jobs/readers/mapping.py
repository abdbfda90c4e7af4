"""How the columns of a table-like file become order events: a small YAML file, of ours or of the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from jobs.readers.plain_events import EVENTS, FIELDS
from models.errors import UsageError

SHIPPED = Path(__file__).with_name("mappings")
_PART_SPACE, _LINE_SPACE = 10_000, 10_000_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Strict):
    """Where a field comes from. In YAML a plain text is the name of a column.

    Attributes:
        column: Column of the file, or named group of ``file_name``.
        otherwise: Column that is taken where that one is empty.
        constant: The value itself, instead of a column.
        values: Value in the file to value of the field; one that is not listed is refused (BAD_VALUE).
        decimals: Round to so many, where the numbers of the file carry the noise of a computation in floating point
            (0.11244000000000001). Without it such a number is refused (OVER_PRECISE).
        unit: What one of the file's units is worth, for example 0.0001 where prices are in ten-thousandths.
        date: Named group of ``file_name`` with the day (YYYY-MM-DD or YYYYMMDD), where the column counts the seconds
            since midnight.
        zone: Zone of a time without one, for example America/New_York.
    """

    column: str | None = None
    otherwise: str | None = None
    constant: str | None = None
    values: dict[str, str] | None = None
    unit: Decimal | None = Field(default=None, gt=0)
    decimals: int | None = Field(default=None, ge=0, le=8)
    date: str | None = None
    zone: str | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Rule:
        if (self.column is None) == (self.constant is None):
            raise ValueError("needs a column or a constant, and not both")
        return self


class Cases(_Strict):
    """Fields that depend on the value of a column, for example the event on the type of the message."""

    column: str
    values: dict[str, dict[str, Rule]]
    otherwise: Literal["refuse", "ignore"] = "refuse"  # a value that is not listed; ignored lines are kept as harmless

    @field_validator("values", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        return {str(case): _rules(fields) for case, fields in value.items()} if isinstance(value, dict) else value


class Sequence(_Strict):
    """The order of events: a number of the exchange, or the number of the line.

    Attributes:
        column: Column with the exchange's number of the event.
        parts: Patterns of the group ``part`` of ``file_name``, in the order in which such files follow one another; a
            number at the end of the part counts within its pattern. Without a column only.
        step: What a line counts; without a column only.
    """

    column: str | None = None
    parts: tuple[str, ...] = ()
    step: int = Field(default=1, ge=1, le=10)

    def start(self, part: str | None) -> int:
        """What is added to the line numbers of a file.

        Raises:
            UsageError: no pattern fits the part.
        """
        if not self.parts:
            return 0
        for place, pattern in enumerate(self.parts):
            if part is not None and re.fullmatch(pattern, part):
                number = re.search(r"[0-9]{1,3}$", part)
                return (place * _PART_SPACE + int(number.group() if number else 0)) * _LINE_SPACE
        raise UsageError(f"the part {part!r} of a file name is none of sequence.parts: {', '.join(self.parts)}")


class Mapping(_Strict):
    """A mapping file.

    Attributes:
        about: One line on what is mapped.
        delimiter: Between the columns of CSV.
        columns: Names of the columns where the file has no line that names them.
        file_name: Regular expression of the file's name; its named groups can be used as columns.
        epoch: Numbering period: a number, or a named group of ``file_name`` with a day; without it 0 where the exchange
            numbers its events, else the time of the first event, in ms.
        sequence: Order of the events.
        fields: Field of ``orders`` to its rule.
        cases: Fields that depend on a column.
    """

    about: str = ""
    delimiter: str = Field(",", min_length=1, max_length=1)
    columns: tuple[str, ...] = ()
    file_name: str | None = None
    epoch: int | str | None = None
    sequence: Sequence = Sequence()
    fields: dict[str, Rule] = {}
    cases: Cases | None = None

    @field_validator("fields", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        return _rules(value)

    @field_validator("file_name")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as e:
            raise ValueError(f"is not a regular expression ({e})") from e
        return value

    @model_validator(mode="after")
    def _names_known_fields(self) -> Mapping:
        cases = self.cases.values.values() if self.cases else ()
        for fields in (self.fields, *cases):
            for name, rule in fields.items():
                if name not in FIELDS:
                    raise ValueError(f"{name} is no field of an event: {', '.join(FIELDS)}")
                wrong = _results(rule) - {"", *EVENTS}
                if name == "event" and wrong:
                    raise ValueError(f"{sorted(wrong)[0]} is no event: {', '.join(EVENTS)}")
        if not all("event" in {**self.fields, **case} for case in (cases or [{}])):
            raise ValueError("every event needs the field event, in fields or in each of the cases")
        if self.sequence.parts and "trade_id" not in self.fields and self._has_trades():
            raise ValueError("a data set in parts needs the field trade_id for its matches")
        return self

    def _has_trades(self) -> bool:
        cases = self.cases.values.values() if self.cases else ({},)
        events = [{**self.fields, **case}["event"] for case in cases]
        return any((rule.column is not None and not rule.values) or "match" in _results(rule) for rule in events)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        UsageError: it cannot be read, or a key or value is wrong; named in one sentence.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Mapping.model_validate(values)
    except OSError as e:
        raise UsageError(f"the mapping {path} cannot be read ({e.strerror}): name it with --mapping") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise UsageError(f"the mapping {path} is not valid YAML: {' '.join(str(e).split())[:200]}") from e
    except ValidationError as e:
        error = e.errors()[0]
        place = ".".join(str(part) for part in error["loc"])
        raise UsageError(f"the mapping {path}: {place} {error['msg'].removeprefix('Value error, ')}") from e


def _results(rule: Rule) -> set[str]:
    return {rule.constant or "", *(rule.values or {}).values()}


def _rules(fields: Any) -> Any:
    if not isinstance(fields, AnyMapping):
        return fields
    return {name: {"column": rule} if isinstance(rule, str) else rule for name, rule in fields.items()}
