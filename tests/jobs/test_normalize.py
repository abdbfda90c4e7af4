"""The normalize job: one frozen scale a feature set, growing data, changed settings, nothing written twice."""

from datetime import UTC, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from bar_frames import MIDNIGHT, bars_frame

from jobs.feature_settings import FeatureSettings
from jobs.label_settings import LabelSettings
from jobs.normalize import normalize
from jobs.tables import table_version
from models.errors import DataContractError

SETTINGS = FeatureSettings(
    items=[
        {"name": "return_1", "kind": "log_return", "bars": 1, "scale": "zscore"},
        {"name": "imbalance_3", "kind": "imbalance", "buy": "buy_volume", "sell": "sell_volume", "bars": 3},
    ]
)
LABELS = (LabelSettings(name="return_2m", horizon_seconds=120),)


def add_bars(spark, frame):
    schema = spark.table("bars").schema
    frame = frame.assign(open=frame["close"], is_filled=False)
    rows = []
    for record in frame.to_dict("records"):
        values = []
        for field in schema:
            value = record[field.name]
            kind = field.dataType.typeName()
            if kind == "decimal":
                value = decimal_of(value)
            elif kind in ("long", "integer"):
                value = int(value)
            elif kind == "timestamp":
                value = value and value.to_pydatetime()
            elif isinstance(value, float) and np.isnan(value):
                value = None
            values.append(value)
        rows.append(values)
    spark.createDataFrame(rows, schema).coalesce(1).write.insertInto("bars")


def decimal_of(value):
    return None if np.isnan(value) else Decimal(f"{value:.8f}")


def rows_of(spark):
    return [row.asDict(recursive=True) for row in spark.table("features").orderBy("symbol", "bar_start").collect()]


def test_growing_data_keep_the_scale_complete_labels_and_end_where_a_rebuild_does(spark, schema):
    history = bars_frame(60)
    add_bars(spark, history[:50])
    first = normalize(spark, 60, SETTINGS, LABELS)
    assert (first.n_rows, first.feature_set) == (50, "default/1")
    early = rows_of(spark)
    train_end = MIDNIGHT + timedelta(minutes=30)  # 0.6 of 50 minutes
    assert [row["is_training"] for row in early] == [True] * 28 + [False] * 22
    (scale,) = spark.table("feature_scales").where("method = 'zscore'").collect()
    closes = history["close"].round(8)
    returns = np.log(closes).diff()
    assert scale.train_end.astimezone(UTC) == train_end
    assert scale.center == pytest.approx(returns[1:28].mean(), rel=1e-9)
    assert scale.width == pytest.approx(returns[1:28].std(ddof=1), rel=1e-9)
    assert [row["is_warm"] for row in early] == [False, False] + [True] * 48
    assert [row["labels"]["return_2m"] is None for row in early] == [False] * 48 + [True] * 2

    written = table_version(spark, "features")
    assert normalize(spark, 60, SETTINGS, LABELS, since=first.inputs).n_rows == 0
    assert table_version(spark, "features") == written

    add_bars(spark, history[50:])
    second = normalize(spark, 60, SETTINGS, LABELS, since=first.inputs)
    assert second.n_rows == 12  # ten new rows, two that learned their label
    grown = rows_of(spark)
    assert [row["features"] for row in grown[:50]] == [row["features"] for row in early]
    expected = np.log(closes[51] / closes[49])
    assert grown[49]["labels"]["return_2m"] == pytest.approx(expected, rel=1e-9)
    assert spark.table("feature_scales").count() == 2

    written = table_version(spark, "features")
    assert normalize(spark, 60, SETTINGS, LABELS).n_rows == 0  # all rows computed again: none differs
    assert table_version(spark, "features") == written


@pytest.mark.slow
def test_another_configuration_makes_the_next_version_and_going_back_finds_the_first(spark, schema):
    add_bars(spark, bars_frame(12))
    first = normalize(spark, 60, SETTINGS, LABELS)
    more = FeatureSettings(items=[{"name": "range_2", "kind": "range", "bars": 2}, *SETTINGS.items])
    second = normalize(spark, 60, more, LABELS, since=first.inputs)
    assert (second.feature_set, second.n_rows) == ("default/2", 12)
    assert spark.table("features").schema["features"].dataType.fieldNames() == ["return_1", "imbalance_3", "range_2"]
    assert normalize(spark, 60, SETTINGS, LABELS, since=second.inputs).feature_set == "default/1"
    row = rows_of(spark)[5]
    assert (row["feature_set"], row["features"]["range_2"]) == ("default/1", None)


def test_a_later_symbol_gets_its_own_scale_and_the_first_keeps_its_rows(spark, schema):
    add_bars(spark, bars_frame(10))
    first = normalize(spark, 60, SETTINGS, LABELS)
    before = rows_of(spark)
    add_bars(spark, bars_frame(20, seed=2, symbol="B"))
    assert normalize(spark, 60, SETTINGS, LABELS, since=first.inputs).n_rows == 20
    assert rows_of(spark)[:10] == before
    ends = {row.symbol: row.train_end for row in spark.table("feature_scales").collect()}
    assert ends["B"].astimezone(UTC) == MIDNIGHT + timedelta(minutes=12)


@pytest.mark.slow
def test_another_symbols_late_bars_reach_all_features_that_read_them(spark, schema):
    lead = {"name": "lead", "kind": "cross_return", "symbol": "B", "lag": 1, "scale": "zscore"}
    settings = FeatureSettings(items=[*SETTINGS.items, lead], train_end=MIDNIGHT + timedelta(minutes=20))
    own, other = bars_frame(40), bars_frame(40, 2, "B")
    add_bars(spark, pd.concat([own, other[:30]]))
    first = normalize(spark, 60, settings, LABELS)
    assert [row["features"]["lead"] is None for row in rows_of(spark)[:40]] == [True] * 2 + [False] * 38
    add_bars(spark, other[30:])
    later = normalize(spark, 60, settings, LABELS, since=first.inputs)
    assert later.n_rows == 10 + 9 + 2  # B's bars, A's that read them, and B's two whose label is known now
    add_bars(spark, bars_frame(60)[40:])  # B falls silent, long before the look-back of what is new
    later = normalize(spark, 60, settings, LABELS, since=later.inputs)
    assert [row["features"]["lead"] is None for row in rows_of(spark)[40:60]] == [False] * 20
    add_bars(spark, bars_frame(40, 3, "C"))  # a symbol that is fitted later reads it, too
    normalize(spark, 60, settings, LABELS, since=later.inputs)
    incremental = rows_of(spark)
    assert [row["features"]["lead"] is None for row in incremental[100:]] == [True] * 2 + [False] * 38
    spark.sql("DELETE FROM features")
    normalize(spark, 60, settings, LABELS)
    assert rows_of(spark) == incremental


def test_a_feature_of_the_book_needs_bars_that_have_seen_a_quote(spark, schema):
    settings = FeatureSettings(items=[*SETTINGS.items, {"name": "spread", "kind": "value", "column": "spread_bps"}])
    add_bars(spark, bars_frame(5).assign(last_quote_at=None))
    with pytest.raises(DataContractError, match=r"feature spread needs the order book.*foretable book") as error:
        normalize(spark, 60, settings, LABELS)
    assert "\n" not in str(error.value)
    add_bars(spark, bars_frame(5, symbol="B"))
    assert normalize(spark, 60, settings, LABELS).n_rows == 10


def test_without_bars_there_is_one_sentence(spark, schema):
    with pytest.raises(DataContractError, match="bars has no row of 60 s: run foretable resample --bar-seconds 60"):
        normalize(spark, 60)
