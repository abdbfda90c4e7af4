"""A file that is written aside and gets its name only when it is whole."""

import filecmp
import os
import zlib
from pathlib import Path
from types import TracebackType

from models.errors import SafetyError, StorageError

_GZIP_FORMAT = 31  # zlib's wbits for gzip with a time of 0, so that equal content gives equal bytes


class DayFile:
    """Context manager around ``write``; gzip level 1 where the name ends in .gz.

    Leaving it after an error, Ctrl-C included, removes what was written. An existing file of the same bytes is kept.

    Raises:
        SafetyError: The name exists with other content.
        StorageError: Writing failed.
    """

    def __init__(self, path: Path):
        """Remember the name; nothing is opened yet."""
        self._path = path
        self._aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP_FORMAT) if path.suffix == ".gz" else None

    def __enter__(self) -> "DayFile":
        """Open the file aside."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._aside.open("wb")
        except OSError as error:
            raise self._failure(error) from error
        return self

    def write(self, content: bytes | memoryview) -> None:
        """Append."""
        try:
            self._file.write(self._compressor.compress(content) if self._compressor else content)
        except OSError as error:
            raise self._failure(error) from error

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the file its name, or remove it after an error."""
        try:
            if error_type is None:
                if self._compressor:
                    self._file.write(self._compressor.flush())
                self._publish()
        except OSError as failure:
            raise self._failure(failure) from failure
        finally:
            self._file.close()
            self._aside.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(f"cannot write {self._path}: {error.strerror}; free space or choose another folder")

    def _publish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._path.exists():
            if filecmp.cmp(self._path, self._aside, shallow=False):
                return
            raise SafetyError(f"{self._path} exists with other content: choose an empty folder or remove the file")
        os.replace(self._aside, self._path)
