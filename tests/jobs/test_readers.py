"""Each kind of bad input by name, without Spark: what becomes of the line, and why."""

import gzip
import hashlib
import json
import zlib
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.ingest_codes import CODES
from jobs.readers.decimals import parse_decimal
from jobs.readers.file_reader import FileReport, FileTask, read_file
from jobs.readers.instants import parse_instant
from jobs.sources import Source

NOW_US = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
COINBASE = Source(path="x", format="coinbase_full", exchange="coinbase")
BITSTAMP = Source(path="x", format="bitstamp_log", exchange="bitstamp", symbol="BTC-USD")
OPEN = {
    "type": "open",
    "side": "buy",
    "price": "100.10",
    "order_id": "a",
    "remaining_size": "2.5",
    "product_id": "BTC-USD",
    "sequence": 7,
    "time": "2018-03-25T00:00:00.002000Z",
}
MATCH = {
    "type": "match",
    "trade_id": 9,
    "maker_order_id": "m",
    "taker_order_id": "t",
    "side": "sell",
    "size": "0.5",
    "price": "100",
    "product_id": "BTC-USD",
    "sequence": 8,
    "time": "2018-03-25T00:00:01Z",
}


class Reading:
    """A file as read: rows (dicts of the lines that are not pending) and the report."""

    def __init__(self, data: bytes, source: Source, folder, known: frozenset[str] = frozenset()):
        path = folder / "file"
        path.write_bytes(data)
        task = FileTask(file_index=0, path=str(path), n_bytes=len(data), known_digests=known)
        *rows, report = pa.Table.from_batches(list(read_file(task, source, NOW_US))).to_pylist()
        self.rows, self.report = rows, FileReport.model_validate_json(report["raw_text"])
        assert self.report.n_read == len(rows) + self.report.n_pending
        assert self.report.n_refused == sum(row["kind"] == "refused" for row in rows)

    @property
    def codes(self):
        return [row["code"] for row in self.rows]


def text(message=OPEN, **changes) -> bytes:
    fields = {key: value for key, value in {**message, **changes}.items() if value is not ...}
    return json.dumps(fields).encode()


def code_of(tmp_path, line: bytes, source=COINBASE) -> str | None:
    (code,) = Reading(line + b"\n", source, tmp_path).codes
    return code


def bitstamp(event, fields, ms=1430438404518) -> bytes:
    return f"{ms} {event} {fields if isinstance(fields, str) else json.dumps(fields)}".encode()


ORDER = {"price": "236.47", "amount": "2.00000000", "datetime": "1430438404", "id": 65595247, "order_type": 0}


def test_an_open_order_keeps_every_value_exactly(tmp_path):
    (row,) = Reading(text() + b"\n", COINBASE, tmp_path).rows
    values = {key: row[key] for key in ("symbol", "epoch", "sequence", "event", "order_id", "side", "price", "size")}
    assert values == {
        "symbol": "BTC-USD",
        "epoch": 0,
        "sequence": 7,
        "event": "open",
        "order_id": "a",
        "side": "buy",
        "price": Decimal("100.10"),
        "size": None,
    }
    assert row["remaining_size"] == Decimal("2.5")
    assert row["event_time"] == datetime(2018, 3, 25, 0, 0, 0, 2000, tzinfo=UTC)
    assert (row["line_number"], row["byte_offset"], row["code"]) == (1, 0, None)


def test_a_change_has_its_new_size_as_what_is_left(tmp_path):
    line = text(type="change", remaining_size=..., old_size="3", new_size="1.25")
    (row,) = Reading(line + b"\n", COINBASE, tmp_path).rows
    assert (row["old_size"], row["size"], row["remaining_size"]) == (Decimal(3), Decimal("1.25"), Decimal("1.25"))


