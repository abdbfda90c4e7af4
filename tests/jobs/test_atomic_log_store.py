"""Commits that no other process can overwrite, and checkpoints that no other process finds half written."""

import json
import subprocess
import sys
import threading

import deltalake
import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError

N_PROCESSES, N_APPENDS = 3, 15
APPEND = """
import json, sys
from pathlib import Path
from jobs.session import SessionSettings, start_session
home, writer, n = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
spark = start_session(SessionSettings(home, schema="race", master="local[1]", spark={"spark.driver.memory": "1g"}))
acknowledged = []
for i in range(n):
    spark.sql("INSERT INTO appended VALUES (:writer, :i)", args={"writer": writer, "i": i})
    acknowledged.append([writer, i])
print(json.dumps(acknowledged))
spark.stop()
"""


@pytest.fixture
def log_store(spark):
    """``write(file, lines, overwrite)`` of the store, as Delta calls it."""
    jvm = spark._jvm
    conf = spark._jsc.hadoopConfiguration()
    store = jvm.foretable.AtomicLocalLogStore(conf)

    def write(file, *lines, overwrite=False):
        path = jvm.org.apache.hadoop.fs.Path(file.as_uri())
        texts = jvm.java.util.ArrayList()
        for line in lines:
            texts.add(line)
        store.write(path, texts.iterator(), overwrite, conf)

    return write


def test_delta_writes_its_log_through_the_store(spark):
    assert spark.conf.get("spark.delta.logStore.file.impl") == "foretable.AtomicLocalLogStore"


def test_a_second_commit_of_the_same_version_is_refused_and_the_first_stays(log_store, tmp_path):
    commit = tmp_path / "_delta_log" / "00000000000000000000.json"
    log_store(commit, '{"a": 1}', '{"b": "é"}')
    with pytest.raises(Py4JJavaError) as error:
        log_store(commit, '{"a": 2}')
    assert error.value.java_exception.getClass().getName() == "java.nio.file.FileAlreadyExistsException"
    assert commit.read_text(encoding="utf-8") == '{"a": 1}\n{"b": "é"}\n'
    assert [file.name for file in commit.parent.iterdir()] == [commit.name]


def test_overwrite_replaces_the_whole_file(log_store, tmp_path):
    checkpoint = tmp_path / "_last_checkpoint"
    log_store(checkpoint, "a longer first text")
    log_store(checkpoint, "short", overwrite=True)
    assert checkpoint.read_text() == "short\n"


def test_a_commit_of_another_writer_in_between_is_not_overwritten(spark, schema, home):
    spark.sql("CREATE TABLE appended AS SELECT 1L AS x")
    folder = home / "warehouse" / f"{schema}.db" / "appended"
    assert spark.table("appended").count() == 1
    deltalake.write_deltalake(folder, pa.table({"x": pa.array([2], pa.int64())}), mode="append")
    spark.sql("INSERT INTO appended VALUES (3)")
    assert sorted(row.x for row in spark.table("appended").collect()) == [1, 2, 3]
    assert [entry["version"] for entry in deltalake.DeltaTable(folder).history()] == [2, 1, 0]


class Watcher(threading.Thread):
    """Looks at the files of a log that are not hidden, over and over: which checkpoints it saw, and which not whole."""

    def __init__(self, log):
        super().__init__(daemon=True)
        self.log, self.seen, self.parts, self.is_over = log, set(), set(), False

    def run(self):
        while not self.is_over:
            for file in self.log.glob("[!.]*.checkpoint*.parquet"):
                self.seen.add(file.name)
                if file.read_bytes()[-4:] != b"PAR1":
                    self.parts.add(file.name)

    def end(self):
        self.is_over = True
        self.join()


def test_a_checkpoint_has_its_name_once_it_is_whole(spark, schema, home):
    spark.sql("CREATE TABLE appended (x INT) TBLPROPERTIES (delta.checkpointInterval = 1)")
    watcher = Watcher(home / "warehouse" / f"{schema}.db" / "appended" / "_delta_log")
    watcher.start()
    for i in range(8):
        spark.sql("INSERT INTO appended VALUES (:i)", args={"i": i})
    watcher.end()
    assert len(watcher.seen) >= 7
    assert watcher.parts == set()


@pytest.mark.slow
def test_three_processes_that_append_at_once_lose_and_double_nothing(spark, home):
    spark.sql("CREATE SCHEMA IF NOT EXISTS race")
    spark.sql("CREATE OR REPLACE TABLE race.appended (writer INT, i INT)")
    commands = [[sys.executable, "-c", APPEND, str(home), str(n), str(N_APPENDS)] for n in range(N_PROCESSES)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [process.communicate(timeout=600)[0] for process in processes]
    acknowledged = sorted(tuple(pair) for text in said for pair in json.loads(text.splitlines()[-1]))
    assert acknowledged == [(writer, i) for writer in range(N_PROCESSES) for i in range(N_APPENDS)]
    assert sorted((row.writer, row.i) for row in spark.table("race.appended").collect()) == acknowledged
    rows = deltalake.DeltaTable(home / "warehouse" / "race.db" / "appended").to_pyarrow_table().to_pylist()
    assert sorted((row["writer"], row["i"]) for row in rows) == acknowledged
