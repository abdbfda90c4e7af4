import os
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException

from jobs.session import SessionSettings, spark_conf
from models.errors import StorageError, UsageError

IN_A_FRESH_PROCESS = """
import sys
from pathlib import Path
from jobs.session import SessionSettings, start_session
spark = start_session(SessionSettings(Path(sys.argv[1]), master=sys.argv[2], spark={"spark.driver.memory": "1g"}))
spark.sql("CREATE TABLE t AS SELECT 1 AS x")
print(spark.sql("SELECT sum(x) AS total FROM t").collect()[0].total)
spark.stop()
"""


@pytest.fixture
def settings(tmp_path, home, monkeypatch):
    """Makes settings of a session that is not started, with the jars of the suite."""
    monkeypatch.setenv("JAVA_HOME", os.environ.get("JAVA_HOME", ""))  # spark_conf sets it: put back afterwards
    (tmp_path / "jars").symlink_to(home / "jars")
    return lambda **values: SessionSettings(home=tmp_path, **values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension,foretable.Extensions"),
        ("spark.sql.legacy.parameterSubstitution.constantsOnly", "true"),
        ("spark.sql.execution.arrow.pythonUDF.columnarInput.enabled", "false"),
        ("spark.sql.session.timeZone", "UTC"),
        ("spark.sql.ansi.enabled", "true"),
        ("spark.sql.shuffle.partitions", "2"),
        ("spark.databricks.delta.snapshotPartitions", "1"),
        ("spark.sql.sources.parallelPartitionDiscovery.parallelism", "8"),
        ("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"),
        ("spark.driver.host", "127.0.0.1"),
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.ui.showConsoleProgress", "false"),
    ],
)
def test_a_setting_of_the_design_is_in_force(spark, name, value):
    assert spark.conf.get(name) == value


def test_opening_a_session_loads_nothing_that_only_training_needs():
    code = "import sys, jobs.open_session; print({'sklearn', 'scipy', 'pandas', 'numba', 'mlflow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_thrift_server_would_listen_on_loopback_only(spark):
    hadoop = spark._jsparkSession.sessionState().newHadoopConf()
    assert hadoop.get("hive.server2.thrift.bind.host") == "127.0.0.1"


def test_no_socket_listens_off_loopback(spark, open_ports):
    found = open_ports([psutil.Process(spark._jvm.ProcessHandle.current().pid()), psutil.Process()])
    assert found
    assert all(is_loopback for is_loopback, _ in found)
    assert spark.sparkContext.uiWebUrl is None


def test_times_are_utc_in_sql_the_jvm_the_driver_and_the_workers(spark):
    row = spark.sql("SELECT current_timezone() AS zone, TIMESTAMP'2024-07-01 12:00:00' AS noon").collect()[0]
    assert row == ("UTC", datetime(2024, 7, 1, 12))
    assert spark._jvm.java.util.TimeZone.getDefault().getID() == "UTC"

    def zone_and_python(_):
        import time

        import pyarrow as pa

        yield pa.RecordBatch.from_pydict({"zone": [time.strftime("%Z")], "python": [sys.executable]})

    [worker] = spark.range(1, numPartitions=1).mapInArrow(zone_and_python, "zone string, python string").collect()
    assert worker == ("UTC", sys.executable)


def test_bound_parameters_work_with_delta(spark, schema):
    text = "INSERT INTO gaps SELECT :exchange, 'A', 0, :first, 6, 2, TIMESTAMP'2024-01-01', TIMESTAMP'2024-01-02'"
    spark.sql(text, args={"exchange": "it's; --", "first": 5})
    read = "SELECT first_missing FROM IDENTIFIER(:t) WHERE exchange = :exchange"
    rows = spark.sql(read, args={"t": "gaps", "exchange": "it's; --"}).collect()
    assert [row.first_missing for row in rows] == [5]
    spark.sql("DELETE FROM gaps WHERE first_missing = :first", args={"first": 5})
    spark.sql("EXECUTE IMMEDIATE 'SELECT count(*) AS n FROM gaps WHERE symbol = ?' USING 'A'").collect()
    assert spark.table("gaps").count() == 0


def test_files_are_written_in_parquet_2_with_zstd_and_microseconds(spark, schema, home):
    spark.sql("CREATE TABLE instants AS SELECT TIMESTAMP'2024-01-01 00:00:00.123456' AS instant")
    [file] = (home / "warehouse" / f"{schema}.db" / "instants").glob("part-*.parquet")
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert column.physical_type == "INT64"
    assert "microseconds" in str(pq.ParquetFile(file).schema.column(0).logical_type)
    assert column.encodings == ("DELTA_BINARY_PACKED",)  # of Parquet 2: half the bytes for times and sequences


def test_a_table_without_a_format_is_delta_and_lies_under_the_home(spark, schema, home):
    spark.sql("CREATE TABLE plain AS SELECT 1 AS x")
    assert (home / "warehouse" / f"{schema}.db" / "plain" / "_delta_log").is_dir()


