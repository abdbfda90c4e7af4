"""Session start to the end of the first query: ours against plain PySpark with Delta, in fresh processes, A B A B.

``python -m benchmarks.session_start [pairs]``. Both read the same small Delta table with the same Delta jars; plain
PySpark has the two settings that Delta's documentation asks for. Prints seconds, medians and the ratio; exit code 1
where ours takes more than 1.3 times as long.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.surroundings import fresh_home, load, machine
from jobs.session import SessionSettings, spark_conf

LIMIT = 1.3
QUERY = "SELECT count(*) AS n, sum(x) AS total FROM {table}"
OURS = """
import json, sys, time
start = time.perf_counter()
from pathlib import Path
from jobs.session import SessionSettings, start_session
spark = start_session(SessionSettings(Path(sys.argv[1])))
row = spark.sql(sys.argv[2].format(table="numbers")).collect()[0]
print(json.dumps([time.perf_counter() - start, row.n, row.total]), flush=True)
spark.stop()
"""
PLAIN = """
import json, sys, time
start = time.perf_counter()
from pyspark.sql import SparkSession
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.driver.extraClassPath", sys.argv[3])
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .getOrCreate()
)
row = spark.sql(sys.argv[2].format(table=f"delta.`{sys.argv[1]}/warehouse/foretable.db/numbers`")).collect()[0]
print(json.dumps([time.perf_counter() - start, row.n, row.total]), flush=True)
spark.stop()
"""
MAKE = """
import sys
from pathlib import Path
from jobs.session import SessionSettings, start_session
spark = start_session(SessionSettings(Path(sys.argv[1])))
spark.sql("CREATE TABLE numbers AS SELECT id AS x FROM range(1000)")
spark.stop()
"""


def run(code: str, *arguments: str) -> str:
    """Standard output of the code in a fresh process."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout


def compare(home: Path, n_pairs: int) -> dict[str, list[float]]:
    """Seconds of each start, by contender; refuses to go on where the two do not read the same rows."""
    jars = spark_conf(SessionSettings(home))["spark.driver.extraClassPath"].split(os.pathsep)
    delta = os.pathsep.join(jar for jar in jars if "delta-" in Path(jar).name)
    run(MAKE, str(home))
    seconds: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(n_pairs):
        for name, code in (("plain", PLAIN), ("ours", OURS)):
            elapsed, *result = json.loads(run(code, str(home), QUERY, delta).splitlines()[-1])
            assert result == [1000, 499_500], f"{name} read {result}"
            seconds[name].append(elapsed)
            print(f"{name:5} {elapsed:6.2f} s   {load()}", flush=True)
    return seconds


def main() -> int:
    """Print the comparison; 0 where ours is within the limit."""
    n_pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with fresh_home() as home:
        seconds = compare(home, n_pairs)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["ours"] / medians["plain"]
    print(f"median: plain {medians['plain']:.2f} s, ours {medians['ours']:.2f} s; ratio {ratio:.2f} (limit {LIMIT})")
    print(machine("pyspark"))
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
