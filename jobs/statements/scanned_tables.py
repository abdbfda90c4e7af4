"""Which Delta tables a query reads, at which version, and how much of them: from the plan that will run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PREPARED = "PreparedDeltaFileIndex"


@dataclass(frozen=True)
class Scan:
    """One scan of a Delta table after pruning; rows are None where the table's statistics lack them."""

    table: str
    version: int
    n_files: int
    n_bytes: int
    n_rows: int | None


def delta_scans(query: DataFrame) -> list[Scan]:
    """Every scan of a Delta table in the optimized plan of a query.

    The plan holds the snapshot of each table that its execution will read, so the versions are those of the rows.
    """
    return [_scan(index) for index in _file_indexes(query._jdf.queryExecution().optimizedPlan())]


def scanned_versions(query: DataFrame) -> dict[str, int]:
    """Delta version of each table that a query reads, by the name of its folder."""
    return {scan.table: scan.version for scan in delta_scans(query)}


def _file_indexes(plan: Any) -> Iterator[Any]:
    leaves = plan.collectLeaves()
    for i in range(leaves.length()):
        leaf = leaves.apply(i)
        if leaf.getClass().getSimpleName() == "LogicalRelation":
            relation = leaf.relation()
            if relation.getClass().getSimpleName() == "HadoopFsRelation":
                index = relation.location()
                if index.getClass().getSimpleName() == _PREPARED:
                    yield index
    expressions = plan.subqueriesAll()
    for i in range(expressions.length()):
        yield from _file_indexes(expressions.apply(i))


def _scan(index: Any) -> Scan:
    prepared = index.preparedScan()
    scanned = prepared.scanned()
    rows, size = scanned.rows(), scanned.bytesCompressed()
    return Scan(
        table=index.path().getName(),
        version=int(prepared.version()),
        n_files=int(prepared.files().length()),
        n_bytes=int(size.get()) if size.isDefined() else 0,
        n_rows=int(rows.get()) if rows.isDefined() else None,
    )
