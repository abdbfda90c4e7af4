"""Lines that somebody has mended by hand, from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import StorageError, UsageError


class EditedLine(BaseModel):
    """A refused line by its place, and the text to read in its stead; other keys, as of an export, are passed over."""

    model_config = ConfigDict(frozen=True, strict=True)

    file_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    byte_offset: int = Field(ge=0)
    raw_text: str


def read_edits(file: Path) -> list[EditedLine]:
    """The lines of a file of JSON lines, or of one JSON array as ``foretable --json quarantine show`` prints it.

    Raises:
        StorageError: the file cannot be read.
        UsageError: it holds something else, or a place twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as e:
        raise StorageError(f"{file} cannot be read ({e.strerror}): check the path") from e
    except UnicodeDecodeError as e:
        raise UsageError(f"{file} is not UTF-8: write it as the export was") from e
    edits: dict[tuple[str, int], EditedLine] = {}
    for number, item in enumerate(_items(file, text), start=1):
        try:
            line = EditedLine.model_validate(item)
        except ValidationError as e:
            error = e.errors()[0]
            name = ".".join(map(str, error["loc"])) or "it"
            raise UsageError(f"{file}, line {number} of the edits: {name}: {error['msg']}") from e
        if (line.file_digest, line.byte_offset) in edits:
            raise UsageError(f"{file}, line {number} of the edits: this place was named before, keep one of them")
        edits[line.file_digest, line.byte_offset] = line
    if not edits:
        raise UsageError(f"{file} names no line: foretable --json quarantine show writes such a file")
    return list(edits.values())


def _items(file: Path, text: str) -> list[Any]:
    try:
        if text.lstrip().startswith("["):
            items = json.loads(text)
            assert isinstance(items, list)
            return items
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except json.JSONDecodeError as e:
        raise UsageError(f"{file} holds no JSON lines ({e.msg}): see foretable quarantine replay --help") from e
