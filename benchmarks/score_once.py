"""Rows that a model is asked about with the optimizer rule off and on, and the time of the query, shape by shape.

``python -m benchmarks.score_once [rows]``. The model is a stand-in that counts its rows: 20 numbers in, their sum
out, for the price of a small dense network. Each shape is run off, on, off, on; first the results must be equal. Exit
code 1 where a shape asks more with the rule on.
"""

import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.surroundings import fresh_home, machine
from jobs.session import SessionSettings, start_session

N_FEATURES = 20
SHAPES = {  # about half of the rows have a positive sum, a tenth is_warm
    "SELECT p": "SELECT id, {p} AS p FROM rows",
    "WHERE p, SELECT p": "SELECT id, {p} AS p FROM rows WHERE {p} > 0",
    "WHERE p AND cheap": "SELECT id, {p} AS p FROM (SELECT * FROM rows WHERE {p} > 0) WHERE is_warm",
    "JOIN, WHERE p": "SELECT id, {p} AS p, name FROM rows JOIN names USING (symbol) WHERE {p} > 0",
    "UNION, WHERE p": "SELECT id, {p} AS p FROM (SELECT * FROM rows UNION ALL SELECT * FROM rows) WHERE {p} > 0",
    "GROUP BY, HAVING p": "SELECT symbol, max({p}) AS p FROM rows WHERE {p} > 0 GROUP BY symbol HAVING max({p}) > 1",
    "ORDER BY p": "SELECT id, {p} AS p FROM rows ORDER BY p",
    "ORDER BY id LIMIT 10": "SELECT id, {p} AS p FROM rows ORDER BY id DESC LIMIT 10",
    "CUBE": "SELECT symbol, is_warm, sum({p}) AS p FROM rows GROUP BY CUBE (symbol, is_warm)",
    "CASE WHEN is_warm": "SELECT id, CASE WHEN is_warm THEN {p} END AS p FROM rows",
    "COALESCE(x, p)": "SELECT id, COALESCE(IF(is_warm, x0, NULL), {p}) AS p FROM rows",
    "is_warm OR p": "SELECT id, x0 AS p FROM rows WHERE is_warm OR {p} > 0",
}


def make_tables(spark: SparkSession, n_rows: int) -> str:
    """Register the tables of the shapes; returns the call of the model."""
    numbers = ", ".join(f"randn({i}) AS x{i}" for i in range(N_FEATURES))
    columns = f"id, id % 7 AS symbol, id % 10 = 0 AS is_warm, {numbers}"
    spark.sql(f"CREATE TABLE rows AS SELECT {columns} FROM range({n_rows})")
    spark.sql("CREATE TABLE names AS SELECT id AS symbol, concat('symbol ', id) AS name FROM range(7)")
    return f"model({', '.join(f'x{i}' for i in range(N_FEATURES))})"


def register_model(spark: SparkSession, log: Path) -> None:
    """The stand-in; it writes the number of rows of each batch into the log."""
    from pyspark.sql.udf import UserDefinedFunction
    from pyspark.util import PythonEvalType

    def model(*columns):  # type: ignore[no-untyped-def]
        import numpy as np
        import pyarrow as pa

        values, is_wanted = columns[:N_FEATURES], columns[N_FEATURES:]
        wanted = np.asarray(is_wanted[0]) if is_wanted else np.ones(len(values[0]), bool)
        with open(log, "a") as file:
            file.write(f"{wanted.sum()}\n")
        inputs = np.stack([column.to_numpy(zero_copy_only=False) for column in values], axis=1)
        hidden = inputs[wanted]
        for width in (256, 256, 256):
            hidden = np.tanh(hidden @ np.full((hidden.shape[1], width), 0.01))
        return pa.array(inputs.sum(axis=1), mask=~wanted)

    function = UserDefinedFunction(
        model, "double", name="foretable.model", evalType=PythonEvalType.SQL_SCALAR_ARROW_UDF
    )
    spark._jsparkSession.udf().registerPython("model", function._judf)


def run(spark: SparkSession, log: Path, query: str, is_on: bool) -> tuple[tuple, int, float]:
    """What comes out (number of rows, sum of the predictions), rows asked about, seconds."""
    spark.conf.set("foretable.score_once", str(is_on).lower())
    log.write_text("")
    start = time.perf_counter()
    rows = spark.sql(query)
    if "ORDER BY" in query:  # to the end: a sum over it would take the order away
        answers = [row.p for row in rows.collect()]
        result = (len(answers), round(sum(answers), 6))
    else:
        result = tuple(rows.selectExpr("count(p)", "round(sum(p), 6)").collect()[0])
    seconds = time.perf_counter() - start
    return result, sum(map(int, log.read_text().split())), seconds


def main() -> int:
    """Print the comparison; 0 where no shape asks more with the rule on."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    is_worse = False
    with fresh_home() as home:
        log = home / "asked"
        spark = start_session(SessionSettings(home))
        register_model(spark, log)
        call = make_tables(spark, n_rows)
        print(f"{n_rows:,} rows; {'shape':21} {'asked off':>10} {'asked on':>10} {'s off':>7} {'s on':>7} {'load':>5}")
        run(spark, log, SHAPES["SELECT p"].format(p=call), True)  # starts the workers
        for name, shape in SHAPES.items():
            runs = [run(spark, log, shape.format(p=call), is_on) for is_on in (False, True, False, True)]
            (result, off, _), (result_on, on, _), _, _ = runs
            assert result == result_on, f"{name}: {result} became {result_on}"
            is_worse = is_worse or on > off
            s_off, s_on = (min(first[2], second[2]) for first, second in (runs[::2], runs[1::2]))
            print(f"{name:35} {off:10,} {on:10,} {s_off:7.2f} {s_on:7.2f} {os.getloadavg()[0]:5.1f}", flush=True)
        spark.stop()
    print(machine("pyspark"))
    return int(is_worse)


if __name__ == "__main__":
    sys.exit(main())
