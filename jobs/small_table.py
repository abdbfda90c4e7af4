"""A Delta table of few rows, read and changed without a Spark job: a look into ``runs`` takes milliseconds then.

Its Parquet files are read and written by Arrow; commits go through Delta in the JVM (``SmallTable.java``), so that the
log store, the tags of the session and the check for other writers are those of every other write.
"""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.table_log import open_log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_FILES = 20  # a change that finds more small ones puts them into one
_SMALL_BYTES = 1_000_000


class SmallTable:
    """A table of the current schema as of the moment it was asked for; without partitions."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        """Look up the newest version.

        Raises:
            DataContractError: there is no such Delta table, or it has deletion vectors or renamed columns.
        """
        from pyspark.sql.pandas.types import to_arrow_schema
        from pyspark.sql.types import StructType

        self._table = open_log(spark, "SmallTable", name)
        columns = StructType.fromJson(json.loads(self._table.schema()))
        self._schema = to_arrow_schema(columns, timezone="UTC")
        self._files = [json.loads(line)["add"] for line in self._table.files()]

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in no order; a column that a file lacks is NULL there."""
        return pa.concat_tables([self._none(columns), *(self._read(file, columns) for file in self._files)])

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row in a new file."""
        self._commit(pa.Table.from_pylist([_with_pairs(row)], self._schema), [])

    def change(self, where: pc.Expression, values: Mapping[str, Any]) -> None:
        """Give the rows that are meant new values in some columns; where none is, nothing is written.

        Fails where anybody has written to the table since it was opened: :func:`jobs.commits.with_retries` around the
        opening and the change makes both again.
        """
        held = [(file, self._read(file)) for file in self._files]
        meant = [file for file, rows in held if rows.filter(where).num_rows]
        if not meant:
            return
        small = [file for file in self._files if file["size"] < _SMALL_BYTES]
        old = [(file, rows) for file, rows in held if file in meant or (len(small) > _MOST_FILES and file in small)]
        others = ~where | where.is_null()
        new = [part for _, rows in old for part in (rows.filter(others), self._with(values, rows.filter(where)))]
        self._commit(pa.concat_tables(new), [file for file, _ in old])

    def _with(self, values: Mapping[str, Any], rows: pa.Table) -> pa.Table:
        for name, value in _with_pairs(values).items():
            place = self._schema.get_field_index(name)
            column = pa.array([value] * len(rows), self._schema.field(place).type)
            rows = rows.set_column(place, self._schema.field(place), column)
        return rows

    def _none(self, columns: Sequence[str] | None) -> pa.Table:
        rows = self._schema.empty_table()
        return rows if columns is None else rows.select(columns)

    def _read(self, file: Mapping[str, Any], columns: Sequence[str] | None = None) -> pa.Table:
        name = file["path"]
        content = self._table.localPath(name) or io.BytesIO(self._table.read(name))
        wanted = self._none(columns)
        with pq.ParquetFile(content) as parquet:
            held = parquet.read([name for name in wanted.column_names if name in parquet.schema_arrow.names])
        values = [
            held[field.name].cast(field.type) if field.name in held.column_names else pa.nulls(len(held), field.type)
            for field in wanted.schema
        ]
        return pa.table(values, schema=wanted.schema)

    def _commit(self, rows: pa.Table, removed: Sequence[Mapping[str, Any]]) -> None:
        content = io.BytesIO()
        pq.write_table(rows, content, compression="zstd", store_schema=False)
        now, name = int(time.time() * 1000), f"part-00000-{uuid.uuid4()}.zstd.parquet"
        self._table.write(name, content.getvalue())
        added = {
            "path": name, "partitionValues": {}, "size": content.tell(), "modificationTime": now, "dataChange": True,
            "stats": json.dumps({"numRecords": len(rows)}),
        }  # fmt: skip
        gone = [{"path": file["path"], "deletionTimestamp": now, "dataChange": True, "extendedFileMetadata": True,
                 "partitionValues": {}, "size": file["size"]} for file in removed]  # fmt: skip
        self._table.commit([json.dumps({"add": added}), *(json.dumps({"remove": file}) for file in gone)])


def _with_pairs(row: Mapping[str, Any]) -> dict[str, Any]:
    """Arrow takes a map as its pairs."""
    return {name: list(value.items()) if isinstance(value, Mapping) else value for name, value in row.items()}
