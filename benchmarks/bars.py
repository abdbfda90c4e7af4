"""Bars of trades: our pass by file against the pattern of Databricks Labs' tempo, and against DuckDB on the same files.

    python -m benchmarks.bars [trades, default 32,000,000]

tempo's ``calc_bars`` aggregates four times (first and last row by MIN and MAX of a struct, lowest, highest) and joins
the four results; it gives open, high, low and close. Ours gives these, and volume, vwap, counts and sizes of both sides
in the same pass: more work, and the ratio says what is left of the advantage. DuckDB computes what ours does of trades.
Equal open, high, low, close, volume, vwap and counts are asserted first; then rounds are interleaved in one process,
and the median of the ratios of a round is printed; that of rows which pass through Spark, as new ones do in a table
with bars, is printed for comparison. Spark needs 0.2 s before it reads a row, so fewer trades give a lower ratio to
DuckDB. Claims: at least 1.8 times as fast as the pattern, 0.7 times as fast as DuckDB.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.surroundings import fresh_home, load, machine
from jobs.app import App
from jobs.bar_parts import parts_of_rows
from jobs.bar_stretches import bars_of_files
from jobs.config import Config
from jobs.resample_bars import bars_of_parts, bars_of_sums

BAR_SECONDS = 60
CLAIM_PATTERN, CLAIM_DUCKDB = 1.8, 0.7
ROUNDS = 5
N_FILES = 16
SYMBOLS = ("BTC-USD", "ETH-USD", "LTC-USD", "SOL-USD")
START_US = 1_704_153_600_000_000
OF_DUCKDB = """
    SELECT symbol, make_timestamp(epoch_us(trade_time) // 60000000 * 60000000) AS bar_start,
        arg_min(price, sequence) AS open, max(price) AS high, min(price) AS low, arg_max(price, sequence) AS close,
        sum(size) AS volume, sum(price::DOUBLE * size::DOUBLE) / sum(size)::DOUBLE AS vwap, count(*) AS n_trades,
        count(*) FILTER (taker_side = 'buy') AS n_buy_trades, count(*) FILTER (taker_side = 'sell') AS n_sell_trades,
        sum(size) FILTER (taker_side = 'buy') AS buy_volume, sum(size) FILTER (taker_side = 'sell') AS sell_volume
    FROM read_parquet($files)
    GROUP BY ALL
"""
COMPARED = ["symbol", "bar_start", "open", "high", "low", "close"]


def _write_trades(folder: Path, n_trades: int) -> list[str]:
    """Files of trades, each of a stretch of time, one trade an instant."""
    random = np.random.default_rng(0)
    price = pa.decimal128(18, 8)
    for i, rows in enumerate(np.array_split(np.arange(n_trades), N_FILES)):
        cents = 10_000 + np.cumsum(random.integers(-1, 2, len(rows))) % 500
        columns = {
            "exchange": pa.array(["x"] * len(rows)),
            "symbol": pa.array(np.array(SYMBOLS)[random.integers(0, len(SYMBOLS), len(rows))]),
            "trade_id": pa.array(rows),
            "epoch": pa.array(np.zeros(len(rows), dtype=np.int64)),
            "sequence": pa.array(rows),
            "trade_time": pa.array(START_US + rows * 250_000).cast(pa.timestamp("us", "UTC")),
            "price": pa.array(cents / 100).cast(price, safe=False),
            "size": pa.array(random.integers(1, 1_000, len(rows)) / 1_000).cast(price, safe=False),
            "taker_side": pa.array(np.array(["buy", "sell"])[random.integers(0, 2, len(rows))]),
        }
        pq.write_table(
            pa.table(columns), folder / f"part_{i}.parquet", compression="zstd", store_decimal_as_integer=True
        )
    return sorted(map(str, folder.glob("*.parquet")))


def _by_file(spark: SparkSession, files: list[str]) -> DataFrame:
    bars = bars_of_files(spark, {"trades": files}, BAR_SECONDS)
    assert bars is not None
    return bars_of_sums(bars, BAR_SECONDS)


def _by_row(spark: SparkSession, files: list[str]) -> DataFrame:
    return bars_of_parts(parts_of_rows(spark.read.parquet(*files), "trades", BAR_SECONDS), BAR_SECONDS)


def _pattern(spark: SparkSession, files: list[str]) -> DataFrame:
    """``calc_bars`` of tempo 0.1: series by symbol, the price as metric, ties by sequence."""
    trades = spark.read.parquet(*files).select("exchange", "symbol", "trade_time", "sequence", "price")
    keyed = trades.withColumn("agg_key", F.window("trade_time", f"{BAR_SECONDS} seconds"))
    row = keyed.withColumn("struct_cols", F.struct("trade_time", "sequence", "price"))
    keys = ["exchange", "symbol", "agg_key"]
    parts = [
        row.groupBy(*keys).agg(F.min("struct_cols")["price"].alias("open")),
        keyed.groupBy(*keys).agg(F.max("price").alias("high")),
        keyed.groupBy(*keys).agg(F.min("price").alias("low")),
        row.groupBy(*keys).agg(F.max("struct_cols")["price"].alias("close")),
    ]
    starts = [part.withColumn("bar_start", F.col("agg_key")["start"]).drop("agg_key") for part in parts]
    bars = starts[0]
    for part in starts[1:]:
        bars = bars.join(part, ["exchange", "symbol", "bar_start"])
    return bars


def _duckdb(connection: duckdb.DuckDBPyConnection, files: list[str]) -> pa.Table:
    return connection.sql(OF_DUCKDB, params={"files": files}).to_arrow_table()


def _sorted(table: pa.Table, columns: list[str]) -> pd.DataFrame:
    frame = table.select(columns).to_pandas()
    frame["bar_start"] = pd.to_datetime(frame["bar_start"], utc=True).astype("datetime64[us, UTC]")
    return frame.sort_values(["symbol", "bar_start"]).reset_index(drop=True)


def _assert_equal(ours: pa.Table, pattern: pa.Table, duck: pa.Table) -> int:
    pd.testing.assert_frame_equal(_sorted(ours, COMPARED), _sorted(pattern, COMPARED))
    of_both = [*COMPARED, "volume", "vwap", "n_trades", "n_buy_trades", "n_sell_trades", "buy_volume", "sell_volume"]
    pd.testing.assert_frame_equal(
        _sorted(ours, of_both).astype({"volume": float}), _sorted(duck, of_both).astype({"volume": float})
    )
    return ours.num_rows


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _nowhere(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def main() -> int:
    """Compare, then measure; 1 where a claim does not hold."""
    n_trades = int(sys.argv[1]) if len(sys.argv) > 1 else 32_000_000
    with fresh_home() as home:
        (home / "trades").mkdir()
        files = _write_trades(home / "trades", n_trades)
        app = App(is_quiet=True)
        app.config = Config(home=home)
        spark, connection = app.session(), duckdb.connect()
        print(machine("pyspark", "duckdb"))
        try:
            ours, pattern = _by_file(spark, files).toArrow(), _pattern(spark, files).toArrow()
            n_bars = _assert_equal(ours, pattern, _duckdb(connection, files))
            print(f"{n_trades:,} trades in {n_bars:,} bars of {BAR_SECONDS} s: equal from all three")
            work = {
                "by file": lambda: _nowhere(_by_file(spark, files)),
                "by row": lambda: _nowhere(_by_row(spark, files)),
                "pattern": lambda: _nowhere(_pattern(spark, files)),
                "duckdb": lambda: _duckdb(connection, files),
            }
            rounds = [{name: _seconds(one) for name, one in work.items()} for _ in range(ROUNDS + 1)][1:]
        finally:
            app.close()
    for name in work:
        print(f"{name:<8} {statistics.median(one[name] for one in rounds):6.2f} s")
    of_pattern, of_duckdb, of_rows = (
        statistics.median(one[name] / one["by file"] for one in rounds) for name in ("pattern", "duckdb", "by row")
    )
    print(f"by file is {of_pattern:.2f} times as fast as the pattern (claim: {CLAIM_PATTERN})")
    print(f"by file is {of_duckdb:.2f} times as fast as DuckDB (claim: {CLAIM_DUCKDB})")
    print(f"by file is {of_rows:.2f} times as fast as by row; {load()}")
    return int(of_pattern < CLAIM_PATTERN or of_duckdb < CLAIM_DUCKDB)


if __name__ == "__main__":
    sys.exit(main())
