"""scikit-learn models as ONNX files, for programs without Foretable; they compute in double and in no other order.

Input ``features``: (n_rows, n_features) double in the order of the metadata ``feature_names``, without NaN. Outputs:
``prediction``, one a row in the type of the label, and for a classifier ``probability``, (n_rows, n_classes) double in
the order of the metadata ``classes``. The answers are those of scikit-learn up to the last bits of a sum.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from onnx import TensorProto
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from models.fixed_order_linear import FixedOrder, FixedOrderLogisticRegression
from models.fixed_order_network import FixedOrderMLPClassifier, FixedOrderMLPRegressor
from models.grouped_tree_nodes import boosting_nodes, forest_nodes
from models.onnx_graph import Graph
from models.onnx_trees import add_trees
from models.protocol import Labels

if TYPE_CHECKING:
    from models.format_skops import SkopsEngine
    from models.scorer import Scorer

Step = Callable[[Graph, str, Any], str]  # adds a fitted step after named values and returns the name of its own
_FORESTS = (RandomForestRegressor, RandomForestClassifier, ExtraTreesRegressor, ExtraTreesClassifier)
_ACTIVATIONS = {"identity": "Identity", "logistic": "Sigmoid", "relu": "Relu", "tanh": "Tanh"}
_LINKS = {"IdentityLink": "Identity", "LogLink": "Exp"}  # how boosting makes a prediction of its sum


def onnx_file(scorer: "Scorer") -> bytes | None:
    """Return the ONNX file of a stored scikit-learn model; None where a step of it cannot be written.

    Written are linear regressions of every kind, logistic regression, trees, forests, histogram gradient boosting and
    small dense networks, after any number of scalers.

    Raises:
        ModelContractError: A tree splits by categories.
    """
    manifest, classes = scorer.manifest, scorer.classes
    estimator = cast("SkopsEngine", scorer.engine).estimator
    *before, last = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    scalers = [_STEPS.get(type(step)) for step in before]
    model = _model_step(last)
    if model is None or None in scalers:
        return None
    graph = Graph(len(manifest.feature_names))
    values = graph.FEATURES
    for scaler, step in zip(cast("list[Step]", scalers), before, strict=True):
        values = scaler(graph, values, step)
    values = model(graph, values, last)
    if classes is None:
        graph.give(graph.add("Reshape", values, np.array([-1])), "prediction", "f")
    else:
        _give_classes(graph, values, classes, is_probability=model is _forest)
    facts = {"family": manifest.family, "feature_names": list(manifest.feature_names), "label": manifest.label}
    if manifest.classes:
        facts["classes"] = list(manifest.classes)
    return graph.to_bytes({name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()})


def _give_classes(graph: Graph, values: str, classes: Labels, is_probability: bool) -> None:
    """Of a score or a probability for each class, or one score for the second of two; the first of equals wins."""
    probabilities = values
    if not is_probability and len(classes) == 2:
        second = graph.add("Sigmoid", values)
        probabilities = graph.add("Concat", graph.add("Sub", 1.0, second), second, axis=1)
        values = graph.add("Concat", graph.add("Neg", values), values, axis=1)
    elif not is_probability:
        probabilities = graph.add("Softmax", values, axis=1)
    place = graph.add("ArgMax", values, axis=1, keepdims=0)
    graph.give(graph.add("Gather", classes, place), "prediction", classes.dtype.kind)
    graph.give(probabilities, "probability", "f", len(classes))


def _standard_scaler(graph: Graph, rows: str, step: StandardScaler) -> str:
    centred = graph.add("Sub", rows, step.mean_) if step.with_mean else rows
    return graph.add("Div", centred, step.scale_) if step.with_std else centred


def _robust_scaler(graph: Graph, rows: str, step: RobustScaler) -> str:
    centred = graph.add("Sub", rows, step.center_) if step.with_centering else rows
    return graph.add("Div", centred, step.scale_) if step.with_scaling else centred


def _range_scaler(graph: Graph, rows: str, step: MinMaxScaler) -> str:
    stretched = graph.add("Add", graph.add("Mul", rows, step.scale_), step.min_)
    return graph.add("Clip", stretched, *map(float, step.feature_range)) if step.clip else stretched


def _linear(graph: Graph, rows: str, model: Any) -> str:
    weights = np.atleast_2d(model.coef_).T
    return graph.add("Add", graph.add("MatMul", rows, weights), np.ravel(model.intercept_))


def _forest(graph: Graph, rows: str, model: Any) -> str:
    """Trees see a feature as float32, and compare it in double."""
    seen = graph.add("Cast", graph.add("Cast", rows, to=TensorProto.FLOAT), to=TensorProto.DOUBLE)
    nodes = forest_nodes(model)
    n_trees = float(len(nodes["root"]))
    return graph.add("Div", add_trees(graph, seen, nodes, None), n_trees)


def _boosting(graph: Graph, rows: str, model: Any) -> str:
    nodes = boosting_nodes(model)
    n_outputs = nodes["baseline"].shape[1]
    trees = add_trees(graph, rows, nodes, np.arange(len(nodes["root"])) % n_outputs)
    total = graph.add("Add", trees, nodes["baseline"])
    link = type(model._loss.link).__name__
    return graph.add(_LINKS[link], total) if link in _LINKS else total


def _network(graph: Graph, rows: str, model: Any) -> str:
    """The scores of a classifier, before they are made probabilities."""
    values = rows
    last = len(model.coefs_) - 1
    for layer, (weights, biases) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        values = graph.add("Add", graph.add("MatMul", values, weights), biases)
        if layer < last:
            values = graph.add(_ACTIVATIONS[model.activation], values)
    if isinstance(model, FixedOrderMLPRegressor):
        return graph.add("Add", graph.add("Mul", values, model.label_scale_), model.label_center_)
    return values


_STEPS: dict[type, Step] = {
    StandardScaler: _standard_scaler,
    RobustScaler: _robust_scaler,
    MinMaxScaler: _range_scaler,
    MaxAbsScaler: lambda graph, rows, step: graph.add("Div", rows, step.scale_),
}
_MODELS: tuple[tuple[tuple[type, ...], Step], ...] = (
    ((FixedOrder, FixedOrderLogisticRegression), _linear),
    ((DecisionTreeRegressor, DecisionTreeClassifier, *_FORESTS), _forest),
    ((HistGradientBoostingRegressor, HistGradientBoostingClassifier), _boosting),
    ((FixedOrderMLPRegressor, FixedOrderMLPClassifier), _network),
)


def _model_step(model: Any) -> Step | None:
    return next((step for kinds, step in _MODELS if isinstance(model, kinds)), None)
