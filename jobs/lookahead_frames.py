"""Recompute a transform of DataFrames on versions of its history, all side by side in one Spark job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from jobs.lookahead_compare import Layout, Outcome, compare
from jobs.lookahead_versions import History, Version, alone, apart, side_by_side
from jobs.settled_rows import settled

Transform = Callable[[Mapping[str, DataFrame]], DataFrame]


@dataclass(frozen=True)
class Recomputation:
    """A transform and what it reads.

    Attributes:
        histories: Name to rows with a column ``exchange``.
        transform: Rows with a column ``exchange``, from DataFrames of those names.
        layout: How its rows are read.
    """

    histories: Mapping[str, History]
    transform: Transform
    layout: Layout

    def check(self, versions: Sequence[Version]) -> list[Outcome]:
        """Compare each version with the whole history.

        A version whose rows differ when all are computed side by side is computed again alone, and that counts: a
        transform that looks across exchanges differs there for no fault of its own.
        """
        reference = self.whole()
        versioned = {name: settled(side_by_side(history, versions)) for name, history in self.histories.items()}
        together = apart(self.transform(versioned))
        outcomes = []
        rows = together.toArrow()
        for i, version in enumerate(versions):
            own = rows.filter(pc.equal(rows["_number"], i)).drop_columns("_number")
            outcome = compare(reference, own, version, self.layout)
            outcomes.append(compare(reference, self.of(version), version, self.layout) if outcome.changes else outcome)
        return outcomes

    def whole(self) -> pa.Table:
        """What the transform gives of the whole history."""
        return self.transform({name: history.rows for name, history in self.histories.items()}).toArrow()

    def of(self, version: Version) -> pa.Table:
        """What the transform gives of one version alone."""
        return self.transform({name: alone(history, version) for name, history in self.histories.items()}).toArrow()
