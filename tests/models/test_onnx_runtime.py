"""ONNX Runtime as we import it tells nobody what is scored."""

import os
import subprocess
import sys

ASK = """
import sys
{how}
from onnx import TensorProto, helper
values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1]) for name in ("a", "b")]
graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", values[:1], values[1:])
content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()
session = onnxruntime.InferenceSession(content)
import numpy
assert session.run(None, {{"a": numpy.ones(1)}})[0].tolist() == [1.0]
"""
QUIET = "from models.onnx_runtime import import_onnxruntime; onnxruntime = import_onnxruntime()"
SUPPRESSES = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "TF_BUILD", "GITHUB_ACTIONS", "BUILD_BUILDID")


def kept(how, home):
    """Names of the files that a process leaves below its home."""
    environment = {name: value for name, value in os.environ.items() if name not in SUPPRESSES}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", ASK.format(how=how)], env=environment, check=True, timeout=120)
    return sorted(file.name for file in home.rglob("*") if file.is_file())


def test_no_number_of_the_machine_and_no_events_are_kept(tmp_path):
    assert kept(QUIET, tmp_path) == []


def test_without_us_they_would_be(tmp_path):
    """Else the test above tells nothing."""
    assert "deviceid" in kept("import onnxruntime", tmp_path)
