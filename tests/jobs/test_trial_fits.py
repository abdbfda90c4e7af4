"""Trials as Spark tasks: the same errors as in one process, and a refused option in one sentence."""

import numpy as np
import pytest

from jobs.model_training import Examples
from jobs.trial_fits import TrialRows, errors_here, errors_on_tasks
from models.errors import UsageError
from models.protocol import ModelSpec
from models.splits import TimeSplit

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 2))
UNWATCHED = [None] * 3


@pytest.fixture
def rows():
    """Rows of which the first 300 are fitted on."""
    labels = X[:, 0] + RANDOM.normal(size=400)
    nothing = np.empty(0, dtype=np.int64)
    examples = Examples(("a", "b"), X, labels, TimeSplit(np.arange(400), nothing, nothing))
    return TrialRows.of(examples, np.arange(300), np.arange(300, 400))


def specs(*depths):
    return [
        ModelSpec("m", "decision_tree", "y", options={"max_depth": depth, "min_samples_leaf": 5}) for depth in depths
    ]


def test_tasks_give_the_errors_of_one_process_in_their_order(spark, rows):
    here = errors_here(rows)(specs(1, 3, 5), UNWATCHED)
    with errors_on_tasks(spark, rows) as errors_of:
        assert errors_of(specs(1, 3, 5), UNWATCHED) == here
    assert len(set(here)) == 3


def test_an_option_that_is_refused_in_a_task_is_told_in_one_sentence(spark, rows):
    with (
        errors_on_tasks(spark, rows) as errors_of,
        pytest.raises(UsageError, match=r"^decision_tree refuses an option: The 'max_depth' parameter") as refused,
    ):
        errors_of(specs(3, -1), UNWATCHED[:2])
    assert "\n" not in str(refused.value)


def test_the_training_of_a_network_is_watched_epoch_by_epoch_and_can_be_ended():
    windows = RANDOM.normal(size=(300, 3, 2))
    rows = TrialRows(("a", "b"), (windows[:200], windows[:200, -1, 0]), (windows[200:], windows[200:, -1, 0]))
    spec = ModelSpec("m", "tcn", "y", options={"epochs": 5, "units": 4}, sequence_length=3)
    losses = []
    (error,) = errors_here(rows)([spec], [lambda epoch, loss: losses.append((epoch, loss))])
    scale = np.var(windows[:200, -1, 0])  # a loss is that of the standardized label
    assert [epoch for epoch, _ in losses] == list(range(5))
    assert error == pytest.approx(scale * min(loss for _, loss in losses), rel=1e-3)

    def end(epoch, loss):
        if epoch == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        errors_here(rows)([spec], [end])
