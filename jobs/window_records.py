"""Stored windows as TFRecord files that ``tf.data`` reads anywhere, and back; each file is counted after writing.

A record is a ``tf.train.Example``: ``inputs`` (n_steps * n_features numbers, oldest step first), ``label`` (a number,
of classes its place in ``classes`` of the manifest), ``exchange``, ``symbol``, and ``bar_start`` of the last step in
microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.batch_output_files import MANIFEST, read_manifest
from jobs.tfrecord import DamagedError, create_records, frame, open_records
from jobs.tfrecord_example import decode_example, encode_example
from models.errors import DataContractError, StorageError
from models.window_dataset import Batch
from models.window_store import WindowStore

_AT_ONCE = 256


def write_windows(
    store: WindowStore,
    parts: Mapping[str, NDArray[np.int64]],
    folder: Path,
    n_shards: int,
    is_gzip: bool,
    say: Callable[[str], None],
) -> dict[str, list[int]]:
    """Write ``<part>-00000-of-00008.tfrecord`` and so on into a folder, which is made.

    Args:
        store: The windows.
        parts: For each part the windows, in the order in which they are written.
        folder: Where to.
        n_shards: Files of a part; their sizes differ by one window at most.
        is_gzip: Whether they are compressed.
        say: Told of each part.

    Returns:
        The number of windows in each file of each part.

    Raises:
        StorageError: a file does not read back as it was written.
    """
    folder.mkdir()
    written: dict[str, list[int]] = {}
    for part, places in parts.items():
        shards = np.array_split(places, n_shards)
        for number, shard in enumerate(shards):
            file = folder / _name(part, number, n_shards, is_gzip)
            with create_records(file, is_gzip) as records:
                for start in range(0, len(shard), _AT_ONCE):
                    for example in _examples(store, shard[start : start + _AT_ONCE]):
                        records.write(frame(encode_example(example)))
            _count_back(file, len(shard))
        written[part] = [len(shard) for shard in shards]
        say(f"{part}: {len(places):,} windows in {n_shards} files, counted back")
    return written


def read_windows(folder: Path, part: str, batch_size: int = 1024) -> Iterator[Batch]:
    """Yield inputs (n, n_steps, n_features) and labels (n,) of a part in the order in which they were written.

    Raises:
        DataContractError: the folder holds no such part, a record is damaged, or files hold other than the manifest
            says.
    """
    manifest = read_manifest(folder)
    if manifest is None or part not in manifest.get("windows", {}):
        raise DataContractError(f"{folder} holds no windows of {part} with a manifest ({MANIFEST})")
    shape = manifest["n_steps"], len(manifest["features"])
    inputs, labels = [], []
    for file, n_windows in _files(folder, part, manifest):
        n_read = 0
        for example in _checked(file):
            inputs.append(np.reshape(example["inputs"], shape))
            labels.append(example["label"])
            n_read += 1
            if len(labels) == batch_size:
                yield np.array(inputs, dtype=np.float32), np.array(labels, dtype=np.float32)
                inputs, labels = [], []
        if n_read != n_windows:
            raise DataContractError(f"{file} holds {n_read:,} windows, its manifest says {n_windows:,}")
    if labels:
        yield np.array(inputs, dtype=np.float32), np.array(labels, dtype=np.float32)


def _examples(store: WindowStore, places: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    columns, symbols = store.columns, store.facts["symbols"]
    has_classes, step_us = store.facts["classes"] is not None, store.facts["bar_seconds"] * 1_000_000
    for place, window in zip(places.tolist(), store.inputs(places), strict=True):
        exchange, symbol = symbols[columns["group"][place]]
        label = columns["label"][place]
        yield {
            "inputs": window.ravel().tolist(),
            "label": int(label) if has_classes else float(label),
            "exchange": exchange,
            "symbol": symbol,
            "bar_start": int(columns["step"][place]) * step_us,
        }


def _count_back(file: Path, n_windows: int) -> None:
    try:
        n_read = sum(record.is_intact for record in open_records(file))
    except DamagedError as e:
        raise StorageError(f"{file} does not read back ({e}): check the disk and run again") from e
    if n_read != n_windows:
        raise StorageError(f"{file} reads back {n_read:,} of {n_windows:,} windows: check the disk and run again")


def _checked(file: Path) -> Iterator[dict[str, Any]]:
    try:
        for record in open_records(file):
            if not record.is_intact:
                raise DamagedError("a record has a wrong checksum")
            yield decode_example(record.data)
    except (DamagedError, OSError) as e:
        raise DataContractError(f"{file} cannot be read ({e}): write the windows again") from e


def _files(folder: Path, part: str, manifest: Mapping[str, Any]) -> list[tuple[Path, int]]:
    counts = manifest["windows"][part]
    names = [_name(part, number, len(counts), manifest["is_gzip"]) for number in range(len(counts))]
    return [(folder / name, n_windows) for name, n_windows in zip(names, counts, strict=True)]


def _name(part: str, number: int, n_shards: int, is_gzip: bool) -> str:
    return f"{part}-{number:05d}-of-{n_shards:05d}.tfrecord{'.gz' if is_gzip else ''}"
