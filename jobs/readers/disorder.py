"""Lines of a file that come after a later one of their symbol: counted, for the rows themselves are sorted anyway."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.readers.schema import ReadLines


class Disorder:
    """Counts events whose number was passed over before, of each symbol and epoch of one file.

    A number that is there already is a repetition, not disorder.
    """

    def __init__(self) -> None:
        """Begin with the first line."""
        self.n_late = 0
        self._numbers: dict[tuple[str | None, int | None], _Numbers] = {}

    def add(self, lines: ReadLines) -> None:
        """Look at the next lines; refused ones do not count."""
        table = pa.table({name: lines.columns[name] for name in ("symbol", "epoch", "sequence")})
        is_event = np.ones(table.num_rows, dtype=np.bool_)
        is_event[list(lines.refusals)] = False
        table = table.filter(pa.array(is_event))
        for key in table.group_by(["symbol", "epoch"]).aggregate([]).to_pylist():
            is_own = pc.and_(pc.equal(table["symbol"], key["symbol"]), pc.equal(table["epoch"], key["epoch"]))
            numbers = table["sequence"].filter(is_own).to_numpy()
            own = self._numbers.setdefault((key["symbol"], key["epoch"]), _Numbers(int(numbers[0])))
            self.n_late += own.add(numbers)


class _Numbers:
    """The largest number so far, and the stretches below it that did not come."""

    def __init__(self, first: int) -> None:
        self._largest = first
        self._first = [np.iinfo(np.int64).min]  # of each stretch, ascending; the first one lies before all that came
        self._last = [first - 1]

    def add(self, numbers: np.ndarray) -> int:
        """Take the next numbers; how many of them were passed over before."""
        before = np.maximum.accumulate(np.concatenate([[self._largest], numbers]))[:-1]
        n_late = 0
        for place in np.flatnonzero((numbers > before + 1) | (numbers < before)).tolist():
            number, largest = int(numbers[place]), int(before[place])
            if number > largest:
                self._first.append(largest + 1)
                self._last.append(number - 1)
            else:
                n_late += self._take(number)
        self._largest = max(self._largest, int(numbers.max()))
        return n_late

    def _take(self, number: int) -> bool:
        """Whether the number is in a stretch; it is not any more."""
        place = bisect_right(self._first, number) - 1
        if place < 0 or number > self._last[place]:
            return False
        first, last = self._first[place], self._last[place]
        parts = [part for part in ((first, number - 1), (number + 1, last)) if part[0] <= part[1]]
        self._first[place : place + 1] = [part[0] for part in parts]
        self._last[place : place + 1] = [part[1] for part in parts]
        return True
