"""Many lines of JSON read at once, against Python's reader line by line; or left to it."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.readers.flat_json import flat_texts, read_flat
from jobs.readers.json_lines import RefusedLineError, decode_line, parse_object
from jobs.readers.lines import MAX_LINE_BYTES

TEXTS, INTEGERS = ("a", "b"), ("n",)
GOOD = b'{"a":"x","n":1}'


def read(*lines):
    return read_flat(lines, TEXTS, INTEGERS)


def check_as_read_alone(lines):
    """Where the lines are read at once each is good alone, and has the same texts."""
    if (table := read(*lines)) is None:
        return False
    messages = [parse_object(decode_line(line)) for line in lines]
    for field in (*TEXTS, *INTEGERS):
        assert flat_texts(table, field).to_pylist() == [message.get(field) or None for message in messages]
    assert set(table.schema.names) - {*TEXTS, *INTEGERS} == set().union(*messages) - {*TEXTS, *INTEGERS}
    return True


def test_texts_are_as_sent_and_null_where_empty_or_absent():
    table = read(b'{"a":"0.10","b":"","n":12}', b'{"b" : "caf\xc3\xa9" , "n":9223372036854775807}', b"{}")
    assert flat_texts(table, "a").to_pylist() == ["0.10", None, None]
    assert flat_texts(table, "b").to_pylist() == [None, "café", None]
    assert flat_texts(table, "n").to_pylist() == ["12", "9223372036854775807", None]
    assert flat_texts(table, "absent").to_pylist() == [None] * 3


def test_other_fields_are_named_whatever_they_hold():
    table = read(b'{"a":"x","user_id":"7","is_new":true,"fee":0.5}', b'{"at":"2024-01-01T00:00:00Z","fee":1}')
    assert set(table.schema.names) == {"a", "b", "n", "user_id", "is_new", "fee", "at"}


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"a":"x",', b'"b":"y"}', b"{}{}"],
        [b'{"a":"x"},{"a":"y"}', b""],
        [b'{"a":"x"}{"a":"y"}'],
        [b'{"a":"x",', b'"b":"y"}'],
        [b'{"a":"x"}', b"", b'{"a":"y"}{"a":"z"}'],
        [b'{"a":"x","a":"y"}'],
        [b'{"a":null,"a":"y"}'],
        [b'{"a":"y","a":null}'],
        [b'{"n":1,"n":2}'],
        [b'{"other":1,"other":"x"}'],
        [b'{"a":null}'],
        [b'{"other":null}'],
        [b'{"a":"x\\u0041"}'],
        [b'{"a":"{}"}'],
        [b'{"other":{"a":"x"}}'],
        [b'{"other":["x"]}'],
        [b'{"a":1}'],
        [b'{"a":true}'],
        [b'{"n":"1"}'],
        [b'{"n":1.5}'],
        [b'{"n":1e3}'],
        [b'{"n":0}'],
        [b'{"n":-0}'],
        [b'{"n":9223372036854775808}'],
        [b'{"n":01}'],
        [b'{"a":"\xff"}'],
        [b'{"a":"\0"}'],
        [b'{"a":"\t"}'],
        [b'{"a":"x"} '],
        [b'{"a":"x",}'],
        [b"{'a':'x'}"],
        [b"[]"],
        [b"1"],
        [b""],
        [b'\xef\xbb\xbf{"a":"x"}'],
        [b'{"a":"' + b"x" * MAX_LINE_BYTES + b'"}'],
    ],
)
def test_what_could_be_read_otherwise_is_left_to_the_reader_of_lines(lines):
    assert read(*lines) is None
    assert read(GOOD, *lines, GOOD) is None


texts = st.text(st.sampled_from('ab09.:,[] -é"\\{}\n\t'), max_size=5)
values = texts | st.integers() | st.booleans() | st.none() | st.floats() | st.lists(texts, max_size=2)
fields = st.sampled_from(["a", "b", "n", "user_id", "café"])
plain = st.fixed_dictionaries({}, optional={"a": st.text("xyz09"), "b": st.text("é."), "n": st.integers(1, 2**63 - 1)})
messages = plain | st.dictionaries(fields, values, max_size=4)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


def as_lines(messages, separators):
    return [json.dumps(message, separators=separators, ensure_ascii=False).encode() for message in messages]


@settings(max_examples=200, deadline=None)
@given(st.lists(plain, min_size=1, max_size=6), separators)
def test_plain_messages_are_read_at_once_as_alone(messages, separators):
    assert check_as_read_alone(as_lines(messages, separators))


@settings(max_examples=300, deadline=None)
@given(st.lists(messages, min_size=1, max_size=6), separators)
def test_any_messages_are_as_read_alone_or_left(messages, separators):
    check_as_read_alone(as_lines(messages, separators))


tokens = st.sampled_from(
    [
        "{",
        "}",
        "{",
        "}",
        '"a"',
        '"b"',
        '"n"',
        ":",
        ",",
        '"x"',
        '""',
        "1",
        "-0",
        "null",
        "true",
        "[",
        "]",
        " ",
        "\\",
        '"',
        "\r",
    ]
)
pieces = st.sampled_from(
    ['{"a":"x"}', "{}", '{"n":1', '"n":1}', '"a":"y"', '{"a":"x"', ",", '{"n":1,"n":2}', '"b":"z"}']
)


@settings(max_examples=1_500, deadline=None)
@given(st.lists(st.lists(tokens | pieces, max_size=6).map("".join).map(str.encode), min_size=1, max_size=4))
@example([b'{"a":"x",', b'"b":"z"}', b"{}{}"])
def test_any_text_is_as_read_alone_or_left(lines):
    try:
        check_as_read_alone(lines)
    except RefusedLineError as refused:
        raise AssertionError(f"{lines} were read at once, and one is refused alone") from refused
