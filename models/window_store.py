"""Windows of far more rows than memory holds: the rows lie in a file once, each window is read where it is wanted.

A window of n steps repeats each row n times; kept as windows, 10 million rows of 20 features would be 32 GB for 20
steps. Here memory holds a batch, and what of the arrays below the operating system keeps cached.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

_ROWS = "rows.f4"
_FACTS = "windows.json"
# Of each window: its last row, which group it belongs to, when its last step began, when it is known, and its label.
_COLUMNS: Mapping[str, str] = {
    "end": "i8",
    "group": "i4",
    "step": "i8",
    "known_from": "i8",
    "is_training": "?",
    "label": "f8",
}


@dataclass(frozen=True)
class Steps:
    """Rows in the order of group and step, as they come from a table, a part at a time.

    Attributes:
        values: (n, n_features) without order of columns other than the caller's; NaN and infinity break a window.
        group: (n,) number of the group, not falling from part to part.
        step: (n,) whole number of the time step, rising by one from row to row of a window.
        known_from: (n,) instant at which the row is known, in microseconds.
        is_training: (n,) whether the row lies in training time.
        label: (n,) what follows the row; NaN where it is not known.
        is_wanted: (n,) whether a window may end with the row.
    """

    values: NDArray[Any]
    group: NDArray[np.int32]
    step: NDArray[np.int64]
    known_from: NDArray[np.int64]
    is_training: NDArray[np.bool_]
    label: NDArray[np.float64]
    is_wanted: NDArray[np.bool_]


class WindowWriter:
    """Writes the rows, and notes where a window ends: as ``models.windows.sliding_windows`` finds them."""

    def __init__(self, folder: Path, n_steps: int, n_features: int) -> None:
        """Begin in an empty folder, which is made."""
        folder.mkdir(parents=True)
        self._folder, self._n_steps, self._n_features = folder, n_steps, n_features
        self._files: dict[str, BinaryIO] = {name: (folder / name).open("wb") for name in (_ROWS, *_COLUMNS)}
        self._n_rows = 0
        self._before: tuple[int, int, int] | None = None  # group, step and run of usable rows of the last row

    def add(self, steps: Steps) -> None:
        """Write the next rows.

        Raises:
            UsageError: They are not in order.
        """
        if len(steps.group) == 0:
            return
        run = self._runs(steps)
        self._files[_ROWS].write(np.ascontiguousarray(steps.values, dtype="<f4").tobytes())
        ends = np.flatnonzero((run >= self._n_steps) & steps.is_wanted & ~np.isnan(steps.label))
        for name, kind in _COLUMNS.items():
            column = ends + self._n_rows if name == "end" else getattr(steps, name)[ends]
            self._files[name].write(np.ascontiguousarray(column, dtype=np.dtype(kind)).tobytes())
        self._n_rows += len(run)
        self._before = int(steps.group[-1]), int(steps.step[-1]), int(run[-1])

    def _runs(self, steps: Steps) -> NDArray[np.int64]:
        """How many usable rows without a hole end with each row; 0 for a row that is not usable."""
        group, step, run = self._before or (-1, 0, 0)
        groups, times = np.append(group, steps.group), np.append(step, steps.step)
        is_same, advance = groups[1:] == groups[:-1], np.diff(times)
        if np.any(np.diff(groups) < 0) or np.any(advance[is_same] <= 0):
            raise UsageError("The rows are not in the order of group and step, each step once.")
        is_usable = np.isfinite(steps.values).all(axis=1)
        was_usable = np.append(run > 0, is_usable[:-1])
        continues = is_same & (advance == 1) & is_usable & was_usable
        place = np.arange(len(is_usable))
        begins = np.maximum.accumulate(np.where(continues, -1, place))  # -1: in the run before these rows
        return np.where(is_usable, np.where(begins < 0, place + 1 + run, place - begins + 1), 0)

    def __enter__(self) -> Self:
        """Write within a ``with``: the files are closed at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def finish(self, facts: Mapping[str, Any]) -> "WindowStore":
        """Open what was written; ``facts`` are kept beside it."""
        self.__exit__()
        content = {**facts, "n_steps": self._n_steps, "n_features": self._n_features, "n_rows": self._n_rows}
        (self._folder / _FACTS).write_text(json.dumps(content, indent=2), encoding="utf-8")
        return WindowStore(self._folder)


@dataclass
class WindowStore:
    """Windows that a :class:`WindowWriter` has written.

    Attributes:
        folder: Where they lie.
        facts: ``n_steps``, ``n_features``, ``n_rows``, and what the writer was given beside them.
        columns: Of each window ``end``, ``group``, ``step``, ``known_from``, ``is_training`` and ``label``, each (n,).
    """

    folder: Path
    facts: dict[str, Any] = field(init=False)
    columns: dict[str, NDArray[Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Read the facts; the arrays are mapped, not read."""
        self.facts = json.loads((self.folder / _FACTS).read_text(encoding="utf-8"))
        self.columns = {name: _mapped(self.folder / name, kind) for name, kind in _COLUMNS.items()}
        self._rows = os.open(self.folder / _ROWS, os.O_RDONLY)

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.columns["end"])

    def inputs(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (len(places), n_steps, n_features) float32, oldest step first."""
        n_steps, n_features = self.facts["n_steps"], self.facts["n_features"]
        row_bytes = 4 * n_features
        first_rows = self.columns["end"][places] - (n_steps - 1)
        found = np.empty((len(places), n_steps, n_features), dtype="<f4")
        for window, first in zip(found, first_rows.tolist(), strict=True):
            os.preadv(self._rows, [window], first * row_bytes)
        return found

    def close(self) -> None:
        """Give the file back."""
        os.close(self._rows)


def _mapped(file: Path, kind: str) -> NDArray[Any]:
    return np.memmap(file, dtype=kind, mode="r") if file.stat().st_size else np.empty(0, dtype=kind)
