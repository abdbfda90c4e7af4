"""Registered models as MLflow loads and serves them: by its own loader, and by ``mlflow models serve`` over HTTP."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.artifact import load_scorer
from models.errors import DataContractError, ModelContractError
from models.families import build_model
from models.group_key import key_columns
from models.mlflow_pyfunc import ServedModel
from models.protocol import ModelSpec
from models.registry import Registry
from models.training_profile import profile_training

# MLflow warns of its own type hints when its loader is imported, and of pandas when it reads JSON.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
N = 300
LONGEST_START_SECONDS = 120


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry.in_home(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def rows():
    """Two features and what they add up to."""
    inputs = np.random.default_rng(0).normal(size=(N, 2))
    return inputs, inputs @ [1.0, 2.0]


@pytest.fixture(scope="module")
def by_group(rows):
    """The group of each row, labels that follow the first feature in one group and go against it in the other, inputs."""
    groups = np.where(np.arange(N) % 2 == 0, "even", "odd")
    labels = np.where(groups == "even", 1.0, -1.0) * rows[0][:, 0]
    return groups, labels, np.hstack([rows[0], key_columns(groups)])


@pytest.fixture(scope="module")
def register(registry, rows):
    """Fit and register; returns the name and the scorer as SQL uses it."""

    def fit(name, family="ridge", task="regression", labels=None, inputs=None, sequence_length=1, **settings):
        inputs, labels = rows[0] if inputs is None else inputs, rows[1] if labels is None else labels
        spec = ModelSpec(name, family, "y", task, sequence_length=sequence_length, **settings)
        model = build_model(spec, ("a", "b")).fit(inputs, labels)
        profile = profile_training(model, inputs, labels, None)
        version = registry.register(spec, model, {}, {}, {}, name, profile=profile, training_inputs=inputs)
        return name, load_scorer(version.folder, version.digest)

    return fit


@pytest.fixture(scope="module")
def load(registry):
    """MLflow's own loader, from the store alone."""

    def by_name(name):
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(registry.tracking_uri)
        try:
            return mlflow.pyfunc.load_model(f"models:/{name}/1")
        finally:
            mlflow.set_tracking_uri(before)

    return by_name


def test_mlflow_answers_as_sql_does_whatever_the_order_of_columns(register, load, rows):
    name, scorer = register("plain")
    frame = pd.DataFrame(rows[0], columns=["a", "b"]).assign(other="x")[["b", "other", "a"]]
    assert load(name).predict(frame).tolist() == scorer.predict(rows[0]).tolist()


@pytest.mark.parametrize("classes", [["down", "up"], [0, 1], [False, True]])
def test_a_class_is_answered_as_trained(register, load, rows, classes):
    labels = np.array(classes)[(rows[1] > 0).astype(int)]
    name, scorer = register(f"classes_{type(classes[0]).__name__}", "logistic", "classification", labels)
    answers = load(name).predict(pd.DataFrame(rows[0], columns=["a", "b"])).tolist()
    assert answers == scorer.predict(rows[0]).tolist()
    assert set(answers) == set(classes)


def test_what_mlflow_says_of_a_model_is_its_signature(register, load):
    name, _ = register("signed")
    signature = load(name).metadata.signature
    assert signature.inputs.input_names() == ["a", "b"]
    assert [str(kind) for kind in signature.inputs.input_types()] == ["DataType.double", "DataType.double"]
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        load(name).predict(pd.DataFrame({"a": [1.0]}))


def test_a_missing_feature_does_what_the_model_was_trained_to_do(register, load):
    frame = pd.DataFrame({"a": [np.nan, 1.0, np.inf], "b": [1.0, 1.0, 1.0]})
    first, second, third = load(register("left_empty")[0]).predict(frame)
    assert (first, third) == (None, None)
    assert second == pytest.approx(3.0, rel=0.3)
    name, scorer = register("imputed", null_policy="impute")
    filled = np.array([[scorer.profile.median[0], 1.0]])
    assert load(name).predict(frame[:1]).tolist() == scorer.predict(filled).tolist()
    with pytest.raises(DataContractError, match="row 0 lacks a feature"):
        load(register("strict", null_policy="fail")[0]).predict(frame)


def test_a_model_by_group_is_asked_with_its_group_as_text(register, load, rows, by_group):
    groups, labels, X = by_group
    name, scorer = register("by_group", labels=labels, inputs=X, group="symbol", options={"alpha": 1.0})
    frame = pd.DataFrame(rows[0], columns=["a", "b"]).assign(symbol=groups)[["symbol", "b", "a"]]
    answers = load(name).predict(frame)
    assert answers.tolist() == scorer.predict(X).tolist()
    for group in ("even", "odd"):
        own = groups == group
        theirs = make_pipeline(StandardScaler(), Ridge()).fit(rows[0][own], labels[own]).predict(rows[0][own])
        np.testing.assert_allclose(answers[own], theirs, rtol=1e-9, atol=1e-12)
    pooled = scorer.predict(np.hstack([rows[0], np.full((N, 2), -1.0)]))
    assert load(name).predict(frame.assign(symbol="never seen")).tolist() == pooled.tolist()
    some = frame.assign(symbol=np.where(np.arange(N) < 3, None, groups))
    assert load(name).predict(some).tolist() == [*pooled[:3].tolist(), *answers[3:].tolist()]
    in_pandas_text = some.assign(symbol=some.symbol.astype("string"))  # of which a missing value is pandas.NA
    assert ServedModel(scorer).predict(in_pandas_text).tolist() == load(name).predict(some).tolist()
    assert load(name).metadata.signature.inputs.input_names() == ["a", "b", "symbol"]
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        load(name).predict(frame[["a", "b"]])
    with pytest.raises(ModelContractError, match="an array has no column symbol, by which the model answers: give a D"):
        ServedModel(scorer).predict(rows[0])


