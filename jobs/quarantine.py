"""Lines that ingest has refused: what they are, and which of them somebody means."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from jobs.readers.file_reader import MAX_RAW_CHARACTERS
from jobs.tables import run_sql
from models.errors import UsageError
from models.names import near_first

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.quarantine_edits import EditedLine

_EDITS = "file_digest string, byte_offset bigint, raw_text string"


class Choice(BaseModel):
    """Refused lines that have all of what is named here; None stands for any."""

    model_config = ConfigDict(frozen=True)

    code: str | None = None
    source_file: str | None = None
    run_id: str | None = None  # of the ingest

    def check(self) -> None:
        """Refuse a code that no line can have.

        Raises:
            UsageError: there is no such code; names those like it.
        """
        from jobs.ingest_codes import CODES

        if self.code is not None and self.code not in CODES:
            raise UsageError(
                f"there is no code {self.code}: the nearest are {', '.join(near_first(self.code, CODES)[:3])}"
            )

    def text(self) -> str:
        """What the run of a replay says it worked on."""
        return ", ".join(value for value in (self.code, self.source_file, self.run_id) if value) or "all refused lines"


def count_refused(spark: SparkSession, choice: Choice) -> DataFrame:
    """Lines by code, file and ingest run, commonest first, each with the reason of its first line."""
    return _query(spark, "queries/quarantine_counts", choice)


def refused_lines(spark: SparkSession, choice: Choice, n_lines: int) -> DataFrame:
    """The first ``n_lines``, with all that somebody needs who wants to mend and replay them."""
    return _query(spark, "queries/quarantine_lines", choice, n_lines=n_lines)


def candidates(spark: SparkSession, choice: Choice, edited: Collection[EditedLine] | None) -> DataFrame:
    """Lines to read again, one row each: those of the choice, only the edited ones where there are any to mend.

    Those that a replay was working on when it was killed are among them whatever the choice. ``is_whole`` is false
    where not all bytes of the line were kept and nobody has mended it.
    """
    rows = [(line.file_digest, line.byte_offset, line.raw_text) for line in edited or ()]
    spark.createDataFrame(rows, _EDITS).createOrReplaceTempView("quarantine_edits")
    options = {"is_edited": edited is not None, "n_bytes_kept": MAX_RAW_CHARACTERS}
    return _query(spark, "queries/quarantine_candidates", choice, **options)


def _query(spark: SparkSession, statement: str, choice: Choice, **values: object) -> DataFrame:
    if "outcome" not in spark.table("orders__quarantine").columns:
        run_sql(spark, "ddl/quarantine_columns")
    return run_sql(spark, statement, **choice.model_dump(), **values)
