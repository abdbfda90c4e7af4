"""Windows in a file are those of ``sliding_windows``, however the rows come in; batches of them, shuffled by a seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UsageError
from models.window_dataset import batches, shuffled_places, window_dataset
from models.window_store import Steps, WindowStore, WindowWriter
from models.windows import sliding_windows

N_FEATURES = 2


def steps_of(values, group, step, label=None, is_wanted=None):
    n = len(step)
    return Steps(
        values=np.asarray(values, dtype=np.float64).reshape(n, N_FEATURES),
        group=np.asarray(group, dtype=np.int32),
        step=np.asarray(step, dtype=np.int64),
        known_from=np.asarray(step, dtype=np.int64) * 60,
        is_training=np.asarray(step) < 5,
        label=np.arange(n, dtype=np.float64) if label is None else np.asarray(label, dtype=np.float64),
        is_wanted=np.ones(n, dtype=bool) if is_wanted is None else np.asarray(is_wanted),
    )


def part_of(steps, start, end):
    return Steps(**{name: column[start:end] for name, column in vars(steps).items()})


def stored(folder, steps, n_steps, cuts=()):
    with WindowWriter(folder, n_steps, N_FEATURES) as writer:
        for start, end in itertools.pairwise([0, *cuts, len(steps.step)]):
            writer.add(part_of(steps, start, end))
        return writer.finish({"label": "y"})


def whole(store):
    return store.inputs(np.arange(len(store)))


def test_a_window_is_its_rows_oldest_first(tmp_path):
    store = stored(tmp_path / "w", steps_of(np.arange(8), [0] * 4, [7, 8, 9, 10]), 3)
    assert whole(store).tolist() == [[[0, 1], [2, 3], [4, 5]], [[2, 3], [4, 5], [6, 7]]]
    assert {name: column.tolist() for name, column in store.columns.items()} == {
        "end": [2, 3], "group": [0, 0], "step": [9, 10], "known_from": [540, 600], "is_training": [False, False],
        "label": [2.0, 3.0],
    }  # fmt: skip
    assert store.facts == {"label": "y", "n_steps": 3, "n_features": 2, "n_rows": 4}


def test_a_window_needs_a_label_and_to_be_wanted_but_rows_before_its_last_do_not(tmp_path):
    steps = steps_of(np.zeros(10), [0] * 5, range(5), [np.nan, 1, np.nan, 3, 4], [False, True, True, False, True])
    assert stored(tmp_path / "w", steps, 2).columns["end"].tolist() == [1, 4]


@st.composite
def rows(draw):
    n = draw(st.integers(0, 30))
    group = np.cumsum(draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=n, max_size=n))).astype(np.int32)
    step = np.cumsum(draw(st.lists(st.sampled_from([1, 1, 1, 2]), min_size=n, max_size=n))).astype(np.int64)
    kinds = st.sampled_from([1.0, 1.0, 2.5, -3.0, np.nan, np.inf])
    values = draw(st.lists(kinds, min_size=n * N_FEATURES, max_size=n * N_FEATURES))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return steps_of(values, group, step), draw(st.integers(1, 5)), cuts


@settings(deadline=None, max_examples=150)
@given(rows())
def test_they_are_the_windows_in_memory_wherever_the_parts_are_cut(tmp_path_factory, drawn):
    steps, n_steps, cuts = drawn
    store = stored(tmp_path_factory.mktemp("w") / "w", steps, n_steps, cuts)
    windows, last = sliding_windows(steps.values, steps.group, steps.step, n_steps)
    assert store.columns["end"].tolist() == last.tolist()
    np.testing.assert_array_equal(whole(store), windows.astype(np.float32))
    store.close()


@pytest.mark.parametrize(("group", "step"), [([1, 0], [1, 2]), ([0, 0], [2, 1]), ([0, 0], [1, 1])])
@pytest.mark.parametrize("cuts", [(), (1,)])
def test_rows_out_of_order_are_refused(tmp_path, group, step, cuts):
    with pytest.raises(UsageError, match="not in the order of group and step, each step once"):
        stored(tmp_path / "w", steps_of(np.zeros(4), group, step), 1, cuts)


@pytest.fixture
def store(tmp_path):
    random = np.random.default_rng(0)
    return stored(tmp_path / "w", steps_of(random.normal(size=200), [0] * 100, range(100)), 4)


def test_it_can_be_opened_again(store):
    again = WindowStore(store.folder)
    np.testing.assert_array_equal(whole(again), whole(store))


def test_batches_hold_each_window_once(store):
    places = np.arange(len(store))[::-1]
    inputs, labels = zip(*batches(store, places, 10), strict=True)
    assert [len(part) for part in labels] == [10] * 9 + [7]
    np.testing.assert_array_equal(np.concatenate(inputs), whole(store)[::-1])
    assert np.concatenate(labels).tolist() == list(range(99, 2, -1))


def test_tensorflow_gets_each_window_once_an_epoch_in_an_order_of_the_seed(store):
    places = np.arange(len(store))
    dataset = window_dataset(store, places, 10, seed=3)
    epochs = [np.concatenate([labels.numpy() for _, labels in dataset]) for _ in range(2)]
    wanted = [store.columns["label"][shuffled_places(places, 3, epoch)] for epoch in range(2)]
    np.testing.assert_array_equal(epochs, wanted)
    assert sorted(epochs[0]) == sorted(epochs[1]) == store.columns["label"].tolist()
    assert epochs[0].tolist() != epochs[1].tolist()
    inputs, labels = next(iter(window_dataset(store, places, 10)))
    np.testing.assert_array_equal(inputs, whole(store)[:10])
    assert inputs.shape == (10, 4, 2)
    assert labels.dtype == inputs.dtype == "float32"


def test_no_rows_are_no_windows(tmp_path):
    store = stored(tmp_path / "w", steps_of([], [], []), 3)
    assert len(store) == 0
    assert list(batches(store, np.arange(0), 5)) == []
