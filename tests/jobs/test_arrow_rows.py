"""What workers make reaches Spark as it is: decimals come by another way than Spark's own, with which it is compared."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.arrow_rows import map_in_arrow

SCHEMA = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("price", pa.decimal128(18, 8)),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("volume", pa.decimal128(38, 8)),
        pa.field("rate", pa.decimal128(5, 2), nullable=False),
        pa.field("funds", pa.decimal128(38, 18)),
        pa.field("flow", pa.decimal128(38, 8), nullable=False),
        pa.field("prices", pa.list_(pa.decimal128(18, 8))),
    ]
)
LARGEST, BEYOND = 2**63 - 1, 2**63


def exact(units, scale):
    """The decimal of units of its last digit; arithmetic of decimals would round to 28 digits."""
    sign, digits, _ = Decimal(units).as_tuple()
    return Decimal((sign, digits, -scale))


def decimals(digits, scale, *edges):
    most = 10**digits - 1
    near = st.sampled_from([0, 1, -1, most, -most, *edges])
    return st.one_of(near, st.integers(-most, most)).map(lambda units: exact(units, scale))


sums = decimals(38, 8, 10**18, -(10**18), LARGEST, BEYOND, -BEYOND, -BEYOND - 1, 2**64, 2**64 - 1)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["a", "é", None]),
            "price": st.none() | decimals(18, 8),
            "number": st.integers(-9, 9),
            "volume": st.none() | sums,
            "rate": decimals(5, 2),
            "funds": st.none() | decimals(38, 18),
            "flow": sums,
            "prices": st.none() | st.lists(decimals(18, 8), max_size=3),
        }
    ),
    max_size=12,
)


def both_ways(spark, found, size, schema=SCHEMA):
    """The rows that come by our way and by Spark's, from batches that are slices of one."""

    def work(batches):
        whole = pa.RecordBatch.from_pylist(found, schema=schema)
        yield from (whole.slice(start, size) for _ in batches for start in range(0, max(len(whole), 1), size))

    once = spark.range(0, 1, 1, 1)
    return map_in_arrow(once, work, schema), once.mapInArrow(work, from_arrow_schema(schema))


@settings(max_examples=25, deadline=None)
@given(rows, st.integers(1, 5))
def test_rows_come_as_they_were_made(spark, found, size):
    ours, plain = both_ways(spark, found, size)
    assert [row.asDict() for row in ours.collect()] == [row.asDict() for row in plain.collect()] == found


def test_types_and_names_are_those_of_the_schema(spark):
    ours, plain = both_ways(spark, [], 1)
    assert ours.dtypes == plain.dtypes
    assert ours.count() == 0


def test_rows_without_decimals_come_as_they_were_made(spark):
    schema = pa.schema([("name", pa.string()), ("number", pa.int64())])
    ours, _ = both_ways(spark, [{"name": "a", "number": 1}, {"name": None, "number": None}], 2, schema)
    assert [tuple(row) for row in ours.collect()] == [("a", 1), (None, None)]


@pytest.mark.parametrize("units", [LARGEST, BEYOND, -BEYOND, -BEYOND - 1, 10**38 - 1, 0])
def test_a_sum_at_the_border_of_64_bits_adds_up_in_spark(spark, units):
    schema = pa.schema([("volume", pa.decimal128(38, 8))])
    ours, _ = both_ways(spark, [{"volume": exact(units, 8)}, {"volume": exact(1, 8)}, {"volume": None}], 3, schema)
    assert ours.agg({"volume": "min"}).first()[0] == min(exact(units, 8), exact(1, 8))
    assert ours.where("volume = 0.00000001").count() == 1
    assert ours.where("volume IS NULL").count() == 1


def test_decimals_travel_as_whole_numbers(spark):
    ours, _ = both_ways(spark, [], 1)
    travelled = ours._jdf.queryExecution().analyzed().children().head().schema().sql()
    expected = ("price: BIGINT", "volume: BIGINT", "rate: BIGINT", "funds: DECIMAL(38,18)", "flow: BIGINT")
    assert [one for one in expected if one not in travelled] == []
