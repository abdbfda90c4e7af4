"""The first pass over the files of a batch job: what they are, how many records they hold and which columns.

Every record is looked at, so that a field that first turns up in the last line is not lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.batch_records import NumberText, Unreadable, read_records
from jobs.batch_values import REFUSAL
from jobs.readers.byte_stream import ByteStream
from models.errors import DataContractError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MAX_COLUMNS = 2_000
_KINDS = {bool: "boolean", int: "integer", NumberText: "number", float: "number", str: "text", bytes: "bytes",
          dict: "object", list: "list", type(None): "null"}  # fmt: skip


@dataclass(frozen=True)
class FileFacts:
    """What a file holds; the second pass must find the same.

    Attributes:
        path: Where it lies.
        n_bytes: Its length.
        digest: SHA-256 of its bytes.
        n_records: Lines, rows or records, unreadable ones included.
        n_unreadable: Those of them that no record came from.
        first_unreadable: Code and sentence of the first of them.
        columns: Column to the kinds of value it holds, in the order of appearance.
        nested: Fields within the column ``features``.
    """

    path: str
    n_bytes: int
    digest: str
    n_records: int
    n_unreadable: int
    first_unreadable: str | None
    columns: dict[str, list[str]]
    nested: list[str]


def scan_files(spark: SparkSession, files: Sequence[Path], format_: str, n_tasks: int) -> list[FileFacts]:
    """Read each file once on the workers, in ``n_tasks`` tasks.

    Raises:
        DataContractError: a file has no header, or holds more than 2,000 different columns.
    """
    tasks = balanced([(str(file), file.stat().st_size) for file in files], n_tasks)
    numbers = spark.range(0, len(tasks), 1, numPartitions=len(tasks))
    rows = numbers.mapInArrow(_scanning(tasks, format_), "facts string").collect()
    facts = {f.path: f for f in (FileFacts(**json.loads(row.facts)) for row in rows)}
    return [facts[str(file)] for file in files]


def balanced(sized: Sequence[tuple[str, int]], n_tasks: int) -> list[list[tuple[str, int]]]:
    """Files as tasks of about equal bytes, the largest first; no task is without a file."""
    tasks: list[list[tuple[str, int]]] = [[] for _ in range(max(1, min(n_tasks, len(sized))))]
    for file in sorted(sized, key=lambda one: (-one[1], one[0])):
        min(tasks, key=lambda task: sum(size for _, size in task) + len(task)).append(file)
    return tasks


def scan_file(path: str, n_bytes: int, format_: str) -> FileFacts:
    """Facts of one file.

    Raises:
        DataContractError: it holds more than 2,000 different columns, or one that cannot be named.
    """
    stream = ByteStream(Path(path), n_bytes)
    n_records, n_unreadable, first = 0, 0, None
    kinds: dict[str, set[type]] = {}
    nested: dict[str, None] = {}
    for records in read_records(stream, format_):
        n_records += len(records)
        for record in records:
            if isinstance(record, Unreadable):
                n_unreadable += 1
                first = first or f"{record.code}: {record.reason}"
            else:
                _note(record, kinds, nested)
        if len(kinds) > MAX_COLUMNS:
            raise DataContractError(
                f"{path} holds more than {MAX_COLUMNS:,} different columns: write fields that vary as one"
            )
    _check_names(path, kinds)
    columns = {name: sorted({_KINDS[type_] for type_ in types if type_ is not tuple} | _several(types))
               for name, types in kinds.items()}  # fmt: skip
    return FileFacts(path, stream.n_bytes, stream.digest, n_records, n_unreadable, first, columns, list(nested))


def _note(record: dict[str, Any], kinds: dict[str, set[type]], nested: dict[str, None]) -> None:
    for name, value in record.items():
        types = kinds.get(name)
        if types is None:
            types = kinds[name] = set()
        types.add(type(value))
        if type(value) is tuple:
            types.update(map(type, value))
        elif name == "features":
            for element in value if type(value) is list else (value,):
                if type(element) is dict:
                    nested.update(dict.fromkeys(element))


def _check_names(path: str, names: Iterable[str]) -> None:
    for name in names:
        if not name or not name.isprintable() or name == REFUSAL:  # half a surrogate pair is not printable
            raise DataContractError(f"{path} holds a field named {name!a}, which cannot name a column: rename it")


def _several(types: set[type]) -> set[str]:
    return {"several"} if tuple in types else set()


def _scanning(
    tasks: list[list[tuple[str, int]]], format_: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def scan(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                facts = [json.dumps(asdict(scan_file(path, size, format_))) for path, size in tasks[number]]
                yield pa.RecordBatch.from_pydict({"facts": pa.array(facts, pa.string())})

    return scan
