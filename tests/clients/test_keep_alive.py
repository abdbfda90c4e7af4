"""One round of the keep-alive, and how many workers it takes; the slow test of a server sees them live on."""

import pytest

from jobs.serve_keep_alive import KeepAlive, n_cores


def test_a_round_runs_in_python_workers_and_in_a_session_of_its_own(spark):
    keep_alive = KeepAlive(spark, pytest.fail)
    keep_alive.warm()
    assert keep_alive._spark._jsparkSession.sharedState() == spark._jsparkSession.sharedState()
    assert keep_alive._spark is not spark


@pytest.mark.parametrize(
    ("master", "expected"), [("local", 1), ("local[3]", 3), ("local[3,2]", 3), ("spark://host:7077", 16), ("yarn", 16)]
)
def test_there_is_a_task_for_each_core_of_a_local_master_else_the_default_parallelism(master, expected):
    assert n_cores(master, default=16) == expected