def test_a_market_order_may_name_funds_alone(tmp_path):
    line = text(type="received", order_type="market", remaining_size=..., price=..., funds="2326.4567149388000000")
    (row,) = Reading(line + b"\n", COINBASE, tmp_path).rows
    assert (row["price"], row["size"], row["funds"]) == (None, None, Decimal("2326.4567149388"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": "NaN"}, "BAD_NUMBER"),
        ({"price": float("nan")}, "BAD_NUMBER"),
        ({"price": float("inf")}, "BAD_NUMBER"),
        ({"price": "-Infinity"}, "BAD_NUMBER"),
        ({"price": "1e400"}, "BAD_NUMBER"),
        ({"price": "12,5"}, "BAD_NUMBER"),
        ({"price": "0x10"}, "BAD_NUMBER"),
        ({"price": " 1"}, "BAD_NUMBER"),
        ({"price": "-1.00"}, "BAD_PRICE"),
        ({"price": "0"}, "BAD_PRICE"),
        ({"price": "0.00000000"}, "BAD_PRICE"),
        ({"price": "-0"}, "BAD_PRICE"),
        ({"remaining_size": "-0.1"}, "BAD_SIZE"),
        ({"remaining_size": "0"}, None),
        ({"price": "1.123456789"}, "OVER_PRECISE"),
        ({"price": "1.1234567800000"}, None),
        ({"price": "1e-9"}, "OVER_PRECISE"),
        ({"price": "1e-8"}, None),
        ({"price": "1.5E2"}, None),
        ({"price": "9999999999.99999999"}, None),
        ({"price": "10000000000"}, "TOO_LARGE"),
        ({"price": "1e300"}, "TOO_LARGE"),
        ({"price": 100.25}, None),
        ({"price": [1]}, "BAD_VALUE"),
        ({"price": True}, "BAD_VALUE"),
        ({"side": "bid"}, "BAD_VALUE"),
        ({"order_id": "\ud800"}, "BAD_VALUE"),
        ({"new_field": {"a": [1]}}, None),
        ({"price": ..., "prize": "1"}, "MISSING_FIELD"),
        ({"price": None}, "MISSING_FIELD"),
        ({"time": ...}, "MISSING_FIELD"),
        ({"sequence": ..., "seq": 7}, "MISSING_FIELD"),
        ({"product_id": ""}, "MISSING_FIELD"),
        ({"type": ...}, "MISSING_FIELD"),
        ({"type": "opened"}, "UNKNOWN_EVENT"),
        ({"type": "heartbeat"}, "NOT_AN_ORDER_EVENT"),
        ({"type": "subscriptions"}, "NOT_AN_ORDER_EVENT"),
        ({"type": "activate"}, "NOT_AN_ORDER_EVENT"),
        ({"sequence": -1}, "BAD_SEQUENCE"),
        ({"sequence": 1.5}, "BAD_SEQUENCE"),
        ({"sequence": 2**63}, "BAD_SEQUENCE"),
        ({"sequence": 2**63 - 1}, None),
        ({"sequence": "12"}, None),
        ({"time": "yesterday"}, "BAD_TIME"),
        ({"time": "2018-02-30T00:00:00Z"}, "BAD_TIME"),
        ({"time": "2018-03-25T00:00:00"}, "BAD_TIME"),
        ({"time": "2008-12-31T23:59:59.999999Z"}, "BAD_TIME"),
        ({"time": "2024-06-02T00:00:00Z"}, None),
        ({"time": "2024-06-02T00:00:00.000001Z"}, "BAD_TIME"),
        ({"time": 0}, "BAD_TIME"),
        ({"time": 10**30}, "BAD_TIME"),
        ({"time": "2018-03-25T09:00:00+09:00"}, None),
        ({"time": 1521936000}, None),
    ],
)
def test_a_changed_field_gets_the_code(tmp_path, changes, code):
    assert code_of(tmp_path, text(**changes)) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"[1, 2]", "NOT_AN_OBJECT"),
        (b'"text"', "NOT_AN_OBJECT"),
        (b"{", "NOT_JSON"),
        (b"hello", "NOT_JSON"),
        (b"[" * 100_000, "NOT_JSON"),
        (text() + b" trailing", "NOT_JSON"),
        (text() + text(), "NOT_JSON"),
        (text().replace(b'"side"', b'"price": "2", "side"'), "DUPLICATE_KEY"),
        (text(order_id="\u00e9").replace(b"\\u00e9", b"\xe9"), "NOT_UTF8"),
        (text(order_id="xyz").replace(b"y", b"\0"), "NUL_BYTE"),
        (b"\0" * 512, "NUL_BYTE"),
        (b"", "BLANK_LINE"),
        (b" \t", "BLANK_LINE"),
        (b"  " + text() + b"  ", None),
        (text(note="x" * (1 << 22)), "LINE_TOO_LONG"),
        (text(note="x" * 500_000), None),
        (text(type="match"), "MISSING_FIELD"),
        (text(MATCH), None),
        (text(MATCH, size="0"), "BAD_SIZE"),
        (text(MATCH, trade_id="x"), "BAD_SEQUENCE"),
    ],
)
def test_a_line_gets_the_code(tmp_path, line, code):
    assert code_of(tmp_path, line) == code


