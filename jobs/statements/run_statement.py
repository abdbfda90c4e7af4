"""Run a model statement: one function for each, and the columns of its answer.

What trains and evaluates is imported by its statement: scikit-learn takes a second that a session of queries saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.statements import show_models as show
from jobs.statements.change_model import drop_model, rename_model, set_alias, unset_alias
from jobs.statements.explain_predict import SCHEMA, explain_predict
from jobs.statements.grammar import (
    CreateModel,
    DescribeModel,
    DropModel,
    EvaluateModel,
    ExplainPredict,
    ExportModel,
    RenameModel,
    SetAlias,
    ShowModels,
    ShowVersions,
    Statement,
    UnsetAlias,
)
from jobs.statements.several_labels import one_a_label
from models.protocol import option_of
from models.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.model_training import Trained

_RESULT = "result STRING"
_CREATED = (
    "model STRING, version INT, result STRING, is_champion BOOLEAN, n_train BIGINT, n_validation BIGINT, "
    "n_test BIGINT, metric STRING, train DOUBLE, validation DOUBLE, test DOUBLE"
)


@dataclass(frozen=True)
class Context:
    """What a statement acts on.

    Attributes:
        spark: The caller's own session.
        registry: Of the home.
        publish: Brings the published SQL function of a model in line with its champion.
        say: Talks to the person.
    """

    spark: SparkSession
    registry: Registry
    publish: Callable[[str], None]
    say: Callable[[str], None]


def columns_of(statement: Statement, registry: Registry) -> str:
    """The columns of the answer as DDL; what can be refused without running is refused here."""
    if isinstance(statement, CreateModel):
        from jobs.statements.training_options import read_options

        for one in one_a_label(statement):
            read_options(one)
        return _CREATED
    if isinstance(statement, EvaluateModel):
        from jobs.statements.evaluate_model import metrics_schema

        return metrics_schema(registry.resolve(statement.reference))
    fixed = {
        ShowModels: show.MODELS,
        ShowVersions: show.VERSIONS,
        DescribeModel: show.PROPERTIES,
        ExplainPredict: SCHEMA,
        ExportModel: "model STRING, version INT, format STRING, path STRING, n_bytes BIGINT",
    }
    return fixed.get(type(statement), _RESULT)


def run_statement(statement: Statement, context: Context) -> list[dict[str, Any]]:
    """The rows of the answer, in the columns of :func:`columns_of`."""
    registry = context.registry
    match statement:
        case CreateModel():
            return _created(statement, context)
        case ShowModels():
            return show.model_rows(registry, statement.pattern)
        case ShowVersions():
            return show.version_rows(registry, statement.name)
        case DescribeModel():
            return show.property_rows(registry.resolve(statement.reference))
        case EvaluateModel():
            from jobs.statements.evaluate_model import evaluate_model

            return evaluate_model(context.spark, registry.resolve(statement.reference), statement)
        case ExplainPredict():
            return explain_predict(context.spark, registry, statement)
        case ExportModel():
            from jobs.statements.export_model import export_model

            version = registry.resolve(statement.reference)
            format_, n_bytes = export_model(version, statement.path, statement.format)
            return [{"model": version.name, "version": version.version, "format": format_, "path": statement.path,
                     "n_bytes": n_bytes}]  # fmt: skip
        case _:
            return [{"result": _changed(statement, context)}]


def _changed(statement: DropModel | SetAlias | UnsetAlias | RenameModel, context: Context) -> str:
    registry = context.registry
    if not isinstance(statement, DropModel) and statement.is_optional and statement.name not in registry.list_models():
        return f"there was no model {statement.name}"
    match statement:
        case DropModel():
            result, names = drop_model(registry, statement)
        case SetAlias():
            result, names = set_alias(registry, statement), [statement.name]
        case UnsetAlias():
            result, names = unset_alias(registry, statement), [statement.name]
        case RenameModel():
            result, names = rename_model(registry, statement), [statement.name, statement.new_name]
    for name in names:
        context.publish(name)
    return result


def _created(statement: CreateModel, context: Context) -> list[dict[str, Any]]:
    from jobs.statements.create_model import create_model, is_there

    statements = one_a_label(statement)
    for one in statements:
        is_there(context.registry, one)  # before the first is trained
    return [
        _row_of(one, create_model(context.spark, context.registry, one, context.say), context) for one in statements
    ]


def _row_of(statement: CreateModel, trained: Trained | None, context: Context) -> dict[str, Any]:
    version = context.registry.resolve(statement.name) if trained is None else trained.version
    if trained is None:
        result = "exists, nothing was trained"
    elif not trained.is_new:
        result = "unchanged: same settings and data as this version"
    elif trained.is_champion:
        result = "trained, and champion"
    else:
        promote = f"ALTER MODEL {version.name} SET ALIAS champion = {version.version}"
        result = f"trained; {_why_not_champion(version.metrics)}: {promote}"
    context.publish(version.name)
    if trained is not None and trained.is_new:
        if "search" in version.metrics:
            result += f"; {_searched(version.metrics['search'])}"
        context.registry.settle(version.name, version.version)
    metric = "rmse" if version.task == "regression" else "log_loss"
    if option_of(version.options, "quantile") is not None:
        metric = "pinball_loss"
    errors = {part: version.metrics.get(part, {}).get(metric) for part in ("train", "validation", "test")}
    counts = {f"n_{part}": trained.n_rows[part] if trained else None for part in ("train", "validation", "test")}
    return {"model": version.name, "version": version.version, "result": result,
            "is_champion": "champion" in version.aliases, **counts, "metric": metric, **errors}  # fmt: skip


def _searched(search: Mapping[str, float]) -> str:
    given_up = f", {search['n_given_up']:.0f} of them given up" if search["n_given_up"] else ""
    return f"the best of {search['n_trials']:.0f} settings{given_up}, chosen on training rows"


def _why_not_champion(metrics: dict[str, dict[str, float]]) -> str:
    if "validation" in metrics:
        return "the champion stays, for it does better on the validation rows; to replace it all the same"
    return "the champion stays, for without a validation part nothing tells which is better; to replace it"
