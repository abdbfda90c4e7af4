"""One file to Arrow batches of checked rows, and at its end a report of what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from jobs.readers.byte_stream import ByteStream, sha256_of
from jobs.readers.disorder import Disorder
from jobs.readers.line_readers import line_reader, mapped_rows
from jobs.readers.lines import Lines, split_lines
from jobs.readers.mapped_parquet import read_rows
from jobs.readers.mapping import Mapping
from jobs.readers.refusal import Refusal
from jobs.readers.schema import READ_SCHEMA, ReadLines
from jobs.sources import Source

MAX_UNKNOWN_FIELDS = 100
MAX_RAW_CHARACTERS = 1 << 16


class FileTask(BaseModel):
    """A file to read."""

    model_config = ConfigDict(frozen=True)

    file_index: int
    path: str
    n_bytes: int
    known_digests: frozenset[str] = frozenset()  # of files of this length that the ledger holds


class FileReport(BaseModel):
    """What a file turned out to be, counted while its lines were cut: independent of what Spark counts later."""

    model_config = ConfigDict(frozen=True)

    file_index: int
    digest: str
    n_bytes: int
    state: str  # complete, truncated, corrupt or empty as in ingested_files; or known: the ledger has it
    n_read: int = 0
    n_pending: int = 0
    n_refused: int = 0
    n_disordered: int = 0
    unknown_fields: tuple[str, ...] = ()


def read_file(task: FileTask, source: Source, now_us: int, mapping: Mapping | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of ``READ_SCHEMA``: one a line, but none for a pending last line; the last row is the report.

    A last line without newline that is not complete JSON is pending: the writer may not be done with it.

    Args:
        task: The file.
        source: How it is written.
        now_us: No event may lie a day ahead of it, µs since 1970.
        mapping: That of the source, where it has one; read on the driver, for a worker may not have the file.

    Raises:
        OSError: the file cannot be read.
        UsageError: its name is not as the mapping expects.
        DataContractError: it is no Parquet file, or has not what it belongs to beside it.
    """
    path = Path(task.path)
    if task.known_digests and (digest := sha256_of(path, task.n_bytes)) in task.known_digests:
        yield _report_row(FileReport(file_index=task.file_index, digest=digest, n_bytes=task.n_bytes, state="known"))
        return
    counts: Counter[str] = Counter()
    disorder = Disorder()
    if source.format == "parquet":
        for lines, result in read_rows(path, mapped_rows(source, mapping, path, now_us), counts):
            counts["refused"] += len(result.refusals)
            disorder.add(result)
            yield row_batch(task.file_index, lines, result)
        counts["disordered"] = disorder.n_late
        yield _report(task, sha256_of(path, task.n_bytes), task.n_bytes, "complete", counts, set())
        return
    stream, reader = ByteStream(path, task.n_bytes), line_reader(source, mapping, path, now_us)
    unknown_fields: set[str] = set()
    for lines in split_lines(stream.blocks()):
        result = reader.read(lines)
        unknown_fields |= result.unknown_fields
        counts["read"] += len(lines.lines)
        if lines.is_last_open and result.is_open_end[-1]:
            counts["pending"] += 1
        else:
            counts["refused"] += len(result.refusals)
            disorder.add(result)
            yield row_batch(task.file_index, lines, result)
    counts["disordered"] = disorder.n_late
    state = stream.state
    if state == "complete":
        state = "truncated" if counts["pending"] else "complete"
    yield _report(task, stream.digest, stream.n_bytes, state, counts, unknown_fields)


def _report(
    task: FileTask, digest: str, n_bytes: int, state: str, counts: Counter[str], unknown_fields: set[str]
) -> pa.RecordBatch:
    return _report_row(
        FileReport(
            file_index=task.file_index,
            digest=digest,
            n_bytes=n_bytes,
            state="empty" if state == "complete" and not counts["read"] else state,
            n_read=counts["read"],
            n_pending=counts["pending"],
            n_refused=counts["refused"],
            n_disordered=counts["disordered"],
            unknown_fields=tuple(sorted(_printable(name) for name in unknown_fields)[:MAX_UNKNOWN_FIELDS]),
        )
    )


def row_batch(file_index: int, lines: Lines, result: ReadLines) -> pa.RecordBatch:
    """Rows of ``READ_SCHEMA`` of lines that were checked."""
    n, refusals = len(lines.lines), result.refusals
    codes: list[str | None] = [None] * n
    reasons = codes.copy()
    is_refused = np.zeros(n, dtype=bool)
    for row, refusal in refusals.items():
        codes[row], reasons[row] = refusal.code, refusal.reason
        is_refused[row] = True
    place = {
        "file_index": pa.array(np.full(n, file_index, dtype=np.int32)),
        "line_number": pa.array(lines.numbers),
        "byte_offset": pa.array(lines.offsets),
        "kind": pa.array(np.where(is_refused, "refused", "event")),
        "code": pa.array(codes, pa.string()),
        "refusal_reason": pa.array(reasons, pa.string()),
        "raw_text": pa.array(_raw_texts(lines.lines, refusals), pa.string()),
    }
    return _batch(n, place | result.columns)


def _report_row(report: FileReport) -> pa.RecordBatch:
    return _batch(
        1,
        {
            "file_index": pa.array([report.file_index], pa.int32()),
            "kind": pa.array(["report"]),
            "raw_text": pa.array([report.model_dump_json()]),
        },
    )


def _batch(n: int, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(n, field.type)) for field in READ_SCHEMA], schema=READ_SCHEMA
    )


def _raw_texts(lines: list[bytes], refusals: dict[int, Refusal]) -> list[str]:
    """Each line; bytes that are not UTF-8 and NUL as ``\\xNN``; of a very long one the start.

    A good line travels with its text too: whether its key conflicts with another is known only later.
    """
    texts = [line[:MAX_RAW_CHARACTERS].decode("utf-8", errors="backslashreplace") for line in lines]
    for row, refusal in refusals.items():
        if refusal.code == "NUL_BYTE":
            texts[row] = texts[row].replace("\0", "\\x00")
    return texts


def _printable(name: str) -> str:
    return name[:100].encode("utf-8", errors="backslashreplace").decode("utf-8")