def test_a_refused_line_is_kept_with_place_reason_and_text(tmp_path):
    reading = Reading(text() + b"\n" + text(price="-1") + b"\n" + b"caf\xe9\n", COINBASE, tmp_path)
    _, negative, latin = reading.rows
    assert (negative["line_number"], negative["byte_offset"]) == (2, len(text()) + 1)
    assert negative["refusal_reason"] == f'price = "-1.00000000": {CODES["BAD_PRICE"]}'
    assert negative["raw_text"] == text(price="-1").decode()
    assert (latin["code"], latin["raw_text"]) == ("NOT_UTF8", "caf\\xe9")


def test_the_kept_part_of_a_very_long_line_is_bounded_and_the_next_line_has_its_true_offset(tmp_path):
    long_line = b"x" * 7_000_000
    reading = Reading(text() + b"\n" + long_line + b"\n" + text(sequence=8) + b"\n", COINBASE, tmp_path)
    assert reading.codes == [None, "LINE_TOO_LONG", None]
    assert len(reading.rows[1]["raw_text"]) == 65_536
    assert [row["byte_offset"] for row in reading.rows] == [0, len(text()) + 1, len(text()) + 2 + 7_000_000]
    assert [row["line_number"] for row in reading.rows] == [1, 2, 3]


def test_unknown_fields_are_accepted_and_named(tmp_path):
    reading = Reading(text(shiny=1, alpha={"b": 2}) + b"\n", COINBASE, tmp_path)
    assert (reading.codes, reading.report.unknown_fields) == ([None], ("alpha", "shiny"))


def test_crlf_and_byte_order_mark_are_not_part_of_a_line(tmp_path):
    data = b"\xef\xbb\xbf" + text() + b"\r\n" + text(price="x") + b"\r\n"
    reading = Reading(data, COINBASE, tmp_path)
    assert reading.codes == [None, "BAD_NUMBER"]
    assert [row["byte_offset"] for row in reading.rows] == [0, 3 + len(text()) + 2]
    assert reading.rows[1]["raw_text"] == text(price="x").decode()


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_a_file_without_lines_is_empty(tmp_path, data):
    report = Reading(data, COINBASE, tmp_path).report
    assert (report.state, report.n_read, report.n_pending) == ("empty", 0, 0)


def test_a_last_line_without_newline_is_good_where_it_is_complete(tmp_path):
    reading = Reading(text() + b"\n" + text(sequence=8), COINBASE, tmp_path)
    assert (reading.codes, reading.report.state, reading.report.n_pending) == ([None, None], "complete", 0)


@pytest.mark.parametrize("cut", [text()[:40], text()[:-1], b"{", b'{"a":"\xe2\x82', b"\0\0\0"])
def test_a_last_line_cut_in_the_middle_is_pending(tmp_path, cut):
    reading = Reading(text() + b"\n" + cut, COINBASE, tmp_path)
    assert (reading.codes, reading.report.state) == ([None], "truncated")
    assert (reading.report.n_read, reading.report.n_pending) == (2, 1)


def test_a_complete_last_line_with_a_bad_value_is_refused_not_pending(tmp_path):
    reading = Reading(text(price="0"), COINBASE, tmp_path)
    assert (reading.codes, reading.report.n_pending, reading.report.state) == (["BAD_PRICE"], 0, "complete")


