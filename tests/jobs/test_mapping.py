"""Files of columns by a mapping: every rule, every refusal by its code and words, and Parquet equal to CSV."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions, BookReplay
from jobs.ingest import ingest
from jobs.readers.file_reader import FileReport, FileTask, read_file
from jobs.readers.mapping import SHIPPED, load_mapping
from jobs.sources import FORMATS, Source
from models.errors import DataContractError, UsageError

NOW_US = 4_000_000_000_000_000
TICKS = {
    "fields": {
        "event": {"column": "kind", "values": {"T": "match", "A": "open"}},
        "event_time": "time",
        "price": "price",
        "size": "size",
        "remaining_size": "left",
        "order_id": "order",
        "side": {"column": "side", "values": {"B": "buy", "S": "sell", "": ""}},
        "trade_id": "trade",
    },
}
HEADER = "kind,time,price,size,left,order,side,trade"
TRADE = "T,2024-01-02T03:04:05.000006Z,100.5,2,,,B,7"
OPEN = "A,2024-01-02T03:04:06Z,101,,3.25,x1,S,"


class Folder:
    """Files and a mapping beside them."""

    def __init__(self, path):
        self.path = path

    def source(self, name, mapping=None, **facts):
        file = self.path / "mapping.yml"
        file.write_text(yaml.safe_dump(mapping or TICKS))
        format_ = "parquet" if name.endswith("parquet") else "csv"
        facts = {"symbol": "BTC-USD", "exchange": "venue"} | facts
        return Source(path=str(self.path / name), format=format_, mapping=str(file), **facts)

    def read(self, name, content, mapping=None, **facts):
        """Events and refusals of a file with this content, and its report."""
        path = self.path / name
        path.write_text(content) if isinstance(content, str) else pq.write_table(content, path)
        source = self.source(name, mapping, **facts)
        task = FileTask(file_index=0, path=str(path), n_bytes=path.stat().st_size)
        rows = pa.Table.from_batches(list(read_file(task, source, NOW_US, source.load_mapping()))).to_pylist()
        report = FileReport.model_validate_json(rows.pop()["raw_text"])
        events = [row for row in rows if row["kind"] == "event"]
        refused = [(row["code"], row["refusal_reason"].partition(": ")[0]) for row in rows if row["kind"] == "refused"]
        assert report.n_read == len(rows) + report.n_pending
        return events, [one for one in refused if one[0] != "HEADER_LINE"], report


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def lines(*rows, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


def test_columns_become_events_by_hand(folder):
    [trade, opened], refused, report = folder.read("ticks.csv", lines(TRADE, OPEN))
    assert refused == []
    assert (report.n_read, report.n_refused) == (3, 1)
    assert trade["event_time"] == datetime(2024, 1, 2, 3, 4, 5, 6, UTC)
    assert (trade["event"], trade["price"], trade["size"], trade["side"], trade["trade_id"]) == (
        "match", Decimal("100.5"), 2, "buy", 7,
    )  # fmt: skip
    assert (opened["event"], opened["remaining_size"], opened["order_id"], opened["size"]) == (
        "open", Decimal("3.25"), "x1", None,
    )  # fmt: skip
    assert [trade["sequence"], opened["sequence"]] == [2, 3]  # numbers of the lines
    assert {trade["epoch"], opened["epoch"]} == {1_704_164_645_000}  # the first time, in ms
    assert {trade["symbol"], opened["symbol"]} == {"BTC-USD"}


@pytest.mark.parametrize(
    ("row", "code", "about"),
    [
        ("X" + TRADE[1:], "BAD_VALUE", 'kind = "X"'),
        (TRADE.replace(",B,", ",Q,"), "BAD_VALUE", 'side = "Q"'),
        (TRADE + ",extra", "NOT_CSV", "9 columns instead of 8"),
        ("T,2024", "NOT_CSV", "2 columns instead of 8"),
        ('"' + TRADE, "NOT_CSV", "unexpected end of data"),
        (TRADE.replace("100.5", "one"), "BAD_NUMBER", 'price = "one"'),
        (TRADE.replace("100.5", "0.123456789"), "OVER_PRECISE", 'price = "0.123456789"'),
        (TRADE.replace("100.5", "-1"), "BAD_PRICE", 'price = "-1.00000000"'),
        (TRADE.replace("100.5", ""), "MISSING_FIELD", "price is absent"),
        (TRADE.replace(",2,", ",0,"), "BAD_SIZE", 'size = "0.00000000"'),
        (TRADE.replace("05.000006Z", "05"), "BAD_TIME", 'event_time = "2024-01-02T03:04:05"'),
        (TRADE.replace(",7", ",seven"), "BAD_SEQUENCE", 'trade_id = "seven"'),
        (OPEN.replace("x1", ""), "MISSING_FIELD", "order_id is absent"),
        (OPEN.replace("3.25", ""), "MISSING_FIELD", "remaining_size is absent"),
        (OPEN.replace(",S,", ",,"), "MISSING_FIELD", "side is absent"),
        ("", "BLANK_LINE", "The line is blank; nothing needs to be done."),
        ("T,\x00", "NUL_BYTE", None),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_its_code_and_the_others_go_on(folder, row, code, about):
    events, refused, _ = folder.read("ticks.csv", lines(OPEN, row, TRADE))
    assert [event["event"] for event in events] == ["open", "match"]
    [(found, words)] = refused
    assert found == code
    assert about is None or words == about


def test_an_empty_file_and_a_header_alone_have_no_events(folder):
    assert folder.read("ticks.csv", "")[2].state == "empty"
    events, refused, report = folder.read("ticks.csv", lines())
    assert (events, refused, report.n_read) == ([], [], 1)


def test_a_last_line_without_newline_is_pending_for_nothing_tells_a_cut_number(folder):
    events, _, report = folder.read("ticks.csv", lines(TRADE, OPEN)[:-1])
    assert len(events) == 1
    assert (report.n_pending, report.state) == (1, "truncated")


def test_quoted_fields_and_another_delimiter(folder):
    quoted = lines(OPEN.replace("x1", '"x;1"').replace(",", ";"), header=HEADER.replace(",", ";"))
    [event], refused, _ = folder.read("ticks.csv", quoted, TICKS | {"delimiter": ";"})
    assert (event["order_id"], refused) == ("x;1", [])


def test_a_column_named_twice_is_refused_for_its_value_is_ambiguous(folder):
    with pytest.raises(DataContractError, match=r"names a column twice \(kind, time, kind\)"):
        folder.read("ticks.csv", lines(header="kind,time,kind"))


def test_a_column_that_is_absent_refuses_each_row_by_name(folder):
    without = lines(TRADE[:-2], header=HEADER[: -len(",trade")])
    assert folder.read("ticks.csv", without)[1] == [("MISSING_FIELD", "column trade is absent")]


def fields(**changes):
    return {"fields": TICKS["fields"] | changes}


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ({"column": "price", "unit": 0.0001}, "5853300", Decimal("585.33")),
        ({"column": "price", "unit": "1e-9"}, "100500000000", Decimal("100.5")),
        ({"column": "price", "decimals": 2}, "0.11244000000000001", Decimal("0.11")),
        ({"column": "price", "decimals": 8}, "0.11244000000000001", Decimal("0.11244")),
        ({"constant": "12"}, "ignored", Decimal(12)),
        ({"column": "price", "otherwise": "size"}, "", Decimal(2)),
        ({"column": "price", "values": {"high": "9"}}, "high", Decimal(9)),
    ],
)
def test_rules_of_a_number(folder, rule, text, expected):
    [event], refused, _ = folder.read("ticks.csv", lines(TRADE.replace("100.5", text)), fields(price=rule))
    assert (event["price"], refused) == (expected, [])


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ({"column": "time", "zone": "America/New_York"}, "2024-07-01 09:30:00.5", "2024-07-01T13:30:00.500000+00:00"),
        ({"column": "time", "zone": "America/New_York"}, "2024-01-02 09:30:00", "2024-01-02T14:30:00+00:00"),
        ({"column": "time", "zone": "America/New_York"}, "2024-01-02T09:30:00Z", "2024-01-02T09:30:00+00:00"),
        ("time", "1704164645000006000", "2024-01-02T03:04:05.000006+00:00"),
    ],
)
def test_rules_of_a_time(folder, rule, text, expected):
    row = TRADE.replace("2024-01-02T03:04:05.000006Z", text)
    [event], refused, _ = folder.read("ticks.csv", lines(row), fields(event_time=rule))
    assert (event["event_time"].isoformat(), refused) == (expected, [])


NAMED = {"file_name": r"ticks_(?P<day>\d{8})_(?P<part>a|b\d+)\.csv", "epoch": "day"}


def test_the_name_of_a_file_gives_day_epoch_and_place_among_its_parts(folder):
    seconds = {"column": "time", "date": "day", "zone": "Asia/Tokyo"}
    mapping = NAMED | fields(event_time=seconds) | {"sequence": {"parts": ["a", "b[0-9]+"]}}
    found = {}
    for part in ("a", "b2", "b10"):
        content = lines(TRADE.replace("2024-01-02T03:04:05.000006Z", "34200.25"))
        [found[part]], refused, _ = folder.read(f"ticks_20240102_{part}.csv", content, mapping)
        assert refused == []
    assert found["a"]["event_time"].isoformat() == "2024-01-02T00:30:00.250000+00:00"
    assert found["a"]["epoch"] == 1_704_153_600_000  # 2024-01-02T00:00Z
    assert found["a"]["sequence"] < found["b2"]["sequence"] < found["b10"]["sequence"]
    with pytest.raises(UsageError, match=r"other\.csv is not named as the mapping expects: ticks_"):
        folder.read("other.csv", lines(TRADE), mapping)
    with pytest.raises(UsageError, match=r"the part 'a' of a file name is none of sequence.parts: b"):
        folder.read("ticks_20240102_a.csv", lines(TRADE), mapping | {"sequence": {"parts": ["b"]}})
    with pytest.raises(UsageError, match="the day '20241399' of a file name is not"):
        folder.read("ticks_20241399_a.csv", lines(TRADE), mapping)


def test_numbers_of_the_exchange_are_the_sequence_and_name_trades_without_an_id(folder):
    numbered = {"sequence": {"column": "trade"}} | fields()
    del numbered["fields"]["trade_id"]
    rows = lines(TRADE.replace(",7", ",9"), TRADE, TRADE.replace(",7", ","))
    events, refused, _ = folder.read("ticks.csv", rows, numbered)
    assert [(event["sequence"], event["trade_id"], event["epoch"]) for event in events] == [(9, 9, 0), (7, 7, 0)]
    assert refused == [("MISSING_FIELD", "sequence is absent")]


def test_cases_choose_the_fields_and_may_ignore_the_rest(folder):
    common = {name: TICKS["fields"][name] for name in ("event_time", "price", "side")}
    cases = {"column": "kind", "values": {"T": {"event": {"constant": "match"}, "size": "size", "trade_id": "trade"}}}
    events, refused, _ = folder.read("ticks.csv", lines(TRADE, OPEN), {"fields": common, "cases": cases})
    assert (len(events), refused) == (1, [("UNKNOWN_EVENT", 'kind = "A"')])
    ignoring = {"fields": common, "cases": cases | {"otherwise": "ignore"}}
    assert folder.read("ticks.csv", lines(TRADE, OPEN), ignoring)[1] == [("NOT_AN_ORDER_EVENT", 'kind = "A"')]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"fields": {"event": {"constant": "trade"}}}, "trade is no event: received, open"),
        ({"fields": {"prize": "price", "event": {"constant": "match"}}}, "prize is no field of an event: symbol"),
        ({"fields": {"price": "price"}}, "every event needs the field event"),
        ({"fields": {"event": {}}}, "needs a column or a constant"),
        ({"fields": {"event": {"constant": "match", "column": "x"}}}, "needs a column or a constant"),
        ({"feilds": {}}, "feilds"),
        ({"file_name": "(", **TICKS}, "is not a regular expression"),
        ({"sequence": {"parts": ["a"]}, "fields": {"event": {"constant": "match"}}}, "needs the field trade_id"),
        ([1], "valid dictionary"),
    ],
)
def test_a_wrong_mapping_is_told_in_one_sentence(tmp_path, mapping, words):
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping))
    with pytest.raises(UsageError, match=words) as told:
        load_mapping(tmp_path / "mapping.yml")
    assert "\n" not in str(told.value)


def test_a_mapping_that_is_no_yaml_or_not_there_is_told(tmp_path):
    (tmp_path / "mapping.yml").write_text("a: [")
    with pytest.raises(UsageError, match="is not valid YAML"):
        load_mapping(tmp_path / "mapping.yml")
    with pytest.raises(UsageError, match=r"cannot be read .* name it with --mapping"):
        load_mapping(tmp_path / "absent.yml")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"format": "csv"}, "csv needs a mapping"),
        ({"format": "lobster", "mapping": "x.yml"}, "lobster knows its columns: remove mapping"),
        ({"format": "lobster", "symbol": "AAPL"}, "lobster names the product itself: remove symbol"),
        ({"format": "binance_websocket", "epoch": 1}, "takes its epoch from the file: remove epoch"),
    ],
)
def test_a_source_that_does_not_fit_its_format_is_refused(facts, words):
    with pytest.raises(ValueError, match=words):
        Source(path="x", exchange="venue", **facts)


def test_the_mappings_we_ship_can_be_read_and_are_formats():
    names = {file.stem for file in SHIPPED.glob("*.yml")}
    assert names <= set(FORMATS)
    assert all(load_mapping(SHIPPED / f"{name}.yml").about for name in names)


def as_parquet(**types):
    texts = dict(zip(HEADER.split(","), zip(*(row.split(",") for row in (TRADE, OPEN)), strict=True), strict=True))
    columns = {name: pa.array([value or None for value in values]) for name, values in texts.items()}
    return pa.table({name: column.cast(types[name]) if name in types else column for name, column in columns.items()})


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"price": pa.float64(), "size": pa.int32(), "left": pa.float32(), "trade": pa.int64()},
        {"price": pa.decimal128(20, 4), "time": pa.timestamp("us", "UTC"), "side": pa.dictionary(pa.int8(), pa.string())},
        {"time": pa.timestamp("ns", "UTC"), "price": pa.float32()},
    ],
)  # fmt: skip
def test_parquet_gives_the_events_of_csv_whatever_its_types(folder, types):
    from_csv, *_ = folder.read("ticks.csv", lines(TRADE, OPEN))
    from_parquet, refused, report = folder.read("ticks.parquet", as_parquet(**types))
    assert (refused, report.n_read, report.state) == ([], 2, "complete")
    place = ("line_number", "byte_offset", "raw_text", "sequence")
    without_place = [
        [{k: v for k, v in row.items() if k not in place} for row in rows] for rows in (from_csv, from_parquet)
    ]
    assert without_place[0] == without_place[1]
    assert [row["sequence"] for row in from_parquet] == [1, 2]
    assert json.loads(from_parquet[0]["raw_text"])["kind"] == "T"


def test_a_time_without_zone_in_parquet_needs_one_in_the_mapping(folder):
    table = as_parquet(time=pa.timestamp("us", "UTC")).cast(
        pa.schema([(name, pa.timestamp("us") if name == "time" else pa.string()) for name in HEADER.split(",")])
    )
    assert {code for code, _ in folder.read("ticks.parquet", table)[1]} == {"BAD_TIME"}
    [event, _], refused, _ = folder.read("ticks.parquet", table, fields(event_time={"column": "time", "zone": "UTC"}))
    assert (event["event_time"], refused) == (datetime(2024, 1, 2, 3, 4, 5, 6, UTC), [])


def test_a_file_that_is_no_parquet_is_told(folder):
    (folder.path / "ticks.parquet").write_text("kind,time")
    source = folder.source("ticks.parquet")
    task = FileTask(file_index=0, path=source.path, n_bytes=9)
    with pytest.raises(DataContractError, match=r"ticks\.parquet is not a whole Parquet file"):
        list(read_file(task, source, NOW_US, source.load_mapping()))


DATABENTO = """ts_event,action,side,price,size,order_id,symbol
2024-01-02T14:30:00.000000001Z,R,N,,0,0,ESH4
2024-01-02T14:30:00.1Z,A,B,4780.25,5,11,ESH4
2024-01-02T14:30:00.2Z,A,A,4780.5,7,12,ESH4
2024-01-02T14:30:00.3Z,T,B,4780.5,2,0,ESH4
2024-01-02T14:30:00.3Z,F,A,4780.5,2,12,ESH4
2024-01-02T14:30:00.3Z,C,A,4780.5,2,12,ESH4
2024-01-02T14:30:00.4Z,M,B,4780.0,5,11,ESH4
2024-01-02T14:30:00.5Z,C,A,4780.5,5,12,ESH4
"""


def test_a_book_of_databento_by_hand(tmp_path):
    path = tmp_path / "es.csv"
    path.write_text(DATABENTO)
    source = Source(path=str(path), format="databento_mbo", exchange="cme")
    task = FileTask(file_index=0, path=str(path), n_bytes=path.stat().st_size)
    batches = list(read_file(task, source, NOW_US, source.load_mapping()))
    table = pa.Table.from_batches(batches)
    kinds = table["event"].to_pylist()
    assert kinds == [
        None,
        "snapshot",
        "open",
        "open",
        "match",
        None,
        "partial_cancel",
        "change",
        "partial_cancel",
        None,
    ]
    events = table.filter(pa.array([kind is not None for kind in kinds]))
    book = BookReplay(BookOptions(is_contiguous=False, depth_seconds=0))
    batch = events.select(EVENT_COLUMNS).combine_chunks().to_batches()[0]
    rows = [row for quotes in book.replay(batch) for row in quotes.to_pylist()]
    found = [(row["state"], row["bid_price"], row["bid_size"], row["ask_price"], row["ask_size"]) for row in rows]
    assert found == [
        ("valid", None, None, None, None),
        ("valid", Decimal("4780.25"), 5, None, None),
        ("valid", Decimal("4780.25"), 5, Decimal("4780.5"), 7),
        ("valid", Decimal("4780.25"), 5, Decimal("4780.5"), 5),
        ("valid", Decimal(4780), 5, Decimal("4780.5"), 5),
        ("valid", Decimal(4780), 5, None, None),
    ]
    assert (book.counts.n_unknown, book.counts.n_contradictions) == (0, 0)


def test_equal_lines_are_events_each_for_a_level_may_go_back_to_what_it_was(spark, schema, folder):
    level = "U,2024-01-02T03:04:05.001Z,100.5,{},,,B,"
    kinds = {"event": {"column": "kind", "values": {"U": "update"}}}
    content = lines(level.format(2), level.format(1), level.format(2))
    for name in ("levels.csv", "again.csv"):
        (folder.path / name).write_text(content + (level.format(9) + "\n") * (name == "again.csv"))
        ingest(spark, folder.source(name, fields(**kinds)), 0.0, f"run-{name}")
    sizes = [row["size"] for row in spark.table("orders").orderBy("sequence").collect()]
    assert sizes == [2, 1, 2, 9]  # the same lines in another file are the same events


def test_mapped_files_land_in_the_tables_once(spark, schema, folder):
    (folder.path / "ticks.csv").write_text(lines(TRADE, OPEN, "X" + TRADE[1:]))
    source = folder.source("ticks.csv")
    summary = ingest(spark, source, 0.5, "run-1")
    assert (summary.n_read, summary.n_good, summary.n_quarantined) == (4, 2, 2)
    assert ingest(spark, source, 0.5, "run-2").skipped_files == ("ticks.csv",)
    [trade] = spark.table("trades").collect()
    assert (trade.trade_id, trade.price, trade.taker_side) == (7, Decimal("100.5"), "sell")  # the maker bought
    pq.write_table(as_parquet(), folder.path / "more.parquet")
    more = folder.source("more.parquet", exchange="other")
    assert ingest(spark, more, 0.0, "run-3").n_good == 2
    assert spark.table("orders").groupBy("exchange").count().count() == 2
