"""A batch job from end to end, against SQL, against scikit-learn and against deltalake as a reader of its own."""

import csv
import gzip
import itertools
import json
import os
import signal
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.errors import SparkRuntimeException

from jobs.batch_predict import describe, predict_batch, prepare
from jobs.batch_request import BatchRequest
from jobs.run_process import announce
from jobs.stop_request import Stopped
from models.errors import (
    DataContractError,
    ForetableError,
    ModelContractError,
    NothingToDo,
    SafetyError,
    UsageError,
)

_names = itertools.count(1)
ANSWER = ["prediction", "lower", "upper", "status", "error", "model", "version", "digest"]


@pytest.fixture(scope="module")
def ridge(register):
    """A fitted regressor of a and b, its version and the rows it learned from."""
    return register("batch_ridge")


@pytest.fixture
def batch(make_app, schema):
    """``batch("batch_ridge", table=…, to_table=…)`` runs a job and returns its summary."""
    app = make_app(schema=schema)

    def run(model, **request):
        return predict_batch(app, BatchRequest(model, **request))

    run.app = app
    return run


@pytest.fixture
def points(spark, schema, ridge):
    """Table of 50 rows the model learned from and one with a NULL; the last column is no feature."""
    rows = [(i, float(a), float(b)) for i, (a, b) in enumerate(ridge[2][:50])]
    frame = spark.createDataFrame([*rows, (50, None, 1.0)], "id bigint, a double, b double")
    frame.selectExpr("b", "a", "id").write.saveAsTable("points")
    return "points"


def table_rows(home, schema, name, version=None):
    return DeltaTable(home / "warehouse" / f"{schema}.db" / name, version=version).to_pyarrow_table().to_pylist()


def by_id(rows):
    return sorted(rows, key=lambda row: int(row["id"]))


def run_row(spark, run_id):
    (row,) = spark.table("runs").where(f"run_id = '{run_id}'").collect()
    return row


def test_a_table_is_scored_as_sql_and_scikit_learn_score_it(batch, points, spark, home, schema, ridge):
    model, version, inputs = ridge
    summary = batch("batch_ridge", table=points, to_table="scored", name="first")
    expected = {"run": "first", "model": "batch_ridge", "version": version.version, "rows": 51, "ok": 50,
                "null_feature": 1, "unreadable": 0, "output": "scored"}  # fmt: skip
    assert summary == expected
    rows = by_id(table_rows(home, schema, "scored"))
    assert list(rows[0]) == ["b", "a", "id", *ANSWER]
    assert [row["prediction"] for row in rows[:50]] == model.predict(inputs[:50]).tolist()  # the estimator itself
    in_sql = spark.sql("SELECT predict('batch_ridge', struct(*)) AS p FROM points ORDER BY id").collect()
    assert [row["prediction"] for row in rows] == [row.p for row in in_sql]
    assert {(row["model"], row["version"], row["digest"]) for row in rows} == {("batch_ridge", 1, version.digest)}
    assert {row["status"] for row in rows[:50]} == {"OK"}
    assert (rows[50]["status"], rows[50]["prediction"]) == ("NULL_FEATURE", None)
    assert rows[50]["error"] == "feature a is NULL or NaN"
    run = run_row(spark, "first")
    assert (run.job, run.target, run.state) == ("batch_predict", "scored", "done")
    assert (run.inputs, run.outputs) == ({"points": 0}, {"scored": 1})
    as_made = DeltaTable(home / "warehouse" / f"{schema}.db" / "scored", version=0)
    assert as_made.file_uris() == []  # files without a commit would be in the way of a rerun
    assert all(field.nullable for field in as_made.schema().fields)
    assert (run.n_read, run.n_good, run.n_quarantined) == (51, 51, 0)
    log = (home / "logs" / "first.log").read_text()
    assert "table points at version 0, 51 rows, into scored" in log
    assert "scoring and writing: " in log
    assert log.splitlines()[-1].endswith(" done")