def test_gzip_of_several_members_with_padding_reads_as_one_file(tmp_path):
    data = (
        gzip.compress(text() + b"\n" + text(sequence=8)[:20]) + gzip.compress(text(sequence=8)[20:] + b"\n") + b"\0" * 9
    )
    reading = Reading(data, COINBASE, tmp_path)
    assert (reading.codes, reading.report.state) == ([None, None], "complete")
    assert reading.report.digest == hashlib.sha256(data).hexdigest()
    assert reading.report.n_bytes == len(data)


def test_half_a_gzip_lands_its_whole_lines_and_is_truncated(tmp_path):
    lines = [text(sequence=i, order_id=hashlib.sha256(str(i).encode()).hexdigest()) for i in range(2_000)]
    data = gzip.compress(b"\n".join(lines) + b"\n")
    half = data[: len(data) // 2]
    readable = zlib.decompressobj(31).decompress(half)
    reading = Reading(half, COINBASE, tmp_path)
    assert reading.report.state == "truncated"
    assert [row["sequence"] for row in reading.rows] == list(range(readable.count(b"\n")))
    assert reading.report.n_pending == 1


def test_corrupt_gzip_lands_the_lines_before_the_damage(tmp_path):
    lines = [text(sequence=i, order_id=hashlib.sha256(str(i).encode()).hexdigest()) for i in range(2_000)]
    data = bytearray(gzip.compress(b"\n".join(lines) + b"\n"))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xff" * 64
    reading = Reading(bytes(data), COINBASE, tmp_path)
    assert reading.report.state == "corrupt"
    assert len(reading.rows) > 500
    assert [row["sequence"] for row in reading.rows[:500]] == list(range(500))
    assert reading.report.digest == hashlib.sha256(data).hexdigest()


def test_a_wrong_gzip_checksum_is_corrupt(tmp_path):
    data = bytearray(gzip.compress(text() + b"\n"))
    data[-5] ^= 1
    assert Reading(bytes(data), COINBASE, tmp_path).report.state == "corrupt"
    data = bytearray(gzip.compress(text() + b"\n"))
    data[-8] ^= 1
    reading = Reading(bytes(data) + b"", COINBASE, tmp_path)
    assert (reading.report.state, reading.codes) == ("corrupt", [None])


def test_text_behind_a_gzip_stream_is_corrupt(tmp_path):
    reading = Reading(gzip.compress(text() + b"\n") + b"garbage", COINBASE, tmp_path)
    assert (reading.report.state, reading.codes) == ("corrupt", [None])


def test_a_file_whose_digest_is_known_is_not_parsed(tmp_path):
    data = text() + b"\n"
    reading = Reading(data, COINBASE, tmp_path, known=frozenset({hashlib.sha256(data).hexdigest()}))
    assert (reading.rows, reading.report.state, reading.report.n_read) == ([], "known", 0)


def test_a_bitstamp_log_is_numbered_by_line_in_the_epoch_of_its_first_receive_time(tmp_path):
    lines = [
        bitstamp("order_created", ORDER),
        bitstamp("order_changed", ORDER | {"amount": "1.78855669"}, ms=1430438404635),
        bitstamp("order_deleted", ORDER | {"amount": "0.00000000", "order_type": 1}, ms=1430438404637),
        bitstamp("order_deleted", ORDER, ms=1430438404700),
        bitstamp("trade", '{"price": 236.47, "amount": 1.7885566900000001, "id": 8111042}', ms=1430438406348),
        bitstamp("order_book", {"bids": [["236.1", "2"]], "asks": [["236.5", "1"]]}, ms=1430438406400),
    ]
    rows = Reading(b"\n".join(lines) + b"\n", BITSTAMP, tmp_path).rows
    assert {(row["epoch"], row["symbol"]) for row in rows} == {(1430438404518, "BTC-USD")}
    shown = [
        (r["sequence"], r["event"], r["order_id"], r["side"], r["size"], r["remaining_size"], r["reason"]) for r in rows
    ]
    two, left = Decimal(2), Decimal("1.78855669")
    assert shown == [
        (1, "open", "65595247", "buy", None, two, None),
        (2, "change", "65595247", "buy", left, left, None),
        (3, "done", "65595247", "sell", None, Decimal(0), "filled"),
        (4, "done", "65595247", "buy", None, two, "canceled"),
        (5, "match", None, None, left, None, None),
        (6, "snapshot", None, None, None, None, None),
    ]
    assert rows[4]["trade_id"] == 8111042
    assert rows[1]["event_time"] == datetime(2015, 5, 1, 0, 0, 4, 635000, tzinfo=UTC)
    assert json.loads(rows[5]["snapshot"]) == {"bids": [["236.1", "2"]], "asks": [["236.5", "1"]]}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"order_created {}", "NOT_A_LOG_LINE"),
        (b"1430438404518 order_created", "NOT_A_LOG_LINE"),
        (bitstamp("order_eaten", ORDER), "UNKNOWN_EVENT"),
        (bitstamp("order_created", "[]"), "NOT_AN_OBJECT"),
        (bitstamp("order_created", "{"), "NOT_JSON"),
        (bitstamp("order_created", '{"id": 1, "id": 2}'), "DUPLICATE_KEY"),
        (bitstamp("order_created", ORDER | {"order_type": 2}), "BAD_VALUE"),
        (bitstamp("order_created", ORDER | {"amount": "-1"}), "BAD_SIZE"),
        (bitstamp("order_created", ORDER | {"price": "0"}), "BAD_PRICE"),
        (bitstamp("order_created", ORDER | {"price": None}), "MISSING_FIELD"),
        (bitstamp("trade", '{"price": 1, "amount": 0.123456789, "id": 1}'), "OVER_PRECISE"),
        (bitstamp("trade", '{"price": 1, "amount": 0, "id": 1}'), "BAD_SIZE"),
        (bitstamp("order_book", {"bids": []}), "MISSING_FIELD"),
        (bitstamp("order_book", {"bids": [], "asks": 1}), "BAD_VALUE"),
        (bitstamp("order_book", {"bids": [["1"]], "asks": []}), "BAD_VALUE"),
        (bitstamp("order_book", {"bids": [["NaN", "1"]], "asks": []}), "BAD_NUMBER"),
        (bitstamp("order_created", ORDER, ms=1), "BAD_TIME"),
    ],
)
def test_a_bitstamp_line_gets_the_code(tmp_path, line, code):
    assert code_of(tmp_path, line, BITSTAMP) == code


