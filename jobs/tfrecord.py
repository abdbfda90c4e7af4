"""TFRecord files without TensorFlow: each record is its length, a CRC of the length, its bytes, and their CRC.

All numbers are little-endian. A CRC is CRC-32C (Castagnoli), rotated by 15 bits and shifted, as TensorFlow masks it.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<QI")
_FOOT = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected
MAX_RECORD_BYTES = 1 << 30
_BLOCK_BYTES = 1 << 20
_GZIP_LEVEL = 6


class DamagedError(Exception):
    """From here on the file cannot be read: where the next record begins is lost."""


class StoredRecord(NamedTuple):
    """One record as it lies in a file."""

    data: bytes
    is_intact: bool  # its CRC is right


def read_records(blocks: Iterable[bytes]) -> Iterator[StoredRecord]:
    """Records of an uncompressed stream; holds one block and one record.

    Raises:
        DamagedError: a length has a wrong CRC, or the stream ends within a record.
    """
    buffer, start = b"", 0
    for block in blocks:
        buffer, start = buffer[start:] + block, 0
        while len(buffer) - start >= _HEAD.size:
            length, crc = _HEAD.unpack_from(buffer, start)
            if crc != masked_crc(buffer[start : start + 8]) or length > MAX_RECORD_BYTES:
                raise DamagedError("the length of a record is damaged; or the file is no TFRecord file")
            end = start + _HEAD.size + length
            if len(buffer) < end + _FOOT.size:
                break
            data = buffer[start + _HEAD.size : end]
            yield StoredRecord(data, _FOOT.unpack_from(buffer, end)[0] == masked_crc(data))
            start = end + _FOOT.size
    if len(buffer) > start:
        raise DamagedError("the file ends within a record")


def frame(data: bytes) -> bytes:
    """A record as it is written.

    >>> frame(b"").hex()
    '000000000000000029039807d8ea82a2'
    """
    length = struct.pack("<Q", len(data))
    return length + _FOOT.pack(masked_crc(length)) + data + _FOOT.pack(masked_crc(data))


def create_records(file: Path, is_gzip: bool) -> Any:
    """A new file for records; the same records give the same bytes."""
    return gzip.GzipFile(file, "wb", compresslevel=_GZIP_LEVEL, mtime=0) if is_gzip else file.open("wb")


def open_records(file: Path) -> Iterator[StoredRecord]:
    """Records of a file, which is compressed where its name ends with .gz.

    Raises:
        DamagedError: as :func:`read_records`, or the compression is damaged.
    """
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        try:
            yield from read_records(iter(lambda: stream.read(_BLOCK_BYTES), b""))
        except (EOFError, gzip.BadGzipFile, zlib.error) as e:
            raise DamagedError(f"its compression is damaged ({e})") from e


def masked_crc(data: bytes) -> int:
    """CRC-32C as TFRecord files hold it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    return int(_crc(np.frombuffer(data, np.uint8), _TABLE))


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()


def _crc_of_bytes(data: Any, table: Any) -> Any:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


_crc: Any = numba.njit(cache=True)(_crc_of_bytes)
