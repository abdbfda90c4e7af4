"""A graph of ONNX operators, added one after the other; every number in it is a double."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_VERSIONS = {"": 21, "ai.onnx.ml": 5}  # of the operators: 5 is the first with trees in double
_IR_VERSION = 10  # the one of operators 21
_TYPES = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.BOOL, "U": TensorProto.STRING}


class Graph:
    """Takes ``features``, (n_rows, n_features) double; values go by the names that the methods return."""

    FEATURES = "features"

    def __init__(self, n_features: int) -> None:
        """Begin with the input alone."""
        self._input = helper.make_tensor_value_info(self.FEATURES, TensorProto.DOUBLE, [None, n_features])
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []

    def add(self, operator: str, *inputs: str | NDArray[Any] | float, domain: str = "", **attributes: Any) -> str:
        """Add an operator and return the name of its output; a number or array among the inputs becomes a constant."""
        names = [each if isinstance(each, str) else self._constant(np.asarray(each)) for each in inputs]
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, names, [output], domain=domain, **attributes))
        return output

    def give(self, value: str, name: str, kind: str, width: int | None = None) -> None:
        """Make a value an output: of ``kind`` as in ``numpy.dtype.kind``, one a row or ``width`` a row."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        shape = [None] if width is None else [None, width]
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))

    def to_bytes(self, facts: dict[str, str]) -> bytes:
        """The graph as an ONNX file with ``facts`` as its metadata.

        Raises:
            onnx.checker.ValidationError: The graph is none.
        """
        graph = helper.make_graph(self._nodes, "foretable", [self._input], self._outputs, self._constants)
        versions = [helper.make_opsetid(domain, number) for domain, number in _VERSIONS.items()]
        model = helper.make_model(graph, opset_imports=versions, ir_version=_IR_VERSION, producer_name="foretable")
        helper.set_model_props(model, facts)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        if values.dtype.kind == "U":
            values = values.astype(object)
        self._constants.append(numpy_helper.from_array(values, name))
        return name
