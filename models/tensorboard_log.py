"""Losses of a training as TensorBoard reads them: ``tensorboard --logdir`` on the folder draws both curves as one.

An event file is a TFRecord file of protocol buffers (tensorflow/core/util/event.proto).
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

TAG = "epoch_loss"  # as Keras' own callback names it


class TensorboardLog:
    """One run a part (train, validation), one step an epoch, readable while the training goes on."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; files are made with the first losses."""
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Write the losses of an epoch, counted from 0."""
        for part, loss in losses.items():
            if part not in self._writers:
                self._open(part)
            self._write(part, step=epoch, summary={"value": [{"tag": TAG, "simple_value": loss}]})

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()

    def _open(self, part: str) -> None:
        from tensorflow import io

        run = self._folder / part
        run.mkdir(parents=True, exist_ok=True)
        self._writers[part] = io.TFRecordWriter(str(run / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"))
        self._write(part, file_version="brain.Event:2")

    def _write(self, part: str, **fields: Any) -> None:
        from tensorflow.core.util.event_pb2 import Event

        self._writers[part].write(Event(wall_time=time.time(), **fields).SerializeToString())
        self._writers[part].flush()
