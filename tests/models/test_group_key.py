import numpy as np
import pytest

from models.errors import DataContractError
from models.group_key import (
    can_name_groups,
    features_of,
    group_names,
    has_group,
    key_columns,
    key_expressions,
    keys_of,
)
from models.xxhash64 import xxhash64

# Of xxHash's own documentation and of its test program (a text of this length, seed 0).
PUBLISHED = {
    "": 0xEF46DB3751D8E999,
    "a": 0xD24EC4F1A98C6E5B,
    "abc": 0x44BC2CF5AD770999,
    "Nobody inspects the spammish repetition": 0xFBCEA83C8A378BF1,
}


@pytest.mark.parametrize(("text", "expected"), PUBLISHED.items())
def test_the_hash_is_the_published_one(text, expected):
    assert xxhash64(text.encode(), seed=0) == expected


def test_a_key_has_both_halves_of_the_hash():
    columns = key_columns(["abc"])
    assert columns.tolist() == [[float(xxhash64(b"abc") >> 32), float(xxhash64(b"abc") % 2**32)]]
    assert keys_of(columns).tolist() == [xxhash64(b"abc")]


def test_what_is_no_group_has_none():
    columns = key_columns(["a", None, float("nan")])
    assert columns[1:].tolist() == [[-1, -1], [-1, -1]]
    assert has_group(columns).tolist() == [True, False, False]


def test_values_are_hashed_as_sql_casts_them_to_text():
    assert key_columns([7, np.int64(7), True, np.False_]).tolist() == key_columns(["7", "7", "true", "false"]).tolist()


def test_a_number_with_a_fraction_is_refused():
    with pytest.raises(DataContractError, match=r"a group is a text or a whole number, got 1\.5: cast it to text"):
        key_columns([1.5])


@pytest.mark.parametrize(
    "type_", ["string", "varchar(9)", "char(3)", "byte", "long", "boolean", "date", "decimal(9,0)"]
)
def test_what_is_always_written_alike_can_name_groups(type_):
    assert can_name_groups(type_)


@pytest.mark.parametrize(
    "type_", ["timestamp", "decimal(5,2)", "double", "float", "binary", "interval day to second", {"type": "struct"}]
)
def test_what_is_written_in_several_ways_cannot_name_groups(type_):
    assert not can_name_groups(type_)


def test_no_rows_have_no_keys():
    assert key_columns([]).shape == (0, 2)


def test_features_lie_before_the_key():
    X = np.arange(8.0).reshape(2, 4)
    assert features_of(X, "symbol").tolist() == [[0, 1], [4, 5]]
    assert features_of(X, None) is X


def test_two_names_of_one_hash_are_refused():
    assert group_names([(1, "a"), (2, "b"), (1, "a")]) == {1: "a", 2: "b"}
    with pytest.raises(DataContractError, match=r"the groups 'a' and 'b' have the same 64-bit hash, .*: write one of"):
        group_names([(1, "a"), (1, "b")])


def test_a_name_with_quotes_stays_a_name():
    assert "CAST(`a``b` AS STRING)" in key_expressions("a`b")[0]