MIDNIGHT_US = 1_521_936_000_000_000  # 2018-03-25T00:00:00Z


@pytest.mark.parametrize(
    ("written", "instant_us"),
    [
        ("1521936000", MIDNIGHT_US),
        ("1521936000.123456789", MIDNIGHT_US + 123_456),
        ("1521936000123", MIDNIGHT_US + 123_000),
        ("1521936000123456", MIDNIGHT_US + 123_456),
        ("1521936000123456789", MIDNIGHT_US + 123_456),
        ("2018-03-25T00:00:00Z", MIDNIGHT_US),
        ("2018-03-25T09:00:00.5+09:00", MIDNIGHT_US + 500_000),
        ("2018-03-24 19:30:00.000001999-0430", MIDNIGHT_US + 1),
        ("2018-03-25T00:00:00", None),
        ("2018-03-25T00:00:60Z", None),
        ("2018-03-25T00:00:00+25:00", None),
    ],
)
def test_an_instant_is_read_exactly_whatever_its_unit_and_zone(written, instant_us):
    assert parse_instant(written) == instant_us


@given(st.decimals(min_value=0, max_value=9_999_999_999, places=8))
def test_every_decimal_of_eight_places_is_read_as_it_is(value):
    assert parse_decimal(str(value), 8, 10) == value
    assert parse_decimal(f"{value:f}000", 8, 10) == value


