"""Truncated, noised and shortened histories: what changes, and above all what does not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from jobs.lookahead_instants import instant_column, instant_text, instants
from jobs.lookahead_versions import History, Version, alone, apart, side_by_side, versions_of
from models.cut_points import Cut
from models.errors import UsageError
from models.row_differences import find_differences

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
MICROS = 1_704_153_600_000_000  # 2024-01-02 00:00:00 UTC
SCHEMA = (
    "exchange string, t timestamp, b boolean, i int, l bigint, f float, d double, p decimal(18,8), s string, "
    "day date, a array<int>, r struct<x: double, y: string>"
)
NOISY = ("b", "i", "l", "f", "d", "p", "s", "day", "a", "r")


@pytest.fixture(scope="module")
def history(spark):
    rows = [
        ("x", MIDNIGHT + timedelta(seconds=i), True, i, i, 1.5, 2.5, Decimal("60000.5"), "buy", date(2024, 1, 2), [1],
         {"x": 1.0, "y": "z"})
        for i in range(200)
    ]  # fmt: skip
    frame = spark.createDataFrame(rows, SCHEMA).coalesce(1).localCheckpoint()
    return History(frame, instant_column(frame, "t"), NOISY)


def cut_at(second, test="noise"):
    return Version(test, Cut(MICROS + second * 1_000_000, "random"))


def seconds(table):
    return sorted((instants(table, "t") - MICROS) // 1_000_000)


def test_a_truncated_history_ends_at_the_cut_and_a_late_start_begins_there(history):
    assert seconds(alone(history, cut_at(7, "truncated")).toArrow()) == list(range(8))
    assert seconds(alone(history, cut_at(197, "start")).toArrow()) == [197, 198, 199]


@pytest.mark.parametrize("is_wild", [True, False])
def test_noise_leaves_keys_times_and_the_past_as_they_are(history, is_wild):
    noised, rows = alone(history, cut_at(99), is_wild).toArrow(), history.rows.toArrow()
    assert noised.schema.names == rows.schema.names
    assert [field.type for field in noised.schema] == [field.type for field in rows.schema]
    found = find_differences(rows, noised, ["exchange", "t"])
    assert found.n_rows == 200
    first = {change.column: change.key["t"] for change in found.changes}
    assert set(first) == ({*NOISY, "r.x", "r.y"} - {"r"} if is_wild else {"i", "l", "f", "d", "p", "r.x"})
    assert min(first.values()) == MIDNIGHT + timedelta(seconds=100)


def test_wild_noise_has_null_nan_infinity_zero_and_numbers_of_any_size(history):
    noised = alone(history, cut_at(-1)).toArrow().to_pydict()
    reprs = {name: {repr(value) for value in noised[name]} for name in NOISY}
    for name in NOISY:
        assert "None" in reprs[name] or name == "r"
    assert {"nan", "inf", "0.0"} <= reprs["d"]
    assert max(abs(value) for value in noised["d"] if value is not None and abs(value) < float("inf")) > 1e299
    assert 1e11 < max(value for value in noised["l"] if value is not None) < 2**62  # a sum of many is no overflow
    assert Decimal(10**6) < max(value for value in noised["p"] if value is not None) < Decimal(10**8)
    assert len(reprs["d"]) > 80
    assert len({value["y"] for value in noised["r"]}) > 3


def test_mild_noise_keeps_the_sign_and_half_to_twice_the_size(history):
    noised = alone(history, cut_at(-1), is_wild=False).toArrow().to_pydict()
    assert all(1.25 <= value <= 5.0 for value in noised["d"])
    assert all(Decimal(30_000) < value < Decimal(120_002) for value in noised["p"])
    assert set(noised["s"]) == {"buy"}


def test_noise_is_the_same_again_and_another_at_another_cut(history):
    first, again, other = (alone(history, cut_at(cut)).toArrow() for cut in (-1, -1, -2))
    assert find_differences(first, again, ["exchange", "t"]).changes == ()
    assert "d" in {change.column for change in find_differences(first, other, ["exchange", "t"]).changes}


def test_versions_side_by_side_are_the_same_as_each_alone(history):
    versions = versions_of([cut_at(50).cut, cut_at(120).cut], [MICROS + 30_000_000])
    assert [version.test for version in versions] == ["truncated", "truncated", "noise", "noise", "start"]
    together = side_by_side(history, versions)
    assert {row.exchange for row in together.select("exchange").distinct().collect()} == {f"x#{i}" for i in range(5)}
    rows = apart(together)
    for i, version in enumerate(versions):
        own = rows.where(F.col("_number") == i).drop("_number").toArrow()
        expected = alone(history, version).toArrow()
        assert find_differences(expected, own, ["exchange", "t"]).changes == ()
        assert own.num_rows == expected.num_rows


def test_instants_are_equal_in_spark_and_in_arrow(spark):
    rows = spark.sql(
        "SELECT TIMESTAMP'2024-01-02 00:00:01' AS t, TIMESTAMP_NTZ'2024-01-02 00:00:01' AS n, DATE'2024-01-02' AS d, "
        "7 AS i, CAST(NULL AS TIMESTAMP) AS never, 1.5D AS x"
    )
    table = rows.toArrow()
    expected = {"t": MICROS + 1_000_000, "n": MICROS + 1_000_000, "d": MICROS, "i": 7}
    for name, instant in expected.items():
        assert rows.select(instant_column(rows, name)).first()[0] == instant
        assert instants(table, name).tolist() == [instant]
    assert instants(table, "never").tolist() == [2**63 - 1]
    assert instant_text(MICROS + 1) == "2024-01-02 00:00:00.000001"
    assert instant_text(7, is_time=False) == "7"
    with pytest.raises(UsageError, match="x is double: a time column is a TIMESTAMP, a DATE or an integer"):
        instant_column(rows, "x")
