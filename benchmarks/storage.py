"""Order events as Foretable keeps them, against Delta's and Spark's defaults: bytes, and time to read.

    python -m benchmarks.storage [millions of events, default 3]

A market is simulated, a file a day, and ingested a day at a time; then the table is maintained. The peer holds the same
rows: a table without properties, to which the same days are appended in the order of arrival, written with Spark's own
Parquet settings, then optimized as well. A third table is laid out as ours and holds prices as whole ticks of a cent
(BIGINT) instead of DECIMAL. Each query gives equal results on all three before it is timed; then rounds are interleaved
in one process, and the median of the ratios of a round is printed.

The claim: fewer bytes than the defaults, and no query that takes a twentieth longer.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.surroundings import fresh_home, load, machine
from jobs.app import App
from jobs.config import Config
from jobs.maintain import maintain
from jobs.pipeline import ingest_step
from jobs.simulator.market import Market, last_for_messages
from jobs.simulator.simulation import simulate
from jobs.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 7
LONGER = 1.05  # medians of the same query differ as much on a quiet machine
OURS, DEFAULTS, TICKS = "orders", "defaults", "ticks"
PRICE = {OURS: "price", DEFAULTS: "price", TICKS: "CAST(price AS DECIMAL(18, 0)) * 0.01BD"}
SPARKS_OWN = {
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.databricks.delta.properties.defaults.parquet.format.version": "1.0.0",
    "spark.sql.files.maxRecordsPerFile": "0",
}
DAY = "event_time >= :start + INTERVAL '24' HOUR AND event_time < :start + INTERVAL '48' HOUR"
HOUR = "event_time >= :start + INTERVAL '30' HOUR AND event_time < :start + INTERVAL '31' HOUR"
QUERIES = {
    "an hour of one product": "SELECT count(*), sum(size), max({price}) FROM {table} WHERE symbol = :symbol AND "
    + HOUR,
    "trades of a day of one product": "SELECT count(*), sum(size), sum({price}) FROM {table} "
    "WHERE symbol = :symbol AND event = 'match' AND " + DAY,
    "three columns of all rows": "SELECT event, sum(size), max({price}) FROM {table} GROUP BY event ORDER BY event",
    "most columns of all rows": "SELECT max(order_id), max(maker_order_id), max(taker_order_id), sum(remaining_size), "
    "sum(byte_offset), max(event_time), max(sequence), max(reason), max(side), sum({price}) FROM {table}",
}


def fill(spark: "SparkSession", app: App, folder: Path, market: Market) -> int:
    """Write the same rows into the three tables, a day at a time; returns their number."""
    plain = spark.newSession()
    plain.sql(f"USE {app.config.schema_name}")
    for name, value in SPARKS_OWN.items():
        plain.conf.set(name, value)
    for number, file in enumerate(simulate(market, folder).files):
        (day := folder / f"day_{number}").mkdir()
        file.rename(day / file.name)
        ingest_step(app, [Source(path=str(day), format="coinbase_full", exchange="simulated")], 0.01)
        arrived = plain.table(OURS).where(f"source_file = '{file.name}'").orderBy("byte_offset").coalesce(1)
        arrived.write.format("delta").mode("append").saveAsTable(DEFAULTS)
    columns = [
        f"CAST(price * 100 AS BIGINT) AS {name}" if name == "price" else name for name in spark.table(OURS).columns
    ]
    spark.sql(
        f"CREATE TABLE {TICKS} CLUSTER BY (exchange, symbol, event_time) AS SELECT {', '.join(columns)} FROM {OURS}"
    )
    maintain(spark, [OURS, TICKS])
    plain.sql(f"OPTIMIZE {DEFAULTS}").collect()
    return spark.table(OURS).count()


def timed(spark: "SparkSession", query: str, table: str, arguments: dict[str, Any]) -> tuple[float, list[Any]]:
    """Seconds and rows of a query."""
    text = query.format(table=table, price=PRICE[table])
    started = time.perf_counter()
    rows = spark.sql(text, args=arguments).collect()
    return time.perf_counter() - started, [tuple(row) for row in rows]


def main() -> int:
    """Compare, then measure; 1 where the claim does not hold."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    print(machine("pyspark", "delta-spark"))
    with fresh_home() as home:
        app = App(is_quiet=True)
        app.config = Config(home=home)
        spark = app.session()
        try:
            market = last_for_messages(Market(), int(millions * 1e6))
            n_rows = fill(spark, app, home / "files", market)
            holds = measured(spark, market, n_rows)
        finally:
            app.close()
    print(load())
    return int(not holds)


def measured(spark: "SparkSession", market: Market, n_rows: int) -> bool:
    """Print bytes and ratios of times; whether the claim holds."""
    tables = (OURS, DEFAULTS, TICKS)
    n_bytes = {}
    for table in tables:
        detail = spark.sql(f"DESCRIBE DETAIL {table}").first()
        n_bytes[table] = detail["sizeInBytes"]
        print(f"{table:9s} {n_rows:,} rows, {detail['numFiles']} files, {n_bytes[table] / n_rows:.1f} bytes a row")
    holds = n_bytes[OURS] < n_bytes[DEFAULTS]
    for name, query in QUERIES.items():
        arguments = {"symbol": "ETH-USD", "start": market.start_time}
        arguments = {key: value for key, value in arguments.items() if f":{key}" in query}
        answers = [timed(spark, query, table, arguments)[1] for table in tables]
        assert answers[0] == answers[1] == answers[2], (name, answers)
        assert answers[0][0][1], f"{name}: no rows, take more events"
        rounds = [{table: timed(spark, query, table, arguments)[0] for table in tables} for _ in range(ROUNDS)]
        seconds = {table: statistics.median(one[table] for one in rounds) for table in tables}
        to_defaults, to_ticks = (statistics.median(one[table] / one[OURS] for one in rounds) for table in tables[1:])
        print(
            f"{name}: {seconds[OURS]:.2f} s, {to_defaults:.2f} times as fast as the defaults, "
            f"{to_ticks:.2f} times as fast as ticks; equal results"
        )
        holds &= to_defaults >= 1 / LONGER
    print(f"the claim {'holds' if holds else 'does NOT hold'}")
    return holds


if __name__ == "__main__":
    sys.exit(main())
