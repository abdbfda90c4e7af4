"""Make predict a built-in function of Spark: in this session, in every later one, in views and SQL functions."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.registry import Registry
from udfs.planner import answer_or_sentence, plan_call
from udfs.score_rows import ScoreRows

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession

USAGE = """_FUNC_([model, ] features) - Prediction of a registered model for one row, in the type of the label.
      A model is 'name' (its champion, else its newest version), 'name/3' or 'name@alias'; left out, the default model
      answers (SET foretable.default_model = name). Features are bound by field name: order is free, extra fields are
      ignored. NULL where a feature is NULL or not finite."""
ARGUMENTS = """
    Arguments:
      * model - constant text
      * features - a STRUCT of numbers; for a sequence model an ARRAY of STRUCTs, oldest first
  """
EXAMPLES = """
    Examples:
      > SELECT bar_start, _FUNC_(features) FROM features;
      > SELECT _FUNC_('ridge_return_5m@champion', struct(*)) FROM inputs;
      > SELECT _FUNC_(model => 'ridge_return_5m/2', features => features) FROM features;
  """
_KEPT_ALIVE: list[Any] = []  # py4j holds proxies weakly on this side


class Planner:
    """The Java side calls this once for each call of predict in a query, while it is analysed."""

    def __init__(self, spark: SparkSession, home: Path) -> None:
        self.jvm: Any = spark._jvm
        self.registry = Registry.in_home(home)

    def apply(self, request: str, _: None) -> Any:
        """A list of the Python function and its field positions, or a sentence."""
        return answer_or_sentence(lambda: self._answer(json.loads(request)))

    def _answer(self, request: dict[str, Any]) -> JavaObject:
        plan = plan_call(request, self.registry.resolve, self.registry.default_model)
        answer = self.jvm.java.util.ArrayList()
        model = plan.model
        scored_as = (str(model.folder), model.digest, model.label_type, model.sequence_length)
        answer.add(_python_function(request["function"], *scored_as))
        for position in plan.positions:
            answer.add(position)
        return answer

    class Java:
        implements = ("java.util.function.BiFunction",)


@lru_cache(maxsize=256)
def _python_function(name: str, folder: str, digest: str, label_type: str, sequence_length: int) -> JavaObject:
    """One function object for each version, so that Spark sees equal calls as equal and sends the same bytes."""
    from pyspark.sql.udf import UserDefinedFunction
    from pyspark.util import PythonEvalType

    scorer = ScoreRows(folder, digest, label_type, sequence_length)
    function = UserDefinedFunction(scorer, label_type, name=name, evalType=PythonEvalType.SQL_SCALAR_ARROW_UDF)
    return function._judf


def register_functions(spark: SparkSession, home: Path) -> None:
    """Register predict. Call it before the session is handed out: sessions opened earlier do not see it."""
    from pyspark.java_gateway import ensure_callback_server_started

    _python_function.cache_clear()  # its Java objects belong to one JVM
    jvm: Any = spark._jvm
    ensure_callback_server_started(spark.sparkContext._gateway)
    planner = Planner(spark, home)
    builder = jvm.foretable.PredictBuilder("predict", planner)
    _KEPT_ALIVE[:] = [(planner, builder)]  # one JVM a process: an earlier session's are gone
    info = jvm.org.apache.spark.sql.catalyst.expressions.ExpressionInfo(
        "foretable.predict", None, "predict", USAGE, ARGUMENTS, EXAMPLES, "", "misc_funcs", "4.2.0", "", "built-in"
    )
    registry = getattr(jvm, "org.apache.spark.sql.catalyst.analysis.FunctionRegistry$").__getattr__("MODULE$")
    identifier = registry.builtinFunctionIdentifier("predict")
    for target in (
        registry.builtin(),
        spark._jsparkSession.sessionState().functionRegistry(),
    ):  # later sessions, this one
        target.registerFunction(identifier, info, builder)
