"""A user's SQL feature query, recomputed on versions of the table that it reads.

A temporary view of the table's name stands before the table, in a session of its own: Spark resolves ``FROM ticks`` to
the view first. A name with its schema goes past a temporary view, so such a query is refused; it may say
``FROM IDENTIFIER(:source)`` instead. Each version is a query of its own: side by side they would mix where a window
has no PARTITION BY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lookahead_compare import Layout, Outcome, compare
from jobs.lookahead_versions import History, Version, alone
from jobs.statements.only_query import query_frame
from models.errors import DataContractError, UsageError
from models.row_differences import find_differences

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PARAMETER = "source"
_PARAMETER_IN_TEXT = re.compile(r"(?<![:\w]):source\b")
_COMMENT_OR_STRING = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'", re.DOTALL)


@dataclass
class QueryRecomputation:
    """A query and the rows of its source.

    Attributes:
        session: Session of its own, for its temporary view.
        text: The query.
        source: Name of the table as the query says it.
        history: Rows of the source that are cut.
    """

    session: SparkSession
    text: str
    source: str
    history: History
    is_wild: bool = True  # noise of extreme values, until the query breaks on it

    def check(self, versions: Sequence[Version], layout: Layout) -> list[Outcome]:
        """Compare each version with the whole history, one query after the other.

        Raises:
            DataContractError: the query does not give the same rows twice, or fails on a version.
        """
        again = find_differences(self.whole, self._result(self.history.rows), layout.key, layout.tolerance)
        if again.changes:
            raise DataContractError(
                f"{again.changes[0].column} is another one when the query runs again on the same rows, as with rand(), "
                "current_timestamp() or ties in an ORDER BY: make the query repeatable first"
            )
        return [compare(self.whole, self._of(version), version, layout) for version in versions]

    @cached_property
    def whole(self) -> pa.Table:
        """What the query gives of the whole history.

        Raises:
            UsageError: it is no query, or does not read the source through its plain name.
        """
        query = self._query(self.history.rows)
        if not reads_view(query, self._view):
            raise UsageError(
                f"the query does not read {self.source}, so cutting it proves nothing: name the table that it reads "
                "with --source, or write FROM IDENTIFIER(:source)"
            )
        return query.toArrow()

    def other_tables(self) -> list[str]:
        """Tables and views of the catalog that the query reads, as ``schema.name``; they are not cut."""
        return catalog_names(self._query(self.history.rows))

    @property
    def _view(self) -> str:
        return "lookahead_source" if takes_parameter(self.text) else self.source

    def _of(self, version: Version) -> pa.Table:
        from pyspark.errors import PySparkException

        try:
            return self._result(alone(self.history, version, self.is_wild))
        except PySparkException:
            if version.test != "noise" or not self.is_wild:
                raise
            self.is_wild = False  # a division by zero, a cast out of range: not a leak
            return self._of(version)

    def _result(self, rows: DataFrame) -> pa.Table:
        return self._query(rows).toArrow()

    def _query(self, rows: DataFrame) -> DataFrame:
        rows.createOrReplaceTempView(self._view)
        if takes_parameter(self.text):
            return self.session.sql(self.text, args={PARAMETER: self._view})
        return query_frame(self.session, self.text)


def takes_parameter(text: str) -> bool:
    """Whether a query names its table by the parameter ``:source``."""
    return _PARAMETER_IN_TEXT.search(_COMMENT_OR_STRING.sub("", text)) is not None


def reads_view(query: DataFrame, name: str) -> bool:
    """Whether a query reads a temporary view of this name."""
    nodes = _nodes(query._jdf.queryExecution().analyzed())
    return any(
        node.getClass().getSimpleName() == "View"
        and node.isTempView()
        and node.desc().identifier().table().lower() == name.lower()
        for node in nodes
    )


def catalog_names(query: DataFrame) -> list[str]:
    """Tables and views of the catalog in the analyzed plan of a query, as ``schema.name``.

    The plan that will run does not do: Delta answers a maximum from its log, and such a scan is gone by then.
    """
    names = set()
    for node in _nodes(query._jdf.queryExecution().analyzed()):
        if node.getClass().getSimpleName() == "SubqueryAlias" and node.identifier().qualifier().nonEmpty():
            names.add(f"{node.identifier().qualifier().last()}.{node.identifier().name()}")
    return sorted(names)


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    inner = [plan.children(), plan.innerChildren(), plan.subqueries()]
    for plans in inner:
        for i in range(plans.length()):
            yield from _nodes(plans.apply(i))
