"""The rules that need no model, by hand on a few bars."""

import numpy as np
import pandas as pd

from jobs.naive_predictions import label_before, naive_predictions

START = pd.Timestamp("2024-01-01")
MINUTE = pd.Timedelta(minutes=1)


def bars(labels, symbol="A", step=MINUTE):
    """One bar a step; a label of None is not known."""
    starts = [START + i * step for i in range(len(labels))]
    return pd.DataFrame({"exchange": "x", "symbol": symbol, "bar_start": starts, "label": labels})


def predictions(rows, horizon_seconds=60, wanted=None):
    return {
        name: values.tolist()
        for name, values in naive_predictions(rows, rows if wanted is None else wanted, horizon_seconds).items()
    }


def test_last_value_and_average_take_labels_that_have_come_true():
    told = predictions(bars([1.0, 2.0, 6.0, 4.0]))
    assert told["zero change"] == [0.0, 0.0, 0.0, 0.0]
    assert told["last value"] == [0.0, 1.0, 2.0, 6.0]
    assert told["moving average"] == [0.0, 1.0, 1.5, 3.0]


def test_a_longer_horizon_reaches_further_back_and_labels_do_not_overlap():
    told = predictions(bars([1.0, 2.0, 3.0, 4.0, 5.0]), horizon_seconds=120)
    assert told["last value"] == [0.0, 0.0, 1.0, 2.0, 3.0]
    assert told["moving average"] == [0.0, 0.0, 1.0, 2.0, 2.0]  # the last: of 3 and 1


def test_no_more_than_ten_labels_are_averaged():
    assert predictions(bars([float(i) for i in range(12)]))["moving average"][11] == np.mean(range(1, 11))


def test_the_season_is_a_day_or_as_many_as_the_horizon_takes():
    hourly = bars([float(i) for i in range(60)], step=pd.Timedelta(hours=1))
    told = predictions(hourly, horizon_seconds=3_600)["seasonal"]
    assert told[:24] == [0.0] * 24
    assert told[24:] == [float(i) for i in range(36)]
    assert predictions(hourly, horizon_seconds=90_000)["seasonal"][48:50] == [0.0, 1.0]


def test_unknown_labels_holes_and_other_symbols_are_left_out():
    rows = pd.concat([bars([1.0, None, 3.0]), bars([10.0, 20.0], symbol="B")])
    told = predictions(rows)
    assert told["last value"] == [0.0, 1.0, 0.0, 0.0, 10.0]
    assert told["moving average"] == [0.0, 1.0, 1.0, 0.0, 10.0]
    with_hole = bars([1.0, 2.0, 3.0]).drop(1)
    assert predictions(with_hole)["last value"] == [0.0, 0.0]


def test_rows_are_found_in_any_order_and_of_any_length():
    rows = bars([1.0, 2.0, 3.0])
    shuffled = rows.iloc[[2, 0, 1]].reset_index(drop=True)
    assert predictions(shuffled, wanted=rows.iloc[[2, 1]])["last value"] == [2.0, 1.0]
    assert predictions(rows, wanted=rows[:0])["moving average"] == []
    assert np.isnan(label_before(rows, rows[:1], 60)).all()


def test_classes_are_no_numbers():
    rows = bars(["up", "down"])
    assert np.isnan(label_before(rows, rows, 60)).all()
