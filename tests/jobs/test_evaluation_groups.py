"""Which part of held-out time a row belongs to."""

import numpy as np
import pandas as pd
import pytest

from jobs.evaluation_groups import group_names, parts_by_name

NOTHING = np.empty(0)


@pytest.fixture
def rows():
    starts = pd.to_datetime(["2024-01-31 23:59", "2024-02-01 00:00", "2024-02-01 13:00"])
    return pd.DataFrame({"exchange": "x", "symbol": ["A", "B", "A"], "bar_start": starts})


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("symbol", ["x A", "x B", "x A"]),
        ("hour", ["23", "00", "13"]),
        ("day", ["2024-01-31", "2024-02-01", "2024-02-01"]),
        ("month", ["2024-01", "2024-02", "2024-02"]),
    ],
)
def test_rows_belong_to_their_symbol_and_time(rows, by, names):
    assert group_names(by, rows, np.zeros(3), NOTHING).tolist() == names


def test_a_regime_is_a_third_of_training_time_by_the_size_of_the_last_label(rows):
    training = np.array([-3.0, 2.0, 1.0, np.nan, 6.0, -5.0, 4.0])  # sizes 1 to 6: borders 2 2/3 and 4 1/3
    passed = np.array([-2.6, 2.7, 4.3, -4.4, np.nan, 0.0])
    named = group_names("regime", pd.concat([rows, rows]), passed, training).tolist()
    assert named == ["calm", "usual", "usual", "stormy", "unknown", "calm"]


def test_without_training_time_every_regime_is_unknown(rows):
    assert group_names("regime", rows, np.ones(3), np.array([np.nan])).tolist() == ["unknown"] * 3


def test_parts_come_from_calm_to_stormy_and_hold_each_row_once():
    names = np.array(["unknown", "stormy", "calm", "stormy", "usual"], dtype=object)
    parts = [(name, rows.tolist()) for name, rows in parts_by_name(names)]
    assert parts == [("calm", [2]), ("usual", [4]), ("stormy", [1, 3]), ("unknown", [0])]
    assert [name for name, _ in parts_by_name(np.array(["b", "a"], dtype=object))] == ["a", "b"]