def test_no_row_has_no_answer(register, load):
    assert len(load(register("nothing")[0]).predict(pd.DataFrame({"a": [], "b": []}, dtype=float))) == 0


def test_a_sequence_model_takes_windows(register, load, rows):
    windows = np.lib.stride_tricks.sliding_window_view(rows[0], 3, axis=0).transpose(0, 2, 1).copy()
    name, scorer = register("windows", "gru", inputs=windows, labels=rows[1][2:], sequence_length=3,
                            options={"epochs": 1, "units": 2})  # fmt: skip
    assert load(name).predict(windows[:5]).tolist() == scorer.predict(windows[:5]).tolist()


@pytest.fixture(scope="module")
def serve(registry):
    """Start ``mlflow models serve`` for a name; returns a function that posts JSON and gives code and answer."""
    servers = []

    def start(name):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        mlflow_command = Path(sys.executable).with_name("mlflow")
        words = ["models", "serve", "-m", f"models:/{name}/1", "--env-manager", "local", "-p", str(port)]
        path = f"{mlflow_command.parent}{os.pathsep}{os.environ['PATH']}"  # it looks for uvicorn there
        environment = {**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": registry.tracking_uri}
        server = subprocess.Popen([mlflow_command, *words], env=environment, start_new_session=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        servers.append(server)
        address = f"http://127.0.0.1:{port}"
        for _ in range(LONGEST_START_SECONDS * 5):
            assert server.poll() is None, server.stdout.read().decode()[-2_000:]
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=5)
                break
            except OSError:
                time.sleep(0.2)

        def post(content):
            request = urllib.request.Request(
                f"{address}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as refused:
                return refused.code, json.load(refused)

        return post

    yield start
    for server in servers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        server.stdout.close()


@pytest.mark.slow
def test_mlflow_serves_one_row_and_many_over_http(register, serve, rows):
    name, scorer = register("served")
    post = serve(name)
    first = {"a": rows[0][0, 0], "b": rows[0][0, 1]}
    assert post({"dataframe_records": [first]}) == (200, {"predictions": scorer.predict(rows[0][:1]).tolist()})
    batch = {"columns": ["a", "b"], "data": rows[0].tolist()}
    assert post({"dataframe_split": batch}) == (200, {"predictions": scorer.predict(rows[0]).tolist()})
    assert post({"dataframe_records": [first, {"a": None, "b": 1.0}]})[1]["predictions"][1] is None
    whole_numbers = [{"a": 1, "b": 2}]
    assert (
        post({"dataframe_records": whole_numbers})[1]["predictions"] == scorer.predict(np.array([[1.0, 2.0]])).tolist()
    )
    code, told = post({"dataframe_records": [{"a": 1.0}]})
    assert code == 400
    assert "b" in json.dumps(told)


@pytest.mark.slow
def test_mlflow_serves_windows_over_http(register, serve, rows):
    windows = np.lib.stride_tricks.sliding_window_view(rows[0], 3, axis=0).transpose(0, 2, 1).copy()
    name, scorer = register("served_windows", "gru", inputs=windows, labels=rows[1][2:], sequence_length=3,
                            options={"epochs": 1, "units": 2})  # fmt: skip
    code, told = serve(name)({"inputs": windows[:4].tolist()})
    assert (code, told) == (200, {"predictions": scorer.predict(windows[:4]).tolist()})


@pytest.mark.slow
def test_mlflow_serves_a_model_by_group_over_http(register, serve, rows, by_group):
    groups, labels, X = by_group
    name, scorer = register("served_by_group", labels=labels, inputs=X, group="symbol")
    post = serve(name)
    frame = pd.DataFrame(rows[0], columns=["a", "b"]).assign(symbol=groups)
    batch = {"columns": frame.columns.tolist(), "data": frame.to_numpy().tolist()}
    assert post({"dataframe_split": batch}) == (200, {"predictions": scorer.predict(X).tolist()})
    unknown = np.hstack([rows[0][:2], np.full((2, 2), -1.0)])
    records = [
        {"a": a, "b": b, "symbol": group} for (a, b), group in zip(rows[0][:2], ("never seen", None), strict=True)
    ]
    assert post({"dataframe_records": records}) == (200, {"predictions": scorer.predict(unknown).tolist()})
    code, told = post({"dataframe_records": [{"a": 1.0, "b": 2.0}]})
    assert code == 400
    assert "symbol" in json.dumps(told)
