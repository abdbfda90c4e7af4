"""Make the model statements part of every session's SQL: the JVM's parser asks the object here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.published_functions import publish_function
from jobs.statements.grammar import CreateModel, EvaluateModel, ExplainPredict, read_statement
from jobs.statements.run_statement import Context, columns_of, run_statement
from jobs.statements.show_models import group_rows, model_rows, training_run_rows, trial_rows, version_rows
from models.errors import DataContractError, ForetableError, UsageError
from models.registry import Registry
from udfs.help_texts import HelpText
from udfs.register import register_builtin

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REGISTRY_ROWS = HelpText(
    "_FUNC_(view) - The registry when a query is planned, as JSON: one of its views, such as 'models' or 'trials'.",
    "",
    ("SELECT * FROM models;", "SELECT model, version, test_error FROM model_versions;"),
)
_KEPT_ALIVE: list[Any] = []  # py4j holds proxies weakly on this side


class Statements:
    """Reads and runs the statements that sql/extension/ModelParser.java recognises."""

    def __init__(self, spark: SparkSession, registry: Registry, schema: str, say: Callable[[str], None]) -> None:
        self.spark = spark
        self.registry = registry
        self.schema = schema
        self.say = say

    def apply(self, request: str, session: Any) -> Any:
        """JSON of the answer, or the throwable of an error that Spark raised."""
        from pyspark.errors import PySparkException

        verb, _, text = request.partition("\n")
        try:
            if verb == "read":
                return json.dumps(self._read(text))
            return json.dumps(self._run(text, session) if verb == "run" else self._registry(text))
        except ForetableError as e:
            return json.dumps({"error": str(e), "condition": e.condition})
        except PySparkException as e:
            origin = getattr(e, "_origin", None)
            return json.dumps({"error": str(e), "condition": DataContractError.condition}) if origin is None else origin
        except Exception as e:
            what = f"{type(e).__name__}: {' '.join(str(e).split())[:300]}"
            return json.dumps({"error": f"this is a bug of Foretable ({what})", "condition": ForetableError.condition})

    def _read(self, text: str) -> dict[str, Any]:
        statement = read_statement(text)
        takes_query = isinstance(statement, CreateModel | EvaluateModel | ExplainPredict)
        query_at = statement.query_at if takes_query else -1  # type: ignore[union-attr]
        columns = columns_of(statement, self.registry)
        return {"schema": columns, "title": type(statement).__name__, "query_at": query_at}

    def _run(self, text: str, session: Any) -> dict[str, Any]:
        from pyspark.sql import SparkSession

        spark = SparkSession(self.spark.sparkContext, session)

        def publish(name: str) -> None:
            publish_function(spark, self.registry, self.schema, name)

        statement = read_statement(text)
        names = [column.split()[0] for column in columns_of(statement, self.registry).split(", ")]
        rows = run_statement(statement, Context(spark, self.registry, publish, self.say))
        return {"rows": [[row[name] for name in names] for row in rows]}

    def _registry(self, view: str) -> dict[str, Any]:
        """Rows of a view of the registry, as JSON text."""
        rows = {"models": model_rows, "model_versions": version_rows, "training_runs": training_run_rows,
                "trials": trial_rows, "model_groups": group_rows}  # fmt: skip
        if view not in rows:
            raise UsageError(f"the registry has no {view}: it has {', '.join(rows)}")
        return {"json": json.dumps(rows[view](self.registry))}

    class Java:
        implements = ("java.util.function.BiFunction",)


def install_statements(
    spark: SparkSession, home: Path, schema: str, say: Callable[[str], None], registry_uri: str | None = None
) -> None:
    """Switch the statements on for this session and every later one of its JVM."""
    from pyspark.java_gateway import ensure_callback_server_started

    ensure_callback_server_started(spark.sparkContext._gateway)
    statements = Statements(spark, Registry.in_home(home, registry_uri), schema, say)
    _KEPT_ALIVE[:] = [statements]
    jvm: Any = spark._jvm
    jvm.foretable.ModelParser.use(statements)
    register_builtin(spark, "registry_rows", jvm.foretable.RegistryRows(), REGISTRY_ROWS)
