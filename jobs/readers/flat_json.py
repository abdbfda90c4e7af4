"""JSON objects of many lines as Arrow columns at once, where each line could only be read so by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from jobs.readers.lines import MAX_LINE_BYTES

_QUOTE, _OPEN, _CLOSE, _BACKSLASH = b'"{}\\'


def read_flat(lines: Sequence[bytes], texts: Collection[str], integers: Collection[str]) -> pa.Table | None:
    """A row a line, with a column for each field that any line names; None for whoever reads line by line to decide.

    Not None only where all lines are objects of JSON without objects in them, without a key twice, a null or an escape,
    with text in the fields ``texts`` and whole numbers above 0 in the fields ``integers``. Arrow's reader does not tell
    all of that: it takes an object over two lines, two objects of one line, and the last one of a key that is there
    twice. So braces are counted, which must be those at the ends of lines, and quotes: two for each key and text.

    Args:
        lines: At least one, without line ends.
        texts: Fields that hold text.
        integers: Fields that hold whole numbers.
    """
    data = b"\n".join(lines)
    if len(data) > MAX_LINE_BYTES or not _is_object_a_line(data, len(lines)):
        return None
    known = pa.schema([*((name, pa.string()) for name in texts), *((name, pa.int64()) for name in integers)])
    try:
        data.decode()  # Arrow takes any bytes
        table = pj.read_json(
            pa.BufferReader(data),
            pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            pj.ParseOptions(explicit_schema=known),
        )
    except (UnicodeDecodeError, pa.ArrowException):
        return None
    if table.num_rows != len(lines) or not _has_each_key_once(table, data):
        return None
    if any(pc.any(pc.less_equal(table[name], 0)).as_py() for name in integers):
        return None  # minus zero would have lost its sign
    return table.combine_chunks()


def flat_texts(table: pa.Table, field: str) -> pa.Array:
    """A column of a table of ``read_flat`` as text; NULL where the field is absent or empty."""
    if field not in table.schema.names:
        return pa.nulls(len(table), pa.string())
    column = table[field].combine_chunks().cast(pa.string())
    is_empty = pc.equal(pc.binary_length(column), 0)
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), column) if pc.any(is_empty).as_py() else column


def _is_object_a_line(data: bytes, n_lines: int) -> bool:
    """Whether a brace opens each line and one closes it, there are no others, and no character is escaped."""
    text = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    counts = [np.count_nonzero(text == character) for character in (_OPEN, _CLOSE, _BACKSLASH)]
    if counts != [n_lines, n_lines, 0] or len(ends) != n_lines + 1:
        return False
    return bool((text[ends[:-1] + 1] == _OPEN).all() and (text[ends[1:] - 1] == _CLOSE).all())


def _has_each_key_once(table: pa.Table, data: bytes) -> bool:
    """Whether the table has a value for each key: of what is quoted, the rest is text."""
    n_keys = n_texts = 0
    for column in table.columns:
        n_values = len(column) - column.null_count
        n_keys += n_values
        if pa.types.is_string(column.type) or pa.types.is_timestamp(column.type):
            n_texts += n_values
        elif not pa.types.is_primitive(column.type):
            return False  # a list, of which the elements may be quoted
    return np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == _QUOTE) == 2 * (n_keys + n_texts)
