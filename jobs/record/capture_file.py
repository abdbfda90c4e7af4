"""A file of a recording: written under a hidden name, synced, and then whole under its own with a digest beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from jobs.ingest_files import DIGEST_SUFFIX
from jobs.synced_path import sync_path
from models.errors import StorageError

_SUFFIX = ".ndjson"
_OPEN_PREFIX = "."
_SYNC_SECONDS = 1.0


class CaptureFile:
    """Lines ``<receive time, ns> <message>`` of one connection; a kill leaves at most the last second's lines unsynced.

    The first line names the exchange and the connection: its start is the epoch of the rows in ``orders``.
    """

    def __init__(self, folder: Path, exchange: str, connection_ms: int, part: int) -> None:
        """Create the hidden file.

        Raises:
            StorageError: the disk is full, or the folder cannot be written.
        """
        started = datetime.fromtimestamp(connection_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
        name = f"{exchange}_{started}{connection_ms % 1000:03d}Z_{part:04d}{_SUFFIX}"
        self._hidden = folder / f"{_OPEN_PREFIX}{name}"
        self.n_messages = 0
        self.n_bytes = 0
        self._synced = time.monotonic()
        header = {"exchange": exchange, "connection_ms": connection_ms, "part": part}
        try:
            self._file: BinaryIO = self._hidden.open("xb")
            self._put(f"{time.time_ns()} {json.dumps({'foretable_capture': header})}\n")
        except OSError as e:
            raise _failed(folder, e) from e

    def write(self, received_ns: int, message: str) -> None:
        """Append a message; a line break outside of its texts is no part of it.

        Raises:
            StorageError: the disk is full.
        """
        try:
            self._put(f"{received_ns} {' '.join(message.splitlines())}\n")
            self.n_messages += 1
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self.sync()
        except OSError as e:
            raise _failed(self._hidden.parent, e) from e

    def sync(self) -> None:
        """Bring what was written to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> Path | None:
        """Make the file whole and visible; None where it holds no message, and then it is gone.

        Raises:
            StorageError: the disk is full; the hidden file stays, and the next recording finishes it.
        """
        try:
            self.sync()
            self._file.close()
            return finish(self._hidden)
        except OSError as e:
            raise _failed(self._hidden.parent, e) from e

    def _put(self, line: str) -> None:
        data = line.encode("utf-8", errors="surrogatepass")
        self._file.write(data)
        self.n_bytes += len(data)


def finish_leftovers(folder: Path) -> list[Path]:
    """Finish the hidden files of a recording that was killed, cut after their last whole line; the files they became.

    Raises:
        StorageError: the disk is full.
    """
    try:
        for aside in folder.glob(f"{_OPEN_PREFIX}*{_SUFFIX}.gz"):
            aside.unlink()  # half compressed: what it was made from is still there
        found = [finish(hidden) for hidden in sorted(folder.glob(f"{_OPEN_PREFIX}*{_SUFFIX}"))]
    except OSError as e:
        raise _failed(folder, e) from e
    return [path for path in found if path is not None]


def finish(hidden: Path) -> Path | None:
    """Compress the whole lines of a hidden file and give it its name; None where they hold no message."""
    n_lines, end = _whole_lines(hidden)
    if n_lines < 2:  # the header alone
        hidden.unlink()
        return None
    aside, whole = hidden.with_name(hidden.name + ".gz"), hidden.with_name(hidden.name[len(_OPEN_PREFIX) :] + ".gz")
    with hidden.open("rb") as lines, aside.open("wb") as out:
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
            _copy(lines, packed, end)
        out.flush()
        os.fsync(out.fileno())
    with aside.open("rb") as packed_file:
        digest = hashlib.file_digest(packed_file, "sha256").hexdigest()
    note = whole.with_name(whole.name + DIGEST_SUFFIX)
    note.write_text(f"{digest}  {whole.name}\n")
    aside.rename(whole)
    sync_path(whole.parent)
    hidden.unlink()
    return whole


def _whole_lines(path: Path) -> tuple[int, int]:
    """Number of lines that end, and the offset behind the last of them."""
    n_lines, end, offset = 0, 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            n_lines += block.count(b"\n")
            last = block.rfind(b"\n")
            end = offset + last + 1 if last >= 0 else end
            offset += len(block)
    return n_lines, end


def _copy(lines: BinaryIO, packed: gzip.GzipFile, n_bytes: int) -> None:
    while n_bytes > 0:
        block = lines.read(min(1 << 20, n_bytes))
        packed.write(block)
        n_bytes -= len(block)


def _failed(folder: Path, e: OSError) -> StorageError:
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    return StorageError(
        f"the recording cannot be written to {folder} ({e.strerror}, {free:,} bytes free): make room and start again, "
        "what was written before is kept"
    )
