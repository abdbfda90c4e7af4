"""A file, or the names in a folder, brought to the disk: a rename survives a power cut only then."""

from __future__ import annotations

import os
from pathlib import Path


def sync_path(path: Path) -> None:
    """Wait until the disk holds what the file holds, or what the folder lists."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
