"""Lines that come after a later one of their symbol are counted, and no others."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers.disorder import Disorder
from jobs.readers.refusal import Refusal
from jobs.readers.schema import ReadLines


def n_late(*batches):
    """Of batches of (symbol, sequence), None for a refused line."""
    disorder = Disorder()
    for batch in batches:
        lines = [line or ("A", -99) for line in batch]
        columns = {
            "symbol": pa.array([line[0] for line in lines], pa.string()),
            "epoch": pa.array([0] * len(lines), pa.int64()),
            "sequence": pa.array([line[1] for line in lines], pa.int64()),
        }
        refusals = {place: Refusal("X", "") for place, line in enumerate(batch) if line is None}
        disorder.add(ReadLines(columns, refusals, set(), np.zeros(len(batch), dtype=bool)))
    return disorder.n_late


def of_a(*numbers):
    return [("A", number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "n"),
    [
        ((1, 2, 3), 0),
        ((1, 3, 2), 1),  # swapped
        ((2, 1, 3), 1),  # at the very beginning
        ((3, 1, 2), 2),
        ((1, 2, 2, 3), 0),  # repeated
        ((1, 2, 3, 1), 0),
        ((1, 5, 6), 0),  # a hole
        ((1, 5, 3, 4, 2, 3), 3),  # 3, 4 and 2 came late, the second 3 is a repetition
        ((2, 1, 1), 1),
        ((), 0),
        ((7,), 0),
    ],
)
def test_a_late_line_is_one_whose_number_was_passed_over(numbers, n):
    assert n_late(of_a(*numbers)) == n
    assert n_late(*[of_a(number) for number in numbers]) == n  # wherever the batches end


def test_symbols_keep_to_themselves_and_refused_lines_do_not_count():
    assert n_late([("A", 5), ("B", 1), ("A", 6), ("B", 3), None, ("B", 2), None]) == 1


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 7))
def test_any_order_of_numbers_is_counted_as_a_set_would(numbers, width):
    seen, expected = set(), 0
    for number in numbers:
        expected += bool(seen) and number < max(seen) and number not in seen
        seen.add(number)
    assert n_late(*[of_a(*numbers[i : i + width]) for i in range(0, len(numbers), width)]) == expected
