"""EXPLAIN PREDICT: what a query would read and how often it would ask which model, before anything runs."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from jobs.statements.grammar import ExplainPredict
from jobs.statements.only_query import query_frame
from jobs.statements.scanned_tables import delta_scans
from models.network_bodies import BODIES
from models.network_source import FAMILY as OWN_NETWORK
from models.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CALL = re.compile(r"(python|expression) foretable\.(\w+)\((.+)/(\d+)\)( where wanted)?")
ENGINES = dict.fromkeys((*BODIES, OWN_NETWORK), "ONNX Runtime in Python")

SCHEMA = (
    "item STRING, name STRING, version INT, executed_as STRING, times_per_row INT, n_files BIGINT, n_rows BIGINT, "
    "n_bytes BIGINT"
)


def explain_predict(spark: SparkSession, registry: Registry, statement: ExplainPredict) -> list[dict[str, Any]]:
    """One row a table that would be scanned, one a distinct call of a model.

    ``times_per_row`` counts the places of the optimized plan in which the model is asked about a row that gets there:
    1 where each row is asked at most once.
    """
    query = query_frame(spark, statement.query)
    rows = [
        _row("scan", scan.table, scan.version, n_files=scan.n_files, n_rows=scan.n_rows, n_bytes=scan.n_bytes)
        for scan in delta_scans(query)
    ]
    jvm: Any = spark._jvm
    calls = Counter(jvm.foretable.PlannedCalls.of(query._jdf.queryExecution().optimizedPlan()))
    for text, times in calls.items():
        kind, function, name, version, guard = _CALL.fullmatch(text).groups()  # type: ignore[union-attr]
        family = registry.resolve(f"{name}/{version}").family
        executed_as = "SQL expression" if kind == "expression" else ENGINES.get(family, "scikit-learn in Python")
        rows.append(_row(function, name, int(version), executed_as=executed_as + (guard or ""), times_per_row=times))
    return rows


def _row(item: str, name: str, version: int, **facts: Any) -> dict[str, Any]:
    columns = ("executed_as", "times_per_row", "n_files", "n_rows", "n_bytes")
    return {"item": item, "name": name, "version": version, **{column: facts.get(column) for column in columns}}
