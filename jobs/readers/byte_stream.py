"""Bytes of a file, decompressed block by block, with the digest of what lies on disk, in one pass."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 1 << 21
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


class ByteStream:
    """One file, read once up to the length it had when listed: one that grows meanwhile stays the same.

    After the last block of ``blocks()``: ``digest`` is the SHA-256 of the ``n_bytes`` read from disk, ``state`` is

    * ``complete``: plain bytes, or every gzip member whole,
    * ``truncated``: the gzip stream ends before its end,
    * ``corrupt``: bytes that do not decompress, or a wrong checksum; what comes before them was delivered.
    """

    def __init__(self, path: Path, n_bytes: int) -> None:
        """Name the file and how many of its bytes to read; nothing is opened yet."""
        self.path = path
        self.n_bytes = n_bytes
        self.state = "complete"
        self.digest = ""

    def blocks(self) -> Iterator[bytes]:
        """Uncompressed bytes, at most ``BLOCK_BYTES`` at a time. gzip is known by its first bytes, not by its name."""
        sha, n_read = hashlib.sha256(), 0

        def from_disk() -> Iterator[bytes]:
            nonlocal n_read
            with self.path.open("rb") as f:
                while block := f.read(min(BLOCK_BYTES, self.n_bytes - n_read)):
                    sha.update(block)
                    n_read += len(block)
                    yield block

        raw = from_disk()
        first = next(raw, b"")
        if first.startswith(_GZIP_MAGIC):
            yield from self._inflate(first, raw)
        elif first:
            yield first
            yield from raw
        for _ in raw:  # behind corrupt bytes: the digest covers the whole file
            pass
        self.n_bytes, self.digest = n_read, sha.hexdigest()

    def _inflate(self, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        member, is_open = zlib.decompressobj(_GZIP), False
        block: bytes | None = first
        while block is not None:
            out = b""
            while block or len(out) == BLOCK_BYTES:
                if not is_open:
                    block = block.lstrip(b"\0")  # padding between and behind members
                    if not block:
                        break
                before = member.copy()
                try:
                    out = member.decompress(block, BLOCK_BYTES)
                except zlib.error:
                    self.state = "corrupt"
                    yield _bytes_before_the_error(before, block)
                    return
                is_open = not member.eof
                if out:
                    yield out
                if member.eof:
                    block, out, member = member.unused_data, b"", zlib.decompressobj(_GZIP)
                else:
                    block = member.unconsumed_tail
            block = next(rest, None)
        if is_open:
            self.state = "truncated"


def _bytes_before_the_error(member: zlib._Decompress, block: bytes) -> bytes:  # type: ignore[name-defined]
    """What ``member`` still yields when it gets ``block`` byte by byte: zlib keeps nothing of a call that fails."""
    salvaged = []
    try:
        for at in range(len(block)):
            salvaged.append(member.decompress(block[at : at + 1]))
    except zlib.error:
        pass  # the end of the readable part, which the caller records as corrupt
    return b"".join(salvaged)


def sha256_of(path: Path, n_bytes: int) -> str:
    """SHA-256 of the first ``n_bytes`` of a file."""
    sha, left = hashlib.sha256(), n_bytes
    with path.open("rb") as f:
        while block := f.read(min(BLOCK_BYTES, left)):
            sha.update(block)
            left -= len(block)
    return sha.hexdigest()
