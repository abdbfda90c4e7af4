"""A user's query: eleven ways to look ahead are each caught by name, clean columns beside them are not."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jobs.lookahead_check import CheckOptions
from jobs.lookahead_query_check import QueryRequest, check_query
from jobs.lookahead_report import leak_rows, leak_sentence
from models.errors import DataContractError, UsageError
from models.row_differences import ROW

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
OPTIONS = CheckOptions(n_cuts=3, tolerance=1e-12)
QUICK = CheckOptions(n_cuts=1)
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
    "hour_so_far": "avg(x) OVER (PARTITION BY symbol, date_trunc('hour', t) ORDER BY t)",
}


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
    assert found[column]["found_by"] == "truncated, noise"


def test_what_they_change_is_far_above_the_tolerance(found):
    for leak in found.values():
        if "NULL" not in (leak["with_future"], leak["without_future"]):
            before, after = float(leak["with_future"]), float(leak["without_future"])
            assert abs(before - after) > 1e-4 * max(abs(before), abs(after))


@pytest.mark.parametrize("column", CLEAN)
def test_a_causal_column_beside_them_is_not_flagged(found, column):
    assert column not in found


BUCKET = "SELECT symbol, {label} AS t, avg(x) AS mean FROM ticks GROUP BY symbol, window(t, '10 minutes')"


def test_a_bucket_labelled_by_its_start_is_found_and_one_labelled_by_its_end_is_not(check):
    leaks, _ = check(BUCKET.format(label="window(t, '10 minutes').start"))
    assert {leak["column"]: leak["found_by"] for leak in leaks} == {"mean": "truncated, noise", ROW: "truncated"}
    assert check(BUCKET.format(label="window(t, '10 minutes').end"), QUICK)[0] == []


@pytest.mark.parametrize("name", ["global_zscore", "global_minmax", "ranked", "quantile"])
def test_a_leak_from_all_rows_is_told_from_one_out_of_the_next_rows(found, name):
    assert found[name]["cause"].startswith("a value over all rows, such as a global mean")
    assert "end the window at CURRENT ROW" in found["centred"]["cause"]
    assert found["shifted"]["cause"].startswith("it comes from later rows (lead, a backfill, interpolation)")


@pytest.fixture(scope="module")
def few(spark, ticks):
    """Four rows that can be checked by hand."""
    rows = [("A", MIDNIGHT + timedelta(minutes=i), i, 2.0**i) for i in range(4)]
    frame = spark.createDataFrame(rows, "symbol string, t timestamp, n bigint, x double")
    frame.coalesce(1).write.saveAsTable("few")


ON_FEW = "SELECT symbol, t, {} AS f FROM few"


def test_a_leak_is_told_with_a_row_both_values_the_cut_and_a_remedy(check, few):
    leaks, said = check(ON_FEW.format("lead(x) OVER (ORDER BY t)"), source="few")
    assert leak_sentence(leaks) == (
        "f looks ahead: at symbol=A t=2024-01-02 00:02:00 it is 8.0 with the rows after 2024-01-02 00:02:00 and NULL "
        "with them gone; it comes from later rows (lead, a backfill, interpolation): take earlier rows, for example "
        "last_value(…) IGNORE NULLS"
    )
    (leak,) = leaks
    assert (leak["rows_changed"], leak["rows_compared"]) == (1, 3)
    assert said[0].startswith("few: 4 rows, 2024-01-02 00:00:00 to 2024-01-02 00:03:00; cuts (seed 0): random 2024-01")


def test_a_row_that_is_there_only_once_later_rows_are_is_a_leak(check, few):
    query = "SELECT symbol, t, x FROM (SELECT *, lead(x) OVER (ORDER BY t) AS label FROM few) WHERE label IS NOT NULL"
    (leak,) = check(query, source="few")[0]
    assert (leak["column"], leak["with_future"], leak["without_future"]) == (ROW, "there", "not there")
    assert "WHERE lead(…) IS NOT NULL" in leak["cause"]


def test_a_row_that_later_rows_remove_is_a_leak(check, few):
    query = (
        "SELECT symbol, max(t) AS t, count(*) AS n FROM few GROUP BY symbol"  # each day's last row, as dropDuplicates
    )
    (leak, *_) = check(query, source="few")[0]
    assert (leak["column"], leak["with_future"], leak["without_future"]) == (ROW, "not there", "there")


def test_a_late_start_is_checked_where_a_warm_up_is_declared(check, few):
    total = ON_FEW.format("sum(x) OVER (ORDER BY t)")
    leaks, said = check(total, QUICK, source="few")
    assert leaks == []
    assert said[-1].startswith("whether an earlier start matters is not checked")
    (leak,) = check(total, QUICK, source="few", warm_up=1)[0]
    assert (leak["found_by"], leak["with_future"], leak["without_future"]) == ("start", "7.0", "6.0")
    assert leak_sentence([leak, leak]).startswith(
        "f depends on how early history starts: at symbol=A t=2024-01-02 00:02:00 it is 7.0 with all rows and 6.0 with "
        "those from 2024-01-02 00:01:00 on; it depends on rows before the declared warm-up"
    )
    assert leak_sentence([leak, leak]).endswith("declare a longer one (--warm-up) (1 more above)")
    pair = ON_FEW.format("sum(x) OVER (ORDER BY t ROWS 1 PRECEDING)")
    assert check(pair, QUICK, source="few", warm_up=1)[0] == []
    assert [leak["found_by"] for leak in check(pair, QUICK, source="few", warm_up=0)[0]] == ["start"]


def test_the_table_may_be_a_parameter_which_also_takes_a_schema(spark, check, few):
    query = ON_FEW.format("lead(x) OVER (ORDER BY t)").replace("few", "IDENTIFIER(:source)")
    views = spark.sql("SHOW TABLES").where("isTemporary").count()
    for source in ("few", f"{spark.catalog.currentDatabase()}.few"):
        assert [leak["column"] for leak in check(query, QUICK, source=source)[0]] == ["f"]
    assert spark.table("few").count() == 4
    assert spark.sql("SHOW TABLES").where("isTemporary").count() == views


def test_a_query_that_breaks_on_extreme_noise_gets_mild_noise(check, few):
    leaks, said = check(ON_FEW.format("sum(CAST(x AS INT)) OVER (ORDER BY t)"), source="few")
    assert leaks == []
    assert any("mild noise was used" in text for text in said)
    leaks, _ = check(ON_FEW.format("CAST(lead(x) OVER (ORDER BY t) AS INT)"), source="few")
    assert [leak["found_by"] for leak in leaks] == ["truncated, noise"]


def test_times_may_be_integers_or_dates_and_a_row_may_be_known_later_than_its_time(check, few):
    by_number = "SELECT n, symbol, {} AS f FROM few"
    assert check(by_number.format("x + lag(x) OVER (ORDER BY n)"), source="few", time="n")[0] == []
    (leak,) = check(by_number.format("max(x) OVER ()"), source="few", time="n")[0]
    assert (leak["row"], leak["cut"], leak["with_future"]) == ("symbol=A n=0", "0", "8.0")
    later = "SELECT symbol, t, t + INTERVAL 1 MINUTE AS known, lead(x) OVER (ORDER BY t) AS f FROM few"
    assert check(later, source="few", available="known")[0] == []  # the next row is there when this one is known
    daily = "SELECT symbol, to_date(t) AS t, max(x) AS f FROM few GROUP BY ALL"
    assert [leak["column"] for leak in check(daily, source="few")[0]] == ["f"]


@pytest.mark.parametrize(
    ("query", "request_", "error", "sentence"),
    [
        ("DROP TABLE few", {}, UsageError, "a query is needed here"),
        ("SELECT symbol, t, 1 AS f FROM ticks", {}, UsageError, "the query does not read few, so cutting it proves"),
        ("SELECT symbol, t, x FROM few", {"source": "other.few"}, UsageError, "other.few is a name with a schema"),
        (
            "SELECT symbol, t, x FROM few",
            {"time": "z"},
            DataContractError,
            "few has no column z: --time names one of s",
        ),
        ("SELECT symbol, t, x FROM few", {"time": "x"}, UsageError, "x is double: a time column is a TIMESTAMP"),
        ("SELECT symbol, x FROM few", {}, UsageError, "result has no column t: select when each of its rows is known"),
        ("SELECT t, x FROM few", {}, UsageError, "the query's result has no column symbol, which --key names"),
        ("SELECT symbol, t FROM few", {}, UsageError, "no column beside its key and time: there is nothing to compare"),
        ("SELECT symbol, n AS t, x FROM few", {}, UsageError, "t is a time in the table and a number in the result"),
        ("SELECT symbol, t, rand() AS f FROM few", {}, DataContractError, "f is another one when the query runs again"),
        ("SELECT symbol, t, x FROM few WHERE x > 9", {}, DataContractError, "no row of query was known at any cut"),
    ],
)
def test_what_would_prove_nothing_is_refused_in_one_sentence(check, few, query, request_, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        check(query, **{"source": "few", **request_})


def test_a_query_that_also_reads_the_table_itself_is_refused(spark, check, few):
    schema = spark.catalog.currentDatabase()
    query = f"SELECT few.symbol, few.t, n.x FROM few JOIN {schema}.few AS n ON n.n = few.n + 1"
    with pytest.raises(UsageError, match="the query also reads few past its cut version"):
        check(query, source="few")
    _, said = check("SELECT symbol, t, x, (SELECT max(x) FROM ticks) AS f FROM few", QUICK, source="few")
    assert any(text.startswith(f"the query also reads {schema}.ticks, which is not cut") for text in said)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("n < 0", "few has no row with a t: there is nothing to check"),
        ("n = 0", "rows at two instants at least are needed"),
    ],
)
def test_no_row_and_one_row_are_refused(spark, check, few, condition, sentence):
    spark.sql(f"CREATE OR REPLACE VIEW some AS SELECT * FROM few WHERE {condition}")
    with pytest.raises(DataContractError, match=sentence.replace("few", "some")):
        check("SELECT symbol, t, x FROM some", source="some")
