"""Product and epoch of lines that are read again: not in the lines, and known from what landed beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.quarantine_reading import Numbering
from jobs.sources import CAPTURES, Source
from jobs.tables import run_sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class QuarantinedFile(NamedTuple):
    """A file of which lines are read again; its place among them is its file_index."""

    source_file: str
    file_digest: str
    ingest_run_id: str
    n_lines: int


def find_numberings(
    spark: SparkSession, exchange: str, format_: str, files: Sequence[QuarantinedFile], sources: Sequence[Source]
) -> dict[int, Numbering]:
    """By file_index; a file whose numbering nobody can know is absent.

    Coinbase's lines name their product, and all files of an ingest have one epoch: that of its rows, else that of the
    configured source. A log of Bitstamp and a capture of a websocket have the epoch of their rows that landed, the log
    its product too. Rows of columns are not read again by themselves.
    """
    rows = [(file.ingest_run_id,) for file in files]
    spark.createDataFrame(rows, "ingest_run_id string").distinct().createOrReplaceTempView("quarantine_files")
    landed = run_sql(spark, "queries/quarantine_numbering", exchange=exchange).collect()
    found = {}
    for index, file in enumerate(files):
        of_run = [row for row in landed if row.ingest_run_id == file.ingest_run_id]
        if format_ == "coinbase_full":
            numbering = _of_run(exchange, of_run, sources)
        else:
            of_file = [row for row in of_run if row.source_file == file.source_file]
            numbering = _of_file(exchange, format_, of_file)
        if numbering is not None:
            found[index] = numbering
    return found


def _of_run(exchange: str, landed: Sequence[Any], sources: Sequence[Source]) -> Numbering | None:
    epochs = {epoch for row in landed for epoch in (row.first_epoch, row.last_epoch)}
    epochs = epochs or {source.epoch or 0 for source in sources if source.exchange == exchange} or {0}
    if len(epochs) > 1:
        return None
    epoch = epochs.pop()
    facts = {"path": "quarantine", "format": "coinbase_full", "exchange": exchange, "epoch": epoch}
    return Numbering(Source.model_validate(facts), epoch)


def _of_file(exchange: str, format_: str, landed: Sequence[Any]) -> Numbering | None:
    if len(landed) != 1 or landed[0].first_epoch != landed[0].last_epoch:  # two files of one name
        return None
    row = landed[0]
    facts = {"path": "quarantine", "format": format_, "exchange": exchange}
    if format_ == "bitstamp_log":
        facts["symbol"] = row.first_symbol
    elif format_ not in CAPTURES:
        return None  # a line of columns means nothing without the line that names them
    return Numbering(Source.model_validate(facts), row.first_epoch)
