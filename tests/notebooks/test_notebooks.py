"""Each notebook runs from top to bottom, as Databricks would run it, on a small simulated market."""

import ast
from pathlib import Path

import pytest

import jobs.app

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


def cells(notebook):
    """(kind, text) of each cell in Databricks source format."""
    text = notebook.read_text()
    assert text.startswith("# Databricks notebook source\n")
    for cell in text.removeprefix("# Databricks notebook source\n").split("# COMMAND ----------"):
        lines = cell.strip().splitlines()
        if lines and lines[0].startswith("# MAGIC %"):
            kind = lines[0].removeprefix("# MAGIC %").split()[0]
            yield kind, "\n".join(line.removeprefix("# MAGIC").removeprefix(" ") for line in lines).partition("\n")[2]
        else:
            yield "python", "\n".join(lines)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook, in_pipeline, monkeypatch, capsys):
    monkeypatch.setattr(jobs.app, "App", lambda: in_pipeline)
    scope = {}
    for kind, text in cells(notebook):
        if kind == "python":
            exec(compile(text, str(notebook), "exec"), scope)
        elif kind == "sql":
            scope["spark"].sql(text).show(truncate=False)
        else:
            assert kind == "md"
    assert capsys.readouterr().out.count("|") > 10


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing(notebook):
    for kind, text in cells(notebook):
        if kind == "python":
            assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
