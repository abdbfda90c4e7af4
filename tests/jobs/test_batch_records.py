"""Files to records: every line is accounted for, whatever it holds; Python's own csv and json are the oracles."""

import csv
import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.batch_columns import decide_columns
from jobs.batch_formats import find_files, format_of
from jobs.batch_records import NumberText, Unreadable, json_text, parse_object, read_records
from jobs.batch_rows import read_file
from jobs.batch_scan import balanced, scan_file
from jobs.batch_values import Column, to_batch
from jobs.readers.byte_stream import ByteStream
from jobs.readers.json_lines import RefusedLineError
from jobs.tfrecord import frame
from jobs.tfrecord_example import encode_example
from models.errors import DataContractError, ModelContractError, UsageError


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A file to write examples to."""
    return tmp_path_factory.mktemp("records") / "in"


def records_of(file, content, format_):
    file.write_bytes(content)
    return [record for batch in read_records(ByteStream(file, len(content)), format_) for record in batch]


def codes(records):
    return [record.code if isinstance(record, Unreadable) else "ok" for record in records]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": 1.50, "b": [1e3, null], "c": true}', {"a": "1.50", "b": ["1e3", None], "c": True}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": 9223372036854775808}', {"a": "9223372036854775808"}),
        (b'{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'  {"a": "x"}\r', {"a": "x"}),
        (b'{"a": 1} x', "NOT_JSON"),
        (b'{"a": 01}', "NOT_JSON"),
        (b'{"a":' + b"[" * 100_000, "NOT_JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", {"a": "9" * 10_000}),
        (b"1", "NOT_AN_OBJECT"),
        (b'{"a": 1, "a": 1}', "DUPLICATE_KEY"),
        (b'{"a": {"b": 1, "b": 1}}', "DUPLICATE_KEY"),
        (b"   ", "BLANK_LINE"),
        (b'{"a": "\xff"}', "NOT_UTF8"),
        (b'{"a": "\0"}', "NUL_BYTE"),
        (b'{"a": "' + b"x" * (1 << 22) + b'"}', "LINE_TOO_LONG"),
    ],
)
def test_a_line_of_json_is_an_object_or_says_why_not(scratch, line, expected):
    (record,) = records_of(scratch, line + b"\n", "jsonl")
    if isinstance(expected, str):
        assert record.code == expected
        assert record.reason.startswith("in line 1: ")
    else:
        assert record == expected


def test_numbers_of_json_keep_their_digits():
    value = parse_object('{"a": 0.10000000000000000001, "b": {"c": [1.0, "1.0", null, true, "\\u00e9"]}}')
    assert type(value["a"]) is NumberText
    assert json_text(value["b"]) == '{"c":[1.0,"1.0",null,true,"é"]}'
    with pytest.raises(RefusedLineError):
        parse_object("{")


def test_a_csv_row_with_lines_and_commas_in_quotes_is_one_row(scratch):
    content = b'\xef\xbb\xbfid,note\r\n1,"a,b\nc ""d"""\r\n2,\n3,"'
    records = records_of(scratch, content, "csv")
    assert records[:2] == [{"id": "1", "note": 'a,b\nc "d"'}, {"id": "2", "note": None}]
    assert (records[2].code, records[2].reason) == ("OPEN_QUOTE", "in line 5: a quote is opened and never closed")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (b"1,2\n3\n4,5,6\n7,8\n", ["ok", "FIELD_COUNT", "FIELD_COUNT", "ok"]),
        (b'1,"x\n2,3\n4,5\n', ["OPEN_QUOTE", "ok", "ok"]),  # an open quote costs its line, not the file
        (b'1,"x\n2,3\n4,y"\n5,6\n', ["ok", "ok"]),  # two fields, the second of three lines: a row as RFC 4180 has it
        (b'1,x"\n2,3\n4,5,"\n6,7\n', ["BAD_QUOTES", "ok", "OPEN_QUOTE", "ok"]),
        (b'1,"a"b\n2,3\n', ["BAD_QUOTES", "ok"]),
        (b"\n1,2\n", ["BLANK_LINE", "ok"]),
        (b'1,"\n' + (b"y" * 99 + b"\n") * 12_000 + b"2,3\n", ["OPEN_QUOTE"] + ["FIELD_COUNT"] * 12_000 + ["ok"]),
    ],
)
def test_a_bad_csv_row_costs_itself_alone(scratch, rows, expected):
    assert codes(records_of(scratch, b"a,b\n" + rows, "csv")) == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=6))
def test_what_pythons_csv_writes_comes_back(scratch, rows):
    rows = [[field.replace("\0", "").replace("\r", "") for field in row] for row in rows]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    content = file.getvalue().encode("utf-8", "replace")
    rows = [[field.encode("utf-8", "replace").decode() for field in row] for row in rows]
    assert records_of(scratch, content, "csv") == [{"a": a or None, "b": b or None} for a, b in rows]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8))
