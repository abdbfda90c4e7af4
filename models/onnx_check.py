"""An ONNX file asked by ONNX Runtime what the model it was made of answers: a file that differs is not handed out."""

from typing import TYPE_CHECKING

import numpy as np

from models.errors import ModelContractError
from models.onnx_graph import Graph
from models.onnx_runtime import import_onnxruntime, open_onnx
from models.protocol import Rows

if TYPE_CHECKING:
    from models.scorer import Scorer

_TOLERANCE = 1e-9  # of the largest answer: sums of the same doubles in another order


def check_answers(content: bytes, scorer: "Scorer", rows: Rows) -> None:
    """Ask both for the answers to ``rows``.

    Raises:
        ModelContractError: They differ.
    """
    session = open_onnx(content)
    is_classifier = scorer.classes is not None
    name = "probability" if is_classifier else "prediction"
    (found,) = session.run([name], {Graph.FEATURES: rows})
    wanted = scorer.predict_probability(rows) if is_classifier else scorer.predict(rows)
    scale = np.max(np.abs(wanted), initial=np.finfo(np.float64).tiny)
    if not np.allclose(found, wanted, rtol=0.0, atol=_TOLERANCE * scale, equal_nan=True):
        version, worst = import_onnxruntime().__version__, float(np.max(np.abs(found - wanted)))
        raise ModelContractError(
            f"ONNX Runtime {version} answers otherwise than the model of {scorer.manifest.label}, by up "
            f"to {worst:.3g} on its golden rows: export its artifact"
        )
