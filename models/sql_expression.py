"""Small models as one SQL expression: operators, CASE, CAST and literals over the feature columns.

The text is Spark SQL, and other engines take it with little change. It computes in the order in which scikit-learn
does, so a row gets the same number bit for bit (a test runs it in DuckDB against ``Scorer.predict``).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from models import sql_text
from models.artifact import read_verified

if TYPE_CHECKING:
    from models.format_skops import SkopsEngine
    from models.scorer import Scorer

SQL_FILE_NAME = "predict.sql"
_INFINITY = "CAST('Infinity' AS DOUBLE)"  # NaN is not below it, neither in SQL's order nor in IEEE's
_MOST_LEAVES = 64
_MOST_CLASSES = 4  # the scores of n classes are written n (n - 1) times to compare them


def sql_expression(scorer: "Scorer") -> str | None:
    """Return the SQL expression that equals ``scorer.predict``; None for a model that has none or is too large.

    There is one for linear, ridge and lasso, logistic regression of up to 4 classes, decision trees and random forests
    of up to 64 leaves in all, with the NULL policy ``null``. The columns are the features, of type DOUBLE, back-quoted
    by name. The value has the type of the label. It is NULL where a feature is NULL, NaN, infinite or larger than
    ``scorer.largest_input``, and where a linear model overflows to NaN.
    """
    manifest = scorer.manifest
    if manifest.null_policy != "null":
        return None
    build = {
        "ridge": _linear,
        "linear": _linear,
        "lasso": _linear,
        "logistic": _logistic,
        "decision_tree": _tree,
        "random_forest": _forest,
    }
    if manifest.family not in build:
        return None
    expression = build[manifest.family](scorer, cast("SkopsEngine", scorer.engine).estimator)
    if expression is None:
        return None
    guard = "\n  AND ".join(sql_text.within(name, scorer.largest_input) for name in manifest.feature_names)
    return f"CASE WHEN {guard}\nTHEN {expression}\nEND"


def read_sql_expression(folder: Path, digest: str) -> str | None:
    """Return the SQL expression of a stored model after its digest was found right; None where it has none.

    Raises:
        ModelContractError: The folder is missing or was changed.
    """
    files = read_verified(folder, digest)
    return files[SQL_FILE_NAME].decode() if SQL_FILE_NAME in files else None


def _linear(scorer: "Scorer", pipeline: Any) -> str:
    score = _linear_score(scorer, pipeline[0], pipeline[-1].coef_, pipeline[-1].intercept_)
    return f"CASE WHEN {score} <= {_INFINITY} THEN {score} END"


def _logistic(scorer: "Scorer", pipeline: Any) -> str | None:
    linear = pipeline[-1]
    labels = _labels(scorer)
    if len(labels) > _MOST_CLASSES:
        return None
    scores = [
        _linear_score(scorer, pipeline[0], weights, intercept)
        for weights, intercept in zip(linear.coef_, linear.intercept_, strict=True)
    ]
    if len(scores) == 1:
        is_second = f"{scores[0]} > 0.0D AND {scores[0]} <= {_INFINITY}"
        return f"CASE WHEN {is_second} THEN {labels[1]} ELSE {labels[0]} END"
    return _label_of_first_maximum(scores, labels)


def _linear_score(scorer: "Scorer", scaler: Any, weights: Any, intercept: float) -> str:
    """Return ``intercept + (x - mean) / scale * weight + …``, added from left to right as ``sum_in_order`` does."""
    double = sql_text.double
    terms = [
        f"({sql_text.identifier(name)} - {double(mean)}) / {double(scale)} * {double(weight)}"
        for name, mean, scale, weight in zip(
            scorer.manifest.feature_names, scaler.mean_, scaler.scale_, weights, strict=True
        )
    ]
    return "\n  + ".join([double(intercept), *terms])


def _tree(scorer: "Scorer", estimator: Any) -> str | None:
    tree = estimator.tree_
    if tree.n_leaves > _MOST_LEAVES:
        return None
    if scorer.classes is None:
        leaves = [sql_text.double(value) for value in tree.value[:, 0, 0]]
    else:
        leaves = [_labels(scorer)[first] for first in tree.value[:, 0, :].argmax(axis=1)]
    return _splits(tree, scorer.manifest.feature_names, leaves)


def _forest(scorer: "Scorer", estimator: Any) -> str | None:
    trees = [member.tree_ for member in estimator.estimators_]
    n_outputs = 1 if scorer.classes is None else len(scorer.classes)
    if sum(tree.n_leaves for tree in trees) > _MOST_LEAVES or n_outputs > _MOST_CLASSES:
        return None
    means = []
    for output in range(n_outputs):
        values = [
            _splits(tree, scorer.manifest.feature_names, [sql_text.double(value) for value in tree.value[:, 0, output]])
            for tree in trees
        ]
        means.append("(" + "\n  + ".join(["0.0D", *values]) + f") / {sql_text.double(len(trees))}")
    return means[0] if scorer.classes is None else _label_of_first_maximum(means, _labels(scorer))


def _splits(tree: Any, feature_names: Sequence[str], leaves: Sequence[str], node: int = 0) -> str:
    """Return one tree as nested CASE; like the model it compares the feature in single precision."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        return leaves[node]
    column = sql_text.identifier(feature_names[tree.feature[node]])
    condition = f"CAST({column} AS FLOAT) <= {sql_text.double(tree.threshold[node])}"
    below, above = (_splits(tree, feature_names, leaves, child) for child in (left, right))
    return f"CASE WHEN {condition} THEN {below} ELSE {above} END"


def _label_of_first_maximum(scores: Sequence[str], labels: Sequence[str]) -> str:
    """Return the label with the largest score; of equal scores the first, as argmax. Those before it were excluded."""
    cases = [
        f"WHEN {' AND '.join(f'({scores[i]}) >= ({later})' for later in scores[i + 1 :])} THEN {labels[i]}"
        for i in range(len(scores) - 1)
    ]
    return f"CASE {' '.join(cases)} ELSE {labels[-1]} END" if cases else labels[0]


def _labels(scorer: "Scorer") -> list[str]:
    return [sql_text.label(value, scorer.manifest.label_type) for value in scorer.manifest.classes]