def test_every_line_of_any_bytes_is_one_record(scratch, lines):
    content = b"".join(line + b"\n" for line in [b"{}", *lines])
    assert len(records_of(scratch, content, "jsonl")) == 1 + len(lines)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b'"', b",", b"x", b"\n", b'""', b"\r\n", b"\xff"]), max_size=30))
def test_no_line_of_csv_is_lost_without_a_word(scratch, parts):
    """Each physical line is in a row that was read, or is the line that an unreadable record names."""
    content = b"".join(parts)
    body = content[:-1] if content.endswith(b"\n") else content
    n_lines = len(body.split(b"\n")) if body or content else 0
    held = 0
    for record in records_of(scratch, b"a,b\n" + content, "csv"):
        fields = [field or "" for field in record.values()] if isinstance(record, dict) else []
        held += 1 + sum(field.count("\n") for field in fields)
    assert held == n_lines


def test_a_damaged_tfrecord_costs_itself_or_the_rest_of_the_file(scratch):
    good = [frame(encode_example({"a": float(i)})) for i in range(3)]
    flipped = bytearray(good[1])
    flipped[14] ^= 1
    records = records_of(scratch, good[0] + bytes(flipped) + good[2], "tfrecord")
    assert records[0] == {"a": 0.0}
    assert (records[1].code, records[1].reason) == ("DAMAGED", "in record 2: its CRC is wrong, copy the file again")
    assert records[2] == {"a": 2.0}
    flipped = bytearray(good[1])
    flipped[0] ^= 1
    records = records_of(scratch, good[0] + bytes(flipped) + good[2], "tfrecord")
    assert codes(records) == ["ok", "DAMAGED"]
    assert "after record 1: the length of a record is damaged" in records[1].reason
    assert codes(records_of(scratch, good[0] + good[1][:-1], "tfrecord")) == ["ok", "DAMAGED"]
    assert codes(records_of(scratch, frame(b"no example"), "tfrecord")) == ["NOT_AN_EXAMPLE"]


