"""A Python worker of a session does not visit modules when it collects garbage, and still collects what tasks leave."""

import gc
import sys
import weakref

import pyarrow as pa
import pytest

N_TASKS = 24  # enough that each worker has several


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.itself = self


def look(batches):
    """What a worker holds as a task begins, and a ring that the task leaves behind."""
    for batch in batches:
        rings = getattr(sys, "rings_of_tests", [])
        row = {"n_frozen": gc.get_freeze_count(), "n_left": sum(ring() is not None for ring in rings)}
        sys.rings_of_tests = [*rings, weakref.ref(Ring())]
        yield pa.RecordBatch.from_pylist([row | {"n_tasks": len(rings)}] * bool(batch.num_rows))


@pytest.fixture(scope="module")
def later_tasks(spark):
    rows = spark.range(0, N_TASKS, 1, N_TASKS).mapInArrow(look, "n_frozen long, n_left long, n_tasks long").collect()
    return [row for row in rows if row.n_tasks > 1]


def test_what_is_loaded_is_not_visited_again(later_tasks):
    assert later_tasks
    assert min(row.n_frozen for row in later_tasks) > 10_000


def test_garbage_of_tasks_is_collected(later_tasks):
    assert max(row.n_left for row in later_tasks) == 0
