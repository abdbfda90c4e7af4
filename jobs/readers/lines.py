"""Blocks of bytes cut into lines, each with its number and its offset in the uncompressed stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

MAX_LINE_BYTES = 1 << 22  # a snapshot of Coinbase's level 2 has more than one MiB
_BOM = b"\xef\xbb\xbf"
_HELD_BYTES = len(_BOM) + MAX_LINE_BYTES + 2  # still too long without the mark and a CR where it is cut


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a file, without LF, CRLF or the byte order mark.

    A line of more than ``MAX_LINE_BYTES`` is held as its first ``MAX_LINE_BYTES + 1`` bytes.
    """

    numbers: np.ndarray  # int64, from 1
    offsets: np.ndarray  # int64, bytes before the line in the uncompressed stream
    lines: list[bytes]
    is_last_open: bool = False  # no newline follows the last line


def split_lines(blocks: Iterable[bytes]) -> Iterator[Lines]:
    """Cut ``blocks`` at each LF in memory bounded by a block and a line; yields at least one line at a time."""
    offset, number = 0, 1
    held, n_dropped = b"", 0  # start of the line that the next block goes on with, bytes of it already let go
    for block in blocks:
        if n_dropped:
            end = block.find(b"\n")
            if end < 0:
                n_dropped += len(block)
                continue
            yield _batch([held], number, np.array([offset]))
            offset, number = offset + len(held) + n_dropped + end + 1, number + 1
            held, n_dropped, block = b"", 0, block[end + 1 :]
        data = held + block
        end = data.rfind(b"\n")
        if end >= 0:
            lines = data[:end].split(b"\n")
            lengths = np.fromiter(map(len, lines), np.int64, len(lines)) + 1
            ends = offset + np.cumsum(lengths)
            yield _batch(lines, number, ends - lengths)
            offset, number = int(ends[-1]), number + len(lines)
        held = data[end + 1 :]
        if len(held) > _HELD_BYTES:
            held, n_dropped = held[:_HELD_BYTES], len(held) - _HELD_BYTES
    if held and not (number == 1 and held == _BOM):
        yield _batch([held], number, np.array([offset]), is_last_open=True)


def _batch(lines: list[bytes], number: int, offsets: np.ndarray, is_last_open: bool = False) -> Lines:
    if number == 1 and lines[0].startswith(_BOM):
        lines[0] = lines[0][len(_BOM) :]
    kept = [line.removesuffix(b"\r")[: MAX_LINE_BYTES + 1] for line in lines]
    return Lines(np.arange(number, number + len(lines), dtype=np.int64), offsets.astype(np.int64), kept, is_last_open)