def test_a_gzip_file_that_breaks_off_says_so(scratch):
    lines = b"".join(b'{"a": %d}\n' % i for i in range(2_000))
    packed = gzip.compress(lines)
    records = records_of(scratch, packed[: len(packed) // 2], "jsonl")
    assert codes(records)[-1] == "CUT_OFF"
    assert 0 < codes(records).count("ok") < 2_000
    damaged = bytearray(packed)
    damaged[-5] ^= 1  # of its length
    records = records_of(scratch, bytes(damaged), "jsonl")
    assert codes(records) == ["ok"] * 2_000 + ["DAMAGED"]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("double", "1.5", 1.5),
        ("double", " -2e3 ", -2000.0),
        ("double", True, 1.0),
        ("double", "inf", float("inf")),
        ("double", "1_0", ValueError),
        ("double", "", ValueError),
        ("double", "0x1", ValueError),
        ("double", "1,5", ValueError),
        ("double", ["1"], ValueError),
        ("double", (1.0, 2.0), ValueError),
        ("bigint", "9007199254740993", 9007199254740993),
        ("bigint", "9223372036854775808", ValueError),
        ("bigint", NumberText("1.0"), ValueError),
        ("int", 2**31, ValueError),
        ("boolean", "True", True),
        ("boolean", 1, ValueError),
        ("string", NumberText("1.10"), "1.10"),
        ("string", {"k": NumberText("1.10")}, '{"k":1.10}'),
        ("string", "\ud800", ValueError),
        ("binary", "é", b"\xc3\xa9"),
        ("timestamp", "2024-01-02T03:04:05.000006+01:00", datetime(2024, 1, 2, 2, 4, 5, 6, UTC)),
        ("timestamp", "2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("timestamp", 1704164645, ValueError),
        ("date", "2024-02-30", ValueError),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("decimal(10,2)", NumberText("1.10"), Decimal("1.10")),
        ("decimal(10,2)", "1.101", ValueError),
        ("decimal(3,2)", "10.00", ValueError),
        ("decimal(10,2)", "NaN", ValueError),
        ("array<bigint>", (1, 2), [1, 2]),
        ("array<bigint>", 1, [1]),
    ],
)
def test_a_value_is_held_exactly_or_refused(type_, value, expected):
    batch = to_batch([{"c": value, "d": 1}, {"c": None, "d": 2}], [Column("c", type_), Column("d", "bigint")])
    (first, second), refusals = batch.column("c").to_pylist(), batch.column("__refusal").to_pylist()
    assert second is None
    assert batch.column("d").to_pylist() == [1, 2]
    if expected is ValueError:
        assert first is None
        assert refusals[0]["code"] == "BAD_VALUE"
        assert refusals[0]["reason"].startswith("c = ")
        refusals[0]["reason"].encode()
        assert refusals[1] is None
    else:
        assert first == expected
        assert refusals == [None, None]


def test_an_unreadable_record_is_a_row_without_values():
    batch = to_batch([Unreadable("NOT_JSON", "why"), {"c": "x"}], [Column("c", "string")])
    assert batch.to_pylist() == [
        {"c": None, "__refusal": {"code": "NOT_JSON", "reason": "why"}},
        {"c": "x", "__refusal": None},
    ]


class Needs:
    """The part of a model version that columns depend on."""

    name, version, sequence_length, transform, group = "m", 1, 1, (), None

    def __init__(self, *features):
        self.feature_names = features


def columns_of(scratch, lines, declared=None, features=("f",)):
    scratch.write_text("".join(line + "\n" for line in lines))
    facts = scan_file(str(scratch), scratch.stat().st_size, "jsonl")
    return {column.name: column.sql_type for column in decide_columns([facts], Needs(*features), declared or {})}


def test_columns_get_the_type_that_holds_every_value(scratch):
    lines = [
        '{"F": 1, "i": 1, "x": 1, "b": true, "s": "a", "m": 1, "n": null, "o": {"p": 1}}',
        '{"F": "2", "i": null, "x": 1.5, "b": false, "s": "", "m": "x", "late": 1, "id": 3}',
    ]
    assert columns_of(scratch, lines, {"id": "int"}) == {
        "F": "double", "i": "bigint", "x": "double", "b": "boolean", "s": "string", "m": "string", "n": "string",
        "o": "string", "late": "bigint", "id": "int",
    }  # fmt: skip
    nested = ['{"features": [{"f": 1, "g": 2}, null]}', '{"features": null}']
    assert columns_of(scratch, nested) == {"features": "array<struct<`f`:double,`g`:double>>"}
    with pytest.raises(ModelContractError, match="needs the feature g, which the input lacks: it has f"):
        columns_of(scratch, ['{"f": 1}'], features=("f", "g"))
    with pytest.raises(UsageError, match="--types names x, which the files lack: they have f"):
        columns_of(scratch, ['{"f": 1}'], {"x": "int"})


@pytest.mark.parametrize("key", ["", "a\\nb", "\\ud800", "__refusal"])
def test_a_field_that_cannot_name_a_column_is_refused(scratch, key):
    with pytest.raises(DataContractError, match="cannot name a column"):
        columns_of(scratch, [f'{{"f": 1, "{key}": 2}}'])


def test_fields_without_end_are_refused(scratch):
    with pytest.raises(DataContractError, match="more than 2,000 different columns"):
        columns_of(scratch, [json.dumps({f"k{i}": 1}) for i in range(2_001)])


def test_a_file_that_changes_between_the_passes_is_refused(scratch):
    scratch.write_text('{"f": 1}\n')
    facts = scan_file(str(scratch), 9, "jsonl")
    columns = [Column("f", "double")]
    assert pa.Table.from_batches(read_file(facts, columns, "jsonl")).column("f").to_pylist() == [1.0]
    scratch.write_text('{"f": 2}\n')
    with pytest.raises(DataContractError, match="changed while it was read"):
        list(read_file(facts, columns, "jsonl"))
    scratch.write_text('{"f": 1}\n{"f": 3}\n')  # a writer that goes on: what was there at the start is read
    assert pa.Table.from_batches(read_file(facts, columns, "jsonl")).num_rows == 1


def test_files_are_shared_out_by_size():
    assert balanced([("a", 5), ("b", 9), ("c", 4), ("d", 1)], 2) == [[("b", 9), ("d", 1)], [("a", 5), ("c", 4)]]
    assert balanced([("a", 0), ("b", 0)], 5) == [[("a", 0)], [("b", 0)]]


def test_formats_are_told_by_endings(tmp_path):
    for name in ("b.jsonl.gz", "a.ndjson", "_SUCCESS", ".hidden.csv"):
        (tmp_path / name).write_text("")
    files = find_files(str(tmp_path))
    assert [file.name for file in files] == ["a.ndjson", "b.jsonl.gz"]
    assert format_of(files, None) == "jsonl"
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(UsageError, match=r"of several formats \(csv, jsonl\): run one each"):
        format_of(find_files(str(tmp_path / "*.*")), None)
    (tmp_path / "d.txt").write_text("")
    with pytest.raises(UsageError, match=r"the ending of d.txt tells no format: say --format"):
        format_of(find_files(str(tmp_path / "d.txt")), None)
    assert format_of(find_files(str(tmp_path / "d.txt")), "csv") == "csv"
    with pytest.raises(DataContractError, match="no file matches"):
        find_files(str(tmp_path / "none*"))
