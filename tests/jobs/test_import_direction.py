import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "models": {"models"},
    "udfs": {"models", "udfs"},
    "jobs": {"models", "udfs", "jobs"},
    "notebooks": {"models", "udfs", "jobs"},
    "benchmarks": {"models", "udfs", "jobs", "benchmarks"},
}
OURS = {"models", "udfs", "jobs", "sql", "notebooks", "benchmarks", "examples", "tests"}
IMPORT_ALL = """
import importlib, json, pathlib, sys, threading
names = sys.argv[1:]
for name in names:
    importlib.import_module(name)
pyspark = sys.modules.get("pyspark.sql")
print(json.dumps({
    "roots": sorted({name.partition(".")[0] for name in sys.modules}),
    "threads": threading.active_count(),
    "session": bool(pyspark and pyspark.SparkSession.getActiveSession()),
    "files": sorted(str(path) for path in pathlib.Path(".").rglob("*")),
}))
"""


def imported_roots(text):
    """First parts of every module that the text imports, wherever in the text, and relative imports as '.'."""
    roots = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add("." if node.level else str(node.module).partition(".")[0])
    return roots


def python_files(folder):
    return sorted(file for file in (ROOT / folder).rglob("*.py") if "__pycache__" not in file.parts)


def module_names(*packages):
    for package in packages:
        for file in python_files(package):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def import_in_a_fresh_process(folder, *names):
    """Import the modules in an empty folder and tell what that did."""
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(folder.parent)}
    command = [sys.executable, "-B", "-c", IMPORT_ALL, *names]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *talk, last = done.stdout.splitlines()
    return {**json.loads(last), "talk": talk + done.stderr.splitlines()}


def test_imports_are_found_at_every_depth_and_in_every_form():
    text = "import a.b as c\ndef f():\n    from d.e import g\n    if True:\n        import h, i\nfrom . import j\n"
    assert imported_roots(text) == {"a", "d", "h", "i", "."}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_below_it(package):
    wrong = [
        f"{file.relative_to(ROOT)} imports {root}"
        for file in python_files(package)
        for root in sorted(imported_roots(file.read_text(encoding="utf-8")) & (OURS - MAY_IMPORT[package]))
    ]
    assert wrong == []


def test_models_never_import_pyspark():
    wrong = [file.name for file in python_files("models") if "pyspark" in imported_roots(file.read_text("utf-8"))]
    assert wrong == []


def test_imports_are_absolute():
    files = [file for package in MAY_IMPORT for file in python_files(package)]
    assert [file for file in files if "." in imported_roots(file.read_text(encoding="utf-8"))] == []


def test_the_command_line_imports_nothing_slow(tmp_path):
    found = import_in_a_fresh_process(tmp_path, "jobs.cli")
    slow = {"pyspark", "delta", "tensorflow", "keras", "mlflow", "sklearn", "pandas", "numpy", "numba", "bokeh", "yaml"}
    assert slow & set(found["roots"]) == set()


def test_importing_every_module_does_nothing(tmp_path):
    found = import_in_a_fresh_process(tmp_path, *module_names("models", "udfs", "jobs"))
    assert {key: found[key] for key in ("talk", "files", "session", "threads")} == {
        "talk": [],
        "files": [],
        "session": False,
        "threads": 1,
    }
    assert {"tensorflow", "mlflow"} & set(found["roots"]) == set()
