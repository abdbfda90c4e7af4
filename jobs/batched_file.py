"""A Parquet file to read on one core, in batches, with texts as dictionaries."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow.parquet as pq

_BUFFER_BYTES = 1 << 16  # of each column; as fast as a mapped file
_NOT_AS_DICTIONARY = "DELTA_BYTE_ARRAY"  # Arrow does not make one of it


def open_batched(path: str, texts: Collection[str]) -> pq.ParquetFile:
    """The file with those of these columns as dictionaries that it has, and holds so that Arrow can."""
    metadata = pq.read_metadata(path)
    # Neither mapped nor read ahead: what is read of a file, and not yet used, would stay in memory until it is closed.
    return pq.ParquetFile(
        path,
        metadata=metadata,
        read_dictionary=[name for name in _as_dictionary(metadata) if name in texts],
        memory_map=False,
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",
    )


def _as_dictionary(metadata: pq.FileMetaData) -> set[str]:
    can_be: dict[str, bool] = {}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for column in map(group.column, range(group.num_columns)):
            is_so = _NOT_AS_DICTIONARY not in column.encodings
            can_be[column.path_in_schema] = can_be.get(column.path_in_schema, True) and is_so
    return {name for name, is_so in can_be.items() if is_so}
