"""ONNX Runtime, imported so that it stays silent: since 1.29 it tells its maker about models unless told not to.

Those name a model's producer, size and hashes, and a number of the machine that it keeps in the user's cache folder
(https://github.com/microsoft/onnxruntime/pull/27379). What is scored here is nobody else's business.
"""

import os
from typing import Any

_SILENT = {"ORT_DISABLE_TELEMETRY": "1"}  # read once, when the library is loaded


def import_onnxruntime() -> Any:
    """Return the module."""
    os.environ.update(_SILENT)
    import onnxruntime

    return onnxruntime


def open_onnx(content: bytes) -> Any:
    """Return an inference session on one thread: Spark's own parallelism is not multiplied."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
