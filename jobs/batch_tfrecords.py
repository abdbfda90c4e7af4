"""Rows of a batch as TFRecord files of ``tf.train.Example``, written by the workers without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType


def write_tfrecords(rows: DataFrame, folder: Path, is_gzip: bool) -> None:
    """One file a task; numbers with a fraction become 32-bit, as an Example holds them."""
    folder.mkdir()
    flat = rows.select(*_flat_columns(rows))
    kept = {row.file for row in flat.mapInArrow(_writing(str(folder), is_gzip), "file string").collect()}
    for file in list(folder.iterdir()):
        if file.name not in kept:
            file.unlink()  # of a task that was tried again


def _flat_columns(rows: DataFrame) -> list[Column]:
    """Each column as an Example holds it: whole numbers, numbers, text or bytes, or a list of one of them."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import MapType

    from models.sql_text import identifier

    columns = []
    for field in rows.schema.fields:
        column = F.col(identifier(field.name))
        if field.name == "probabilities" and isinstance(field.dataType, MapType):
            columns.append(F.map_keys(column).cast("array<string>").alias("probability_classes"))
            columns.append(F.map_values(column).alias("probabilities"))
        else:
            columns.append(_held(column, field.dataType).alias(field.name))
    return columns


def _held(column: Column, type_: DataType) -> Column:
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    element = type_.elementType if isinstance(type_, T.ArrayType) else type_
    if isinstance(element, T.StructType | T.MapType | T.ArrayType):
        return F.to_json(column)
    if isinstance(element, T.StringType | T.BinaryType):
        return column
    if isinstance(element, T.IntegralType | T.BooleanType):
        name = "bigint"
    else:
        name = "float" if isinstance(element, T.FractionalType) else "string"
    return column.cast(f"array<{name}>" if isinstance(type_, T.ArrayType) else name)


def _writing(folder: str, is_gzip: bool) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        from jobs.tfrecord import create_records, frame
        from jobs.tfrecord_example import encode_example

        context = TaskContext.get()
        assert context is not None
        name = f"part-{context.partitionId():05d}-{context.taskAttemptId()}"
        with ExitStack() as opened:
            file: Any = None
            for batch in batches:
                if file is None:
                    file = opened.enter_context(create_records(Path(folder, name), is_gzip))
                for row in batch.to_pylist():
                    file.write(frame(encode_example(row)))
        if file is not None:
            yield pa.RecordBatch.from_pydict({"file": [name]})

    return write