@given(st.decimals(min_value=0, max_value=1_000_000, places=8))
def test_a_double_with_binary_noise_is_the_decimal_it_was_written_for(value):
    noisy = f"{float(value):.17g}"
    parsed = parse_decimal(noisy, 8, 10, is_binary=True)
    assert isinstance(parsed, Decimal)
    assert float(parsed) == float(value)


MUTATION = st.tuples(st.integers(0, 10_000), st.sampled_from(["drop", "set", "insert", "cut"]), st.integers(0, 255))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([OPEN, MATCH]), st.lists(MUTATION, max_size=4)), min_size=1, max_size=40))
def test_mutated_lines_are_all_accounted_for(tmp_path_factory, damaged):
    lines = [mutated(text(message), mutations) for message, mutations in damaged]
    data = b"\n".join(lines)
    folder = tmp_path_factory.mktemp("mutated")
    plain = Reading(data, COINBASE, folder)
    n_lines = data.count(b"\n") + (not data.endswith(b"\n")) if data else 0
    assert plain.report.n_read == n_lines or data in (b"\xef\xbb\xbf",)
    assert all(code is None or code in CODES for code in plain.codes)
    assert Reading(gzip.compress(data), COINBASE, folder).rows == plain.rows
    logged = b"\n".join(b"1430438404518 trade " + line for line in lines)
    Reading(logged, BITSTAMP, folder)


def mutated(line: bytes, mutations) -> bytes:
    data = bytearray(line)
    for place, kind, byte in mutations:
        at = place % (len(data) + 1)
        if kind == "drop":
            del data[at : at + 1]
        elif kind == "set":
            data[at : at + 1] = bytes([byte])
        elif kind == "insert":
            data[at:at] = bytes([byte])
        else:
            del data[at:]
    return bytes(data)


def test_each_refusal_code_is_a_sentence():
    assert all(reason.endswith(".") and reason[0].isupper() for reason in CODES.values())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"format": "bitstamp_log"}, "bitstamp_log needs a symbol"),
        ({"format": "coinbase_full", "symbol": "BTC-USD"}, "names the product itself"),
        ({"format": "bitstamp_log", "symbol": "BTC-USD", "epoch": 1}, "takes its epoch from the file"),
        ({"format": "tsv"}, "coinbase_full"),
        ({"format": "coinbase_full", "colour": "red"}, "colour"),
    ],
)
def test_a_source_that_does_not_fit_its_format_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        Source(path="x", exchange="e", **fields)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_line_is_too_long_whatever_stands_at_its_ends(start, end, tmp_path):
    line = text() + b" " * (1 << 22)
    long_cr = line[: 1 << 22] + b"\r" + line  # a CR where it is cut
    assert Reading(start + line[: 1 << 22] + end, COINBASE, tmp_path).codes == [None]
    for too_long in (line[: (1 << 22) + 1], line * 3, long_cr):
        assert Reading(start + too_long + end, COINBASE, tmp_path).codes == ["LINE_TOO_LONG"]


def test_a_cut_last_line_is_pending_though_it_names_a_key_twice(tmp_path):
    reading = Reading(b'{"a": {"b": 1, "b": 2}, "c', COINBASE, tmp_path)
    assert (reading.codes, reading.report.n_pending) == ([], 1)
    assert code_of(tmp_path, b'{"a": {"b": 1, "b": 2}}') == "DUPLICATE_KEY"


@pytest.mark.parametrize(("field", "code"), [("new_price", "BAD_NUMBER"), ("new_funds", "BAD_VALUE")])
def test_a_line_is_refused_whatever_lines_stand_beside_it(field, code, tmp_path):
    odd = text(**{field: "x" if code == "BAD_NUMBER" else [1]}) + b"\n"
    change = text(type="change", remaining_size=..., new_size="1") + b"\n"
    assert Reading(odd, COINBASE, tmp_path).codes == [code]
    assert Reading(change + odd, COINBASE, tmp_path).codes == [None, code]


def test_only_an_order_of_the_log_has_a_side(tmp_path):
    line = bitstamp("trade", {"id": 1, "price": 2, "amount": 3, "order_type": 0}) + b"\n"
    assert [row["side"] for row in Reading(line, BITSTAMP, tmp_path).rows] == [None]
