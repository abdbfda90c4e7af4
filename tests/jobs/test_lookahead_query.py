"""A user's query: eleven ways to look ahead are each caught by name, clean columns beside them are not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jobs.lookahead_check import CheckOptions
from jobs.lookahead_query_check import QueryRequest, check_query
from jobs.lookahead_report import leak_rows, leak_sentence
from models.errors import DataContractError, UsageError

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
OPTIONS = CheckOptions(n_cuts=3, tolerance=1e-12)
OF_SYMBOL = "PARTITION BY symbol ORDER BY t"
MUTANTS = {
    "shifted": f"lead(x) OVER ({OF_SYMBOL})",
    "centred": f"avg(x) OVER ({OF_SYMBOL} ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING)",
    "global_zscore": "(x - avg(x) OVER ()) / stddev(x) OVER ()",
    "global_minmax": "(x - min(x) OVER (PARTITION BY symbol)) / (max(x) OVER (PARTITION BY symbol) + 1)",
    "backfilled": f"first_value(y) IGNORE NULLS OVER ({OF_SYMBOL} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    "interpolated": f"""coalesce(y, (
        last_value(y) IGNORE NULLS OVER ({OF_SYMBOL})
        + first_value(y) IGNORE NULLS OVER ({OF_SYMBOL} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) / 2)""",
    "ranked": "percent_rank() OVER (PARTITION BY symbol ORDER BY x)",
    "bucket_mean": "avg(x) OVER (PARTITION BY symbol, date_trunc('hour', t))",
    "quantile": "ntile(4) OVER (PARTITION BY symbol ORDER BY x)",
    "reversed_maximum": "max(x) OVER (PARTITION BY symbol ORDER BY t DESC)",
}
CLEAN = {
    "log_x": "ln(abs(x) + 1)",
    "lagged": f"x - lag(x) OVER ({OF_SYMBOL})",
    "rolling": f"avg(x) OVER ({OF_SYMBOL} ROWS 4 PRECEDING)",
    "cumulative": f"max(x) OVER ({OF_SYMBOL})",
    "forward_filled": f"last_value(y) IGNORE NULLS OVER ({OF_SYMBOL})",
    "hour_so_far": f"avg(x) OVER (PARTITION BY symbol, date_trunc('hour', t) ORDER BY t)",
}
REQUEST = QueryRequest("", "ticks", "t", ("symbol",))


def select(columns):
    return f"SELECT symbol, t, {', '.join(f'{text} AS {name}' for name, text in columns.items())} FROM ticks"


@pytest.fixture(scope="module")
def ticks(spark, schema_copy):
    """Two symbols at random times with a hole; some times twice; y is often NULL."""
    random = np.random.default_rng(5)
    rows = []
    for symbol in ("A", "B"):
        seconds = np.cumsum(random.integers(0, 200, 70)) + np.where(np.arange(70) > 45, 5_000, 0)
        for i, second in enumerate(seconds.tolist()):
            y = None if random.random() < 0.4 else float(random.normal())
            rows.append((symbol, MIDNIGHT + timedelta(seconds=second), i, float(random.normal(10, 2)), y))
    with schema_copy("lookahead_ticks"):
        frame = spark.createDataFrame(rows, "symbol string, t timestamp, n bigint, x double, y double")
        frame.coalesce(1).write.saveAsTable("ticks")
        yield


@pytest.fixture
def check(spark, ticks):
    """``check(query)`` returns the leaks and what was said."""

    def run(query, options=OPTIONS, **request):
        said = []
        settings = {"source": "ticks", "time": "t", "key": ("symbol",), **request}
        parts = check_query(spark, QueryRequest(query, **settings), options, said.append)
        return leak_rows(parts), said

    return run


@pytest.fixture(scope="module")
def found(spark, ticks):
    """Leak by column, of one query with all columns."""
    request = QueryRequest(select({**MUTANTS, **CLEAN}), "ticks", "t", ("symbol",))
    parts = check_query(spark, request, OPTIONS, lambda text: None)
    return {leak["column"]: leak for leak in leak_rows(parts)}


@pytest.mark.parametrize("column", MUTANTS)
def test_a_column_that_looks_ahead_is_found_by_both_tests(found, column):
    print(found.get(column))
    assert found[column]["found_by"] == "truncated, noise"


@pytest.mark.parametrize("column", CLEAN)
def test_a_causal_column_beside_them_is_not_flagged(found, column):
    assert column not in found


BUCKET = "SELECT symbol, {label} AS t, avg(x) AS mean FROM ticks GROUP BY symbol, window(t, '10 minutes')"


def test_a_bucket_labelled_by_its_start_is_found_and_one_labelled_by_its_end_is_not(check):
    leaks, _ = check(BUCKET.format(label="window(t, '10 minutes').start"))
    print(leaks)
    assert [(leak["column"], leak["found_by"]) for leak in leaks] == [("mean", "truncated, noise")]
    assert check(BUCKET.format(label="window(t, '10 minutes').end"))[0] == []
