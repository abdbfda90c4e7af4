import numpy as np
import pytest

from models.group_index import KeyIndex

NO_GROUP = [-1.0, -1.0]
NOTHING = [np.nan, np.nan]


def columns(keys):
    """The two columns of keys, with nothing of the code under test."""
    return np.array([[key // 2**32, key % 2**32] for key in keys], dtype=np.float64).reshape(-1, 2)


@pytest.mark.parametrize("n_keys", [0, 1, 2, 3_000, 100_000])  # at most one key a bucket, and several
def test_every_known_key_is_found_and_no_other(n_keys):
    random = np.random.default_rng(n_keys)
    drawn = random.integers(0, 2**64 - 1, size=2 * n_keys + 1, dtype=np.uint64)
    known, other = np.unique(drawn[:n_keys]), drawn[n_keys:]
    index = KeyIndex(known)
    assert index.positions(columns([int(key) for key in known])).tolist() == list(range(len(known)))
    assert set(index.positions(columns([int(key) for key in other])).tolist()) == {-1}
    assert index.positions(np.array([NO_GROUP, NOTHING])).tolist() == [-1, -1]


def test_keys_of_one_bucket_are_told_apart():
    keys = [0, 1, 2**32, 2**47, 2**64 - 2, 2**64 - 1]
    index = KeyIndex(np.array(keys, dtype=np.uint64))
    assert index.positions(columns(keys)).tolist() == [0, 1, 2, 3, 4, 5]
    assert index.positions(columns([2, 2**32 + 1, 2**47 + 1, 2**64 - 3])).tolist() == [-1] * 4
    assert index.positions(np.array([NO_GROUP, NOTHING])).tolist() == [-1, -1]


def test_the_key_lies_after_the_features():
    index = KeyIndex(np.array([7], dtype=np.uint64))
    assert index.positions(np.array([[3.0, 4.0, 0.0, 7.0], [0.0, 7.0, 1.0, 1.0]])).tolist() == [0, -1]