def test_lines_of_json_become_rows_in_every_case(batch, spark, home, schema, ridge, tmp_path):
    model, _, _ = ridge
    lines = [
        '{"id": 1, "a": 1.5, "b": -2, "note": "x,\\"y\\""}',
        '{"id": 2, "a": "0.25", "b": true}',
        '{"id": 3, "a": null, "b": 1}',
        '{"id": 4, "b": NaN, "a": 1}',
        '{"id": 5, "a": Infinity, "b": 1}',
        '{"id": 6, "a": "high", "b": 1}',
        '{"id": 7, "a": 1',
        "[8]",
        "",
        '{"id": 10, "a": 1, "a": 2, "b": 3}',
        '{"id": 9007199254740993, "a": 3, "b": 4, "more": {"k": [1.10, "z"]}}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    summary = batch("batch_ridge", files=str(tmp_path / "in.jsonl"), to_table="scored", name="json")
    assert (summary["rows"], summary["ok"], summary["unreadable"]) == (11, 3, 5)
    rows = table_rows(home, schema, "scored")
    good = {row["id"]: row for row in rows if row["id"] is not None}
    wanted = {1: [1.5, -2.0], 2: [0.25, 1.0], 9007199254740993: [3.0, 4.0]}
    for key, features in wanted.items():
        assert good[key]["status"] == "OK"
        assert good[key]["prediction"] == model.predict(np.array([features]))[0]
    assert good[1]["note"] == 'x,"y"'
    assert good[9007199254740993]["more"] == '{"k":[1.10,"z"]}'
    assert [(good[key]["status"], good[key]["error"]) for key in (3, 4, 5)] == [
        ("NULL_FEATURE", "feature a is NULL or NaN"),
        ("NULL_FEATURE", "feature b is NULL or NaN"),
        ("OUT_OF_RANGE", "feature a is infinite or too large for the model"),
    ]
    assert (good[6]["status"], good[6]["error"], good[6]["b"]) == ("BAD_VALUE", 'a = "high" is no DOUBLE', 1.0)
    unread = sorted((row["error"], row["status"]) for row in rows if row["id"] is None)
    assert [(error.partition(":")[0], status) for error, status in unread] == [
        ("in.jsonl line 10", "DUPLICATE_KEY"),
        ("in.jsonl line 7", "NOT_JSON"),
        ("in.jsonl line 8", "NOT_AN_OBJECT"),
        ("in.jsonl line 9", "BLANK_LINE"),
    ]
    assert all(row["prediction"] is None for row in rows if row["status"] != "OK")
    run = run_row(spark, "json")
    assert (run.n_read, run.n_good, run.n_quarantined) == (11, 6, 5)
    assert list(run.input_files) == [str(tmp_path / "in.jsonl")]


def test_a_name_is_done_once_and_means_one_thing(batch, points, spark, home, schema):
    batch("batch_ridge", table=points, to_table="scored", name="nightly")
    before = table_rows(home, schema, "scored")
    with pytest.raises(NothingToDo, match="nightly is done already"):
        batch("batch_ridge", table=points, to_table="scored", name="nightly")
    with pytest.raises(SafetyError, match="nightly was done before with another input, model version or output"):
        batch("batch_ridge", table=points, to_table="others", name="nightly")
    spark.sql("INSERT INTO points VALUES (0.5, 0.5, 51)")
    with pytest.raises(SafetyError, match="another input"):
        batch("batch_ridge", table=points, to_table="scored", name="nightly")
    assert table_rows(home, schema, "scored") == before


@pytest.mark.slow
def test_a_table_is_added_to_or_replaced_only_where_asked(batch, points, spark, home, schema):
    batch("batch_ridge", table=points, to_table="scored")
    with pytest.raises(SafetyError, match="the table scored exists: take --mode append"):
        batch("batch_ridge", table=points, to_table="scored", name="again")
    summary = batch("batch_ridge", table=points, to_table="scored", name="again", mode="append")
    assert (summary["run"], summary["rows"]) == ("again.2", 51)
    assert len(table_rows(home, schema, "scored")) == 51 + 51
    batch("batch_ridge", query="SELECT a, b FROM points WHERE id = 0", to_table="scored", mode="overwrite", name="one")
    assert [row["status"] for row in table_rows(home, schema, "scored")] == ["OK"]
    assert len(table_rows(home, schema, "scored", version=2)) == 102
    assert run_row(spark, "one").n_read == 1
    assert [run_row(spark, name).state for name in ("again", "again.2")] == ["failed", "done"]


@pytest.mark.parametrize(
    ("to_format", "is_gzip"),
    [
        ("csv", False),
        ("tfrecord", True),
        pytest.param("jsonl", True, marks=pytest.mark.slow),
        pytest.param("parquet", False, marks=pytest.mark.slow),
    ],
)
def test_files_hold_every_row_and_a_manifest(batch, points, tmp_path, to_format, is_gzip, ridge):
    model, version, inputs = ridge
    out = tmp_path / "out"
    batch("batch_ridge", table=points, to_files=str(out), to_format=to_format, is_gzip=is_gzip, keep=("ID",))
    manifest = json.loads((out / "_SUCCESS").read_text())
    assert (manifest["rows"], manifest["statuses"]) == (51, {"OK": 50, "NULL_FEATURE": 1})
    assert (manifest["model"], manifest["digest"]) == ("batch_ridge", version.digest)
    assert manifest["columns"] == ["id", *ANSWER]
    files = sorted(file for file in out.iterdir() if file.name != "_SUCCESS")
    assert [file.name for file in files] == [one["file"] for one in manifest["files"]]
    assert all(sha256(file) == one["sha256"] for file, one in zip(files, manifest["files"], strict=True))
    assert files[0].name == f"part-00000.{to_format}" + (".gz" if is_gzip else "")
    rows = by_id(row for file in files for row in READ[to_format](file, is_gzip))
    expected = model.predict(inputs[:50])
    given = [float(row["prediction"]) for row in rows[:50]]
    if to_format == "tfrecord":
        expected = expected.astype(np.float32)  # an Example holds no more
    assert given == expected.tolist()
    assert [row["status"] for row in rows] == ["OK"] * 50 + ["NULL_FEATURE"]
    assert not rows[50]["prediction"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["out"]


def sha256(file):
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def _content(file, is_gzip):
    return gzip.decompress(file.read_bytes()) if is_gzip else file.read_bytes()


def _read_tfrecord(file, is_gzip):
    from jobs.tfrecord import read_records
    from jobs.tfrecord_example import decode_example

    return [decode_example(record.data) for record in read_records([_content(file, is_gzip)])]


READ = {
    "jsonl": lambda file, is_gzip: [json.loads(line) for line in _content(file, is_gzip).splitlines()],
    "csv": lambda file, is_gzip: list(csv.DictReader(_content(file, is_gzip).decode().splitlines())),
    "tfrecord": _read_tfrecord,
    "parquet": lambda file, is_gzip: pq.read_table(file).to_pylist(),
}


def test_a_folder_is_replaced_only_where_asked_and_only_our_own(batch, points, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    batch("batch_ridge", table=points, to_files=str(out))
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(SafetyError, match="is not empty: take --mode overwrite"):
        batch("batch_ridge", table=points, to_files=str(out))
    with pytest.raises(SparkRuntimeException, match="USER_RAISED"):
        batch(
            "batch_ridge",
            query="SELECT a, CAST(raise_error('no') AS DOUBLE) AS b FROM points",
            to_files=str(out),
            mode="overwrite",
        )
    assert {file.name: file.read_bytes() for file in out.iterdir()} == first
    batch("batch_ridge", query="SELECT 1.0D AS a, 2.0D AS b", to_files=str(out), mode="overwrite")
    assert json.loads((out / "_SUCCESS").read_text())["rows"] == 1
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(SafetyError, match="holds other files"):
        batch("batch_ridge", table=points, to_files=str(photos), mode="overwrite")
    assert (photos / "cat.jpg").exists()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["out", "photos"]


def test_what_killed_runs_left_beside_the_output_goes_and_what_a_running_one_has_stays(batch, points, home, tmp_path):
    for name in ("dead", "alive"):
        (tmp_path / f".out.{name}.partial").mkdir()
    with announce(home, "alive"):
        batch("batch_ridge", table=points, to_files=str(tmp_path / "out"), name="now")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == [".out.alive.partial", "out"]


def test_features_that_do_not_fit_are_refused_before_a_task_starts(batch, points, spark, tmp_path):
    (tmp_path / "in.csv").write_text("a,c\n1,2\n")
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n')
    cases = [
        ({"query": "SELECT a FROM points"}, "needs the feature b"),
        ({"query": "SELECT 'x' AS a, b FROM points"}, "feature a of model batch_ridge/1 must be a number"),
        ({"files": str(tmp_path / "in.csv")}, "needs the feature b, which .*in.csv lacks: it has a, c"),
        ({"files": str(tmp_path / "in.jsonl")}, "needs the feature b, which the input lacks: it has a"),
    ]
    n_runs = spark.table("runs").count()
    for source, message in cases:
        before = len(spark.sparkContext.statusTracker().getJobIdsForGroup())
        with pytest.raises((ModelContractError, ForetableError, Exception), match=message) as caught:
            batch("batch_ridge", **source, to_table="scored")
        assert exit_code(caught.value) == 4
        if "query" in source:
            assert len(spark.sparkContext.statusTracker().getJobIdsForGroup()) == before
    assert spark.table("runs").count() == n_runs
    assert not spark.catalog.tableExists("scored")


def exit_code(error):
    from jobs.spark_errors import translate

    return (error if isinstance(error, ForetableError) else translate(error)).exit_code


def test_columns_that_clash_or_are_not_there_are_named(batch, points, tmp_path):
    clash = "SELECT a, b, 1 AS Status FROM points"
    with pytest.raises(
        UsageError, match="the input has a column Status, and so has the output: leave it out with --keep"
    ):
        batch("batch_ridge", query=clash, to_table="scored")
    assert batch("batch_ridge", query=clash, to_table="scored", keep=())["rows"] == 51
    with pytest.raises(UsageError, match="--keep names c, which the input lacks: it has a, b, id"):
        batch("batch_ridge", table=points, to_table="other", keep=("c",))
    (tmp_path / "in.jsonl").write_text('{"a": 1, "A": 2, "b": 3}\n')
    with pytest.raises(DataContractError, match="the columns a and A differ in case alone"):
        batch("batch_ridge", files=str(tmp_path / "in.jsonl"), to_table="other")


@pytest.mark.slow
def test_nested_features_and_sequences_come_from_tables_and_json(batch, spark, schema, home, tmp_path, register, ridge):
    pytest.importorskip("tensorflow")
    model, _, inputs = register("batch_steps", "lstm", sequence_length=3, epochs=1)
    steps = [[{"b": float(b), "a": float(a)} for a, b in window] for window in inputs[:4]]
    lines = [*({"id": i, "features": window} for i, window in enumerate(steps)), {"id": 4, "features": steps[0][1:]}]
    (tmp_path / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    batch("batch_steps", files=str(tmp_path / "steps.jsonl"), to_table="from_json", keep=("id",))
    rows = by_id(table_rows(home, schema, "from_json"))
    assert [row["prediction"] for row in rows[:4]] == pytest.approx(model.predict(inputs[:4]).tolist(), abs=1e-6)
    assert (rows[4]["status"], rows[4]["error"]) == ("SHAPE", "the sequence has fewer than 3 rows")
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ModelContractError, match="reads the last 3 rows: give JSON lines with features"):
        batch("batch_steps", files=str(tmp_path / "in.csv"), to_table="scored")
    ridge_inputs = ridge[2]
    (tmp_path / "one.jsonl").write_text(json.dumps({"features": {"b": ridge_inputs[0][1], "a": ridge_inputs[0][0]}}))
    batch("batch_ridge", files=str(tmp_path / "one.jsonl"), to_table="one")
    assert table_rows(home, schema, "one")[0]["prediction"] == ridge[0].predict(ridge_inputs[:1])[0]
    spark.sql("SELECT 7 AS id, named_struct('b', 2.0D, 'a', 1.0D, 'z', 'x') AS features").write.saveAsTable("nested")
    batch("batch_ridge", table="nested", to_table="from_table", keep=("id",))
    assert table_rows(home, schema, "from_table")[0]["prediction"] == ridge[0].predict(np.array([[1.0, 2.0]]))[0]


def test_a_classifier_gives_labels_and_probabilities(batch, points, home, schema, tmp_path, register):
    model, _, inputs = register("batch_side", family="logistic", task="classification", classes=["down", "up"])
    batch("batch_side", table=points, to_files=str(tmp_path / "out"), to_format="csv", keep=("id", "a", "b"))
    rows = by_id(row for file in (tmp_path / "out").glob("part*") for row in READ["csv"](file, False))
    inputs = np.array([[float(row["a"]), float(row["b"])] for row in rows[:50]])
    assert [row["prediction"] for row in rows[:50]] == model.predict(inputs).tolist()
    given = [json.loads(row["probabilities"]) for row in rows[:50]]
    assert [[one["down"], one["up"]] for one in given] == model.predict_probability(inputs).tolist()
    assert "lower" not in rows[0]


@pytest.mark.slow
def test_files_of_several_kinds_agree(batch, home, schema, ridge, tmp_path, spark):
    """The same 20 rows as CSV, JSON, Parquet and TFRecord, plain and gzip."""
    from jobs.tfrecord import frame
    from jobs.tfrecord_example import encode_example

    model, _, inputs = ridge
    inputs = inputs[:20].astype(np.float32).astype(np.float64)  # an Example holds 32 bits
    rows = [{"id": i, "a": float(a), "b": float(b), "name": f'é "{i}", ok\nnext'} for i, (a, b) in enumerate(inputs)]
    quoted = [str(row["name"]).replace('"', '""') for row in rows]
    text = "id,a,b,name\r\n" + "".join(
        f'{row["id"]},{row["a"]!r},{row["b"]!r},"{name}"\r\n' for row, name in zip(rows, quoted, strict=True)
    )
    files = {
        "in.csv": text.encode(),
        "in.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "in.tfrecord": b"".join(frame(encode_example(row)) for row in rows),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    spark.createDataFrame(rows, "id bigint, a double, b double, name string").coalesce(1).write.parquet(
        str(tmp_path / "in.parquet")
    )
    expected = model.predict(inputs).tolist()
    for number, name in enumerate(["in.csv.gz", "in.jsonl", "in.tfrecord.gz", "in.parquet"]):
        types = None if name == "in.parquet" else "id BIGINT"
        batch("batch_ridge", files=str(tmp_path / name), types=types, to_table=f"scored_{number}", parallelism=2)
        scored = by_id(table_rows(home, schema, f"scored_{number}"))
        assert [row["prediction"] for row in scored] == expected, name
        assert [(row["id"], row["name"]) for row in scored] == [(row["id"], row["name"]) for row in rows], name


def test_stopping_leaves_no_output_and_says_so_in_runs(batch, points, spark, home, tmp_path):
    spark.udf.register("slowly", slowly, "double")

    def ask():
        while not list(tmp_path.glob(".out.stopped.partial")):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    request = BatchRequest("batch_ridge", query="SELECT slowly(a) AS a, b FROM points", to_files=str(tmp_path / "out"),
                           name="stopped")  # fmt: skip
    begun = time.monotonic()
    with pytest.raises(Stopped) as caught:
        predict_batch(batch.app, request)
    asking.join()
    assert time.monotonic() - begun < 30
    assert caught.value.exit_code == 143
    assert list(tmp_path.iterdir()) == []
    assert run_row(spark, "stopped").state == "cancelled"
    assert "ended by Stopped" in (home / "logs" / "stopped.log").read_text()


def slowly(value):
    import time

    time.sleep(2)
    return value


def test_a_dry_run_tells_rows_columns_and_target_and_writes_nothing(batch, points, spark):
    request = BatchRequest("batch_ridge", table=points, to_table="scored", keep=("id",))
    request.check()
    plan = describe(prepare(batch.app, request, batch.app.registry.resolve("batch_ridge"), "dry"))
    assert (plan["model"], plan["rows"], plan["input_columns"]) == ("batch_ridge/1", 51, "b, a, id")
    assert plan["output_columns"] == ", ".join(["id", *ANSWER])
    assert not spark.catalog.tableExists("scored")
    assert spark.table("runs").count() == 0


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({}, UsageError, "give one input"),
        ({"table": "t", "files": "f", "to_table": "o"}, UsageError, "give one input"),
        ({"table": "t"}, UsageError, "give one output"),
        ({"table": "t", "to_table": "o", "types": "a INT"}, UsageError, "tell of files"),
        ({"table": "t", "to_files": "o", "mode": "append"}, UsageError, "--mode append is for --to-table"),
        ({"table": "t", "to_table": "o", "is_gzip": True}, UsageError, "--gzip is for --to-files"),
        (
            {"table": "t", "to_files": "o", "to_format": "parquet", "is_gzip": True},
            UsageError,
            "compressed in themselves",
        ),
        ({"table": "t", "to_table": "Features"}, SafetyError, "features is kept by other jobs"),
        ({"table": "t", "to_table": "T", "mode": "overwrite"}, SafetyError, "t is the input"),
        ({"files": "/x/in/*.csv", "to_files": "/x"}, SafetyError, "holds the input"),
        ({"table": "t", "to_table": "o", "name": "a/b"}, UsageError, "cannot name a run"),
    ],
)
def test_what_does_not_go_together_is_refused(request_, error, message):
    with pytest.raises(error, match=message):
        BatchRequest("m", **request_).check()
