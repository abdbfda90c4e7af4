"""What a user asks of a batch job, checked before anything starts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.run_process import check_run_id
from jobs.tables import REGISTRY_VIEWS, TABLES
from models.errors import SafetyError, UsageError

MODES = ("error", "append", "overwrite")


@dataclass(frozen=True)
class BatchRequest:
    """One call of ``foretable batch-predict``.

    Attributes:
        model: name, name/3 or name@alias.
        table, query, files: Where the rows come from; exactly one is given.
        input_format: Of files: jsonl, csv, parquet or tfrecord; None: as their endings say.
        types: Of files: types of columns that are no features, as SQL.
        to_table, to_files: Where they go; exactly one is given.
        to_format: Of files: as ``input_format``.
        is_gzip: Whether output files are compressed with gzip.
        mode: What becomes of an output that is there: error, append (tables) or overwrite.
        keep: Input columns of the output; None keeps all.
        parallelism: Tasks; None leaves it to Spark.
        name: Name of the run; None makes one of the clock.
    """

    model: str
    table: str | None = None
    query: str | None = None
    files: str | None = None
    input_format: str | None = None
    types: str | None = None
    to_table: str | None = None
    to_files: str | None = None
    to_format: str = "jsonl"
    is_gzip: bool = False
    mode: str = "error"
    keep: tuple[str, ...] | None = None
    parallelism: int | None = None
    name: str | None = None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            UsageError: it does not.
            SafetyError: the output is the input, or a table that other jobs keep.
        """
        if sum(one is not None for one in (self.table, self.query, self.files)) != 1:
            raise UsageError("give one input: --table, --query, --query-file or --files")
        if (self.to_table is None) == (self.to_files is None):
            raise UsageError("give one output: --to-table or --to-files")
        if self.files is None and (self.input_format or self.types):
            raise UsageError("--format and --types tell of files: give them with --files")
        if self.types and self.input_format == "parquet":
            raise UsageError("--types is for text files: Parquet files say the types of their columns")
        if self.to_files is None and self.is_gzip:
            raise UsageError("--gzip is for --to-files")
        if self.to_files is not None and self.mode == "append":
            raise UsageError("--mode append is for --to-table: give each batch of files a folder of its own")
        if self.to_files is not None and self.is_gzip and self.to_format == "parquet":
            raise UsageError("--gzip is for jsonl, csv and tfrecord: Parquet files are compressed in themselves")
        if self.name is not None:
            check_run_id(self.name)
        self._check_output()

    def _check_output(self) -> None:
        if self.to_table is not None:
            name = self.to_table.lower()
            if name in (*TABLES, *REGISTRY_VIEWS):
                raise SafetyError(f"{name} is kept by other jobs: choose another name for the output")
            if self.table is not None and self.table.lower() == name:
                raise SafetyError(f"{name} is the input: choose another table for the output")
        if self.to_files is not None and self.files is not None:
            target, source = Path(self.to_files).absolute(), Path(self.files).absolute()
            if target == source or target in source.parents:
                raise SafetyError(f"the output {target} holds the input: choose another folder")

    @property
    def target(self) -> str:
        """Where the rows go, as ``runs`` names it."""
        return self.to_table or str(Path(str(self.to_files)).expanduser().absolute())

    def digest(self, model_digest: str, source: dict[str, str]) -> str:
        """SHA-256 of what the output depends on: model, input by version or digest, and what is written where."""
        asked = asdict(self)
        for other in ("name", "parallelism", "model"):
            del asked[other]
        facts = {**asked, "target": self.target, "model_digest": model_digest, "source": source}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
