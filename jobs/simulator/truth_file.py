"""The hidden state of a simulated market as a Parquet file, for those who want to see what a model should have seen."""

import os
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.simulator.generator import Chunk
from jobs.simulator.market import Market
from jobs.simulator.truth import latent_table
from models.errors import StorageError

_SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("state", pa.float64()),
        ("efficient_price", pa.float64()),
    ]
)


class TruthFile:
    """Context manager around ``add``: one row a symbol and second (columns as ``Truth.latent``).

    The file gets its name when it is whole and replaces an older one; after an error nothing is left.

    Raises:
        StorageError: The file cannot be written.
    """

    def __init__(self, path: Path, market: Market):
        """Remember the name; nothing is opened yet."""
        self._path = path
        self._market = market
        self._aside = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> "TruthFile":
        """Open the file aside."""
        try:
            self._writer = pq.ParquetWriter(self._aside, _SCHEMA)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror or error}; choose another file") from error
        return self

    def add(self, chunk: Chunk) -> None:
        """Append the seconds of a chunk."""
        self._writer.write_table(pa.Table.from_pandas(latent_table(self._market, chunk), schema=_SCHEMA))

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the file its name, or remove it after an error."""
        try:
            self._writer.close()
            if error_type is None:
                os.replace(self._aside, self._path)
        finally:
            self._aside.unlink(missing_ok=True)