def test_a_failed_query_prints_nothing_by_itself(spark, schema, capfd):
    with pytest.raises(AnalysisException):
        spark.sql("SELECT nonsense FROM gaps")
    with pytest.raises(AnalysisException):
        spark.table("gaps").select("nonsense")
    assert capfd.readouterr() == ("", "")


def test_no_metastore_database_is_made_anywhere(spark, schema, home):
    assert spark.conf.get("spark.sql.catalogImplementation") == "in-memory"
    assert not [path for path in (Path.cwd() / "metastore_db", Path.cwd() / "derby.log") if path.exists()]


@pytest.fixture
def local_files(spark):
    """Hadoop's file system of this machine, as Spark and Delta get it."""
    files = spark._jvm.org.apache.hadoop.fs.FileSystem.getLocal(spark._jsc.hadoopConfiguration())
    assert files.getRaw().getClass().getName() == "foretable.LocalFiles"
    return files


def test_a_mode_of_a_file_is_set_as_chmod_sets_it(spark, local_files, tmp_path):
    file = tmp_path / "a b"
    file.touch()
    for mode in (0o640, 0o1777):
        permission = spark._jvm.org.apache.hadoop.fs.permission.FsPermission(oct(mode)[2:])
        local_files.setPermission(hadoop_path(spark, file), permission)
        assert stat.S_IMODE(file.stat().st_mode) == mode


def test_links_are_told_from_files_and_from_nothing(spark, local_files, tmp_path):
    (tmp_path / "file").write_text("four")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    found = {
        name: local_files.getFileLinkStatus(hadoop_path(spark, tmp_path / name)) for name in ("file", "link", "lost")
    }
    assert {name: status.isSymlink() for name, status in found.items()} == {"file": False, "link": True, "lost": True}
    assert found["file"].getLen() == 4
    assert found["link"].getSymlink().toString() == f"file:{tmp_path}/file"
    with pytest.raises(Py4JJavaError, match="FileNotFoundException"):
        local_files.getFileLinkStatus(hadoop_path(spark, tmp_path / "absent"))


def hadoop_path(spark, path):
    return spark._jvm.org.apache.hadoop.fs.Path(str(path))


def test_the_session_starts_in_its_schema_and_a_new_session_can_use_it(spark, schema):
    assert spark.sql("SELECT current_schema()").collect()[0][0] == schema
    other = spark.newSession()
    assert other.table(f"{schema}.gaps").count() == 0


def test_a_users_setting_wins_and_any_setting_passes_through(settings):
    conf = spark_conf(settings(spark={"spark.sql.shuffle.partitions": "7", "spark.executor.cores": "3"}))
    assert (conf["spark.sql.shuffle.partitions"], conf["spark.executor.cores"]) == ("7", "3")


def test_a_users_java_options_and_class_path_come_on_top_of_ours(settings):
    ours = spark_conf(settings())
    names = ("spark.driver.extraClassPath", "spark.executor.extraClassPath", "spark.driver.extraJavaOptions")
    theirs = spark_conf(settings(spark={names[0]: "/a.jar", names[1]: "/b.jar", names[2]: "-Xss4m"}))
    assert theirs[names[0]] == ours[names[0]] + ":/a.jar"
    assert theirs[names[1]] == "/b.jar"  # executors get our jars from the driver
    assert names[1] not in ours
    assert theirs[names[2]] == ours[names[2]] + " -Xss4m"


def test_a_cluster_chooses_its_own_addresses_memory_and_parallelism(settings):
    conf = spark_conf(settings(master="spark://host:7077"))
    assert conf["spark.master"] == "spark://host:7077"
    chosen_here = {"spark.driver.host", "spark.driver.bindAddress", "spark.driver.memory", "spark.default.parallelism"}
    assert chosen_here & set(conf) == set()


def test_a_home_that_cannot_be_written_is_one_sentence_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"^the home .*/file/home cannot be written \(Not a directory\): set"):
        spark_conf(SessionSettings(home=tmp_path / "file" / "home"))


def test_a_machine_without_java_is_told_so_before_anything_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("jobs.java.importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="Spark needs Java 17 or 21"):
        spark_conf(SessionSettings(home=tmp_path / "home", maven_mirror="http://127.0.0.1:9"))


@pytest.mark.slow
def test_a_home_with_a_space_in_its_name_works_from_another_folder(tmp_path, home):
    new_home = tmp_path / "a home"
    new_home.mkdir()
    (new_home / "jars").symlink_to(home / "jars")
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS, str(new_home), "local[1]"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert (new_home / "warehouse" / "foretable.db" / "t" / "_delta_log").is_dir()
    assert (new_home / "logs" / "spark.log").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["a home"]


@pytest.mark.slow
def test_a_master_that_spark_does_not_know_is_one_sentence(tmp_path, home):
    (tmp_path / "jars").symlink_to(home / "jars")
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path), "nonsense"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("models.errors.UsageError: Spark did not start on nonsense (")
    assert sentence.endswith("check --master and spark settings")
