"""Make the prediction functions built-ins of Spark: in this session, in every later one, in views and SQL functions."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ForetableError
from models.model_version import parse_reference
from models.registry import Registry
from udfs.call import Call
from udfs.help_texts import HELP_TEXTS, HelpText
from udfs.planner import plan_call
from udfs.score_rows import ScoreRows

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession

_KEPT_ALIVE: list[Any] = []  # py4j holds proxies weakly on this side


class Planner:
    """The Java side calls this once for each call of a prediction function in a query, while it is analysed."""

    def __init__(self, spark: SparkSession, registry: Registry) -> None:
        self.jvm: Any = spark._jvm
        self.registry = registry

    def apply(self, request: str, _: None) -> Any:
        """A map that says how the call is executed, or the sentence that the query then ends with.

        Of a model of several labels it says which models are to be asked instead.
        """
        try:
            return self._answer(json.loads(request))
        except ForetableError as e:
            return str(e)

    def _answer(self, request: dict[str, Any]) -> JavaObject:
        answer = self.jvm.java.util.HashMap()
        targets = self.registry.targets(request["model"]) if request["model"] else {}
        if targets:
            answer.put("model", parse_reference(request["model"]).name)
            answer.put("labels", _java_list(self.jvm, tuple(targets)))
            answer.put("references", _java_list(self.jvm, tuple(targets.values())))
            return answer
        plan = plan_call(request, self.registry.resolve, self.registry.default_model)
        call = plan.call
        answer.put("model", call.name)
        answer.put("version", call.model)
        answer.put("columns", _java_list(self.jvm, plan.columns))
        answer.put("call", call.title)
        if plan.expression is None:
            answer.put("python", _python_function(call))
        else:
            answer.put("expression", plan.expression)
            answer.put("names", _java_list(self.jvm, plan.feature_names))
        return answer

    class Java:
        implements = ("java.util.function.BiFunction",)


def _java_list(jvm: Any, items: tuple[Any, ...]) -> JavaObject:
    result = jvm.java.util.ArrayList()
    for item in items:
        result.add(item)
    return result


@lru_cache(maxsize=256)
def _python_function(call: Call) -> JavaObject:
    """One function object for each call, so that Spark sees equal calls as equal and sends the same bytes.

    Its name begins with ``foretable.``: so the optimizer rules of sql/extension know that the model is behind it.
    """
    from pyspark.sql.udf import UserDefinedFunction
    from pyspark.util import PythonEvalType

    kind = PythonEvalType.SQL_SCALAR_ARROW_UDF
    return UserDefinedFunction(ScoreRows(call), call.sql_type, name=call.title, evalType=kind)._judf


def register_functions(spark: SparkSession, home: Path, registry_uri: str | None = None) -> None:
    """Register predict and its kin, before the session is handed out: sessions opened earlier do not see them."""
    from pyspark.java_gateway import ensure_callback_server_started

    _python_function.cache_clear()  # its Java objects belong to one JVM
    jvm: Any = spark._jvm
    ensure_callback_server_started(spark.sparkContext._gateway)
    planner = Planner(spark, Registry.in_home(home, registry_uri))
    _KEPT_ALIVE[:] = [planner]  # one JVM a process: an earlier session's is gone
    for name, text in HELP_TEXTS.items():
        register_builtin(spark, name, jvm.foretable.PredictBuilder(name, planner), text)


def register_builtin(spark: SparkSession, name: str, builder: Any, text: HelpText) -> None:
    """Make a builder of the JVM a built-in function, for this session and every later one."""
    jvm: Any = spark._jvm
    _KEPT_ALIVE.append(builder)
    info = jvm.org.apache.spark.sql.catalyst.expressions.ExpressionInfo(
        f"foretable.{name}", None, name, text.usage, text.arguments, text.examples_text,
        "", "misc_funcs", "4.2.0", "", "built-in",
    )  # fmt: skip
    registry = getattr(jvm, "org.apache.spark.sql.catalyst.analysis.FunctionRegistry$").__getattr__("MODULE$")
    for target in (registry.builtin(), spark._jsparkSession.sessionState().functionRegistry()):  # later ones, this one
        target.registerFunction(registry.builtinFunctionIdentifier(name), info, builder)
