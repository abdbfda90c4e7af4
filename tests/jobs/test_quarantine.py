"""Refused lines: shown, mended, read again; the tables end as if the lines had been good from the start."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import jobs.ingest
import jobs.quarantine_replay
from jobs.app import App
from jobs.commands.quarantine import quarantine as command
from jobs.last_good import published_versions
from jobs.pipeline import INGESTED, ingest_step
from jobs.quarantine import Choice
from jobs.quarantine_edits import EditedLine, read_edits
from jobs.quarantine_step import plan_replay, replay_step
from jobs.run_lock import only_run
from jobs.sources import Source
from jobs.undo_run import undo_run
from models.errors import NothingToDo, TryAgainError, UsageError

BEFORE_THE_LATE_ONES = datetime(2018, 3, 25, 12, tzinfo=UTC).timestamp()
LATE = "2018-03-27T00:00:00Z"  # more than a day ahead of that clock
ALL = Choice()
ANY_DIGEST = "0" * 64


def message(sequence, price="100", **changes):
    fields = {
        "type": "open",
        "side": "buy",
        "price": price,
        "order_id": f"o{sequence}",
        "remaining_size": "1",
        "product_id": "BTC-USD",
        "sequence": sequence,
        "time": "2018-03-25T00:00:00Z",
    }
    return json.dumps(fields | changes)


def match(sequence, trade_id, **changes):
    sides = {"maker_order_id": "m", "taker_order_id": "t", "side": "sell", "size": "1"}
    return message(sequence, type="match", trade_id=trade_id, **sides, **changes)


# refused by the clock: a new event, its repetition, a trade that fills a hole, another event under a number in use
LINES = [
    message(1), message(3, time=LATE), message(3, time=LATE), match(4, 9, time=LATE), message(1, price="7", time=LATE),
    "{", "", message(6),
]  # fmt: skip


@pytest.fixture
def feed(spark, schema, make_app, tmp_path, monkeypatch):
    """Ingest of a folder of Coinbase's files, on request with a clock that was set back; and what the tables hold."""
    app = make_app()

    def write(name, *lines):
        (tmp_path / name).write_bytes(
            b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines)
        )

    def ingest(name, **source):
        given = {"path": str(tmp_path / name), "format": "coinbase_full", "exchange": "coinbase"}
        return ingest_step(app, [Source(**given | source)], 1.0)

    def ingest_too_early(name):
        with monkeypatch.context() as patch:
            patch.setattr(jobs.ingest, "time", SimpleNamespace(time_ns=lambda: int(BEFORE_THE_LATE_ONES * 1e9)))
            return ingest(name)

    def landed():
        tables = {name: spark.table(name).drop("run_id") for name in ("orders", "trades", "gaps")}
        tables["ingested_files"] = spark.table("ingested_files").where("state <> 'replayed'").drop("run_id")
        return {name: sorted(map(repr, table.collect())) for name, table in tables.items()}

    def rows(statement):
        return [tuple(row) for row in spark.sql(statement).collect()]

    return SimpleNamespace(
        app=app, write=write, ingest=ingest, ingest_too_early=ingest_too_early, landed=landed, rows=rows
    )


@pytest.fixture
def as_if_never_refused(feed, schema_copy, spark, schema):
    """What the tables hold where the file was read with the right clock."""
    feed.write("a.jsonl", *LINES)
    with schema_copy(f"{schema}_oracle"):
        feed.ingest("a.jsonl")
        held = feed.landed()
    spark.sql("USE IDENTIFIER(:schema)", args={"schema": schema})
    return held


def replayed(feed, choice=ALL, edited=None):
    """Counts of each file and whether anything was written."""
    rows, is_changed = replay_step(feed.app, choice, edited)
    return [tuple(row[name] for name in ("read", "good", "quarantined", "duplicate")) for row in rows], is_changed


def test_lines_that_are_good_now_land_as_if_they_had_never_been_refused(spark, feed, as_if_never_refused):
    feed.ingest_too_early("a.jsonl")
    counts = "n_read, n_good, n_quarantined, n_duplicate"
    assert feed.rows(f"SELECT {counts} FROM ingested_files") == [(8, 2, 6, 0)]
    planned = plan_replay(feed.app, ALL, None)
    assert [planned[0][name] for name in ("read", "good", "quarantined", "duplicate")] == [6, 2, 3, 1]
    assert spark.table("orders").count() == 2
    assert replayed(feed) == ([(6, 2, 3, 1)], True)
    assert feed.landed() == as_if_never_refused
    assert feed.rows(f"SELECT {counts} FROM ingested_files WHERE state = 'complete'") == [(8, 4, 3, 1)]
    shown = "SELECT line_number, code, outcome, replay_run_id IS NOT NULL FROM orders__quarantine ORDER BY 1"
    assert feed.rows(shown) == [
        (2, "BAD_TIME", "good", True),
        (3, "BAD_TIME", "duplicate", True),
        (4, "BAD_TIME", "good", True),
        (5, "BAD_TIME", None, False),  # still refused, for another reason: stays as it is
        (6, "NOT_JSON", None, False),
        (7, "BLANK_LINE", None, False),
    ]
    assert feed.rows(f"SELECT state, {counts} FROM runs WHERE job = 'replay'") == [("done", 6, 2, 3, 1)]
    versions = published_versions(spark)
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(4,)]
    assert replayed(feed) == ([(3, 0, 3, 0)], False)
    assert published_versions(spark) == versions
    assert spark.table("runs").where("job = 'replay'").count() == 1
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(4,)]


@pytest.mark.slow
def test_an_undone_replay_leaves_the_lines_refused_and_can_be_made_again(spark, feed, as_if_never_refused):
    feed.ingest_too_early("a.jsonl")
    before = feed.landed()
    replayed(feed)
    ((run_id,),) = feed.rows("SELECT run_id FROM runs WHERE job = 'replay'")
    undo_run(spark, run_id, print)
    assert feed.landed() == before
    assert replayed(feed) == ([(6, 2, 3, 1)], True)
    assert feed.landed() == as_if_never_refused


class PowerCutError(Exception):
    pass


@pytest.mark.slow
def test_breaking_off_after_each_write_is_healed_whatever_is_chosen_next(spark, feed, as_if_never_refused, monkeypatch):
    feed.ingest_too_early("a.jsonl")
    for table in ("orders__quarantine", "orders", "trades", "gaps"):
        with monkeypatch.context() as patch:
            for module in ("jobs.quarantine_replay", "jobs.ingest_publish"):
                patch.setattr(f"{module}.committed", dying_after(table))
            with pytest.raises(PowerCutError):
                replayed(feed)
    before = published_versions(spark)
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(2,)]  # no reader has seen any of it
    others = Choice(code="NOT_JSON")
    assert replayed(feed, others) == ([(4, 2, 1, 1)], True)  # those under way and the one chosen
    assert feed.landed() == as_if_never_refused
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(4,)]
    assert all(published_versions(spark)[table] > before[table] for table in INGESTED)
    assert replayed(feed, others) == ([(1, 0, 1, 0)], False)


def dying_after(table):
    from jobs.commits import committed

    def write(spark, name, *arguments):
        committed(spark, name, *arguments)
        if name == table:
            raise PowerCutError

    return write


@pytest.mark.slow
def test_what_was_written_and_not_published_is_published_by_the_next_replay(spark, feed, monkeypatch):
    feed.write("a.jsonl", message(1), message(3, time=LATE))
    feed.ingest_too_early("a.jsonl")
    with monkeypatch.context() as patch:
        patch.setattr("jobs.quarantine_replay.committed", dying_after("ingested_files"))
        with pytest.raises(PowerCutError):
            replayed(feed)
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(1,)]
    assert replayed(feed) == ([], True)
    assert feed.rows("SELECT count(*) FROM `orders@good`") == [(2,)]
    assert replayed(feed) == ([], False)


@pytest.mark.slow
def test_edited_lines_land_and_both_texts_are_kept(spark, feed, tmp_path, capsys):
    broken, tail = b'{"type":\xff}\n', message(6)[:-9]
    feed.write("a.jsonl", message(1), broken, tail, message(5))
    feed.ingest("a.jsonl")
    app = feed.app
    command.main(["show"], obj=app, standalone_mode=False)
    exported = json.loads(capsys.readouterr().out)
    assert [(row["line_number"], row["code"]) for row in exported] == [(2, "NOT_UTF8"), (3, "NOT_JSON")]
    assert exported[0]["raw_text"] == '{"type":\\xff}'
    said = []
    app.say = said.append
    assert replayed(feed, Choice(code="NOT_UTF8")) == ([], False)
    assert said == ["1 lines are not read: not all of their bytes were kept, so they need --edited"]
    exported[0]["raw_text"], exported[1]["raw_text"] = message(2), tail + "?"
    (tmp_path / "mended.json").write_text(json.dumps(exported))
    edited = read_edits(tmp_path / "mended.json")
    assert replayed(feed, edited=edited) == ([(2, 1, 1, 0)], True)
    assert feed.rows("SELECT sequence, byte_offset FROM orders ORDER BY 1")[:2] == [(1, 0), (2, len(message(1)) + 1)]
    assert feed.rows("SELECT raw_text, edited_text, outcome FROM orders__quarantine ORDER BY line_number") == [
        ('{"type":\\xff}', message(2), "good"),
        (tail, None, None),
    ]
    with pytest.raises(UsageError, match=r"no refused line of this choice is at byte .* landed already"):
        replayed(feed, edited=edited)


@pytest.mark.slow
def test_a_line_of_a_log_without_numbers_takes_its_line_number_and_the_epoch_of_its_file(feed):
    start = 1430438404518
    lines = [f'{start + i} trade {{"price": {price}, "amount": 1.0, "id": {i}}}' for i, price in enumerate([9, 8, 7])]
    feed.write("a.log", lines[0], lines[1].replace("}", "x}"), lines[2])
    feed.write("b.log", lines[0].replace("}", "x}"))
    log = {"format": "bitstamp_log", "exchange": "bitstamp", "symbol": "BTC-USD"}
    feed.ingest("?.log", **log)
    found = feed.rows("SELECT file_digest, byte_offset, source_file FROM orders__quarantine ORDER BY source_file")
    edits = [EditedLine(file_digest=d, byte_offset=at, raw_text=lines["ba".index(f[0])]) for d, at, f in found]
    said = []
    feed.app.say = said.append
    assert replayed(feed, edited=edits) == ([(1, 1, 0, 0)], True)
    assert any(text.startswith("b.log: 1 lines stay refused, since their product and epoch") for text in said)
    stored = "SELECT symbol, epoch, sequence, trade_id FROM orders ORDER BY sequence"
    assert feed.rows(stored) == [("BTC-USD", start, i + 1, i) for i in range(3)]
    assert feed.rows("SELECT taker_side FROM trades ORDER BY trade_id") == [(None,), ("sell",), ("sell",)]


@pytest.mark.slow
def test_a_replay_waits_for_an_ingest_that_goes_on_or_broke_off(spark, feed, monkeypatch):
    feed.write("a.jsonl", message(1), "{")
    feed.ingest("a.jsonl")
    with only_run(spark, "ingest", "ingest_1"), pytest.raises(TryAgainError, match="another ingest is running"):
        replayed(feed)
    feed.write("a.jsonl", message(1), "{", message(2))
    with monkeypatch.context() as patch:
        patch.setattr("jobs.ingest_publish.committed", dying_after("orders"))
        with pytest.raises(PowerCutError):
            feed.ingest("a.jsonl")
    with pytest.raises(TryAgainError, match="orders holds rows of a run that has not ended"):
        replayed(feed)
    feed.ingest("a.jsonl")
    assert replayed(feed) == ([(1, 0, 1, 0), (1, 0, 1, 0)], False)


def test_nothing_to_replay_is_told_to_a_scheduler(spark, schema, make_app, capsys):
    with pytest.raises(NothingToDo, match="no refused line can be read again"):
        command.main(["replay", "--file", "a.jsonl"], obj=make_app(), standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == []
    assert spark.table("runs").count() == 0


@pytest.mark.slow
def test_a_table_of_an_older_foretable_gets_the_columns_it_lacks(spark, feed):
    spark.sql("ALTER TABLE orders__quarantine SET TBLPROPERTIES (delta.columnMapping.mode = 'name')")
    spark.sql("ALTER TABLE orders__quarantine DROP COLUMNS (outcome, edited_text, replay_run_id)")
    feed.write("a.jsonl", message(1), message(3, time=LATE))
    feed.ingest_too_early("a.jsonl")
    assert replayed(feed) == ([(1, 1, 0, 0)], True)


def test_an_unknown_code_is_refused_before_spark_starts():
    with pytest.raises(UsageError, match="no code BAD_NUMBERS: the nearest are BAD_NUMBER"):
        command.main(["replay", "--code", "BAD_NUMBERS"], obj=App(), standalone_mode=False)


LINE = {"file_digest": ANY_DIGEST, "byte_offset": 3, "raw_text": "a\u2028b"}


def test_edits_are_json_lines_or_one_array(tmp_path):
    file = tmp_path / "edits"
    more = LINE | {"byte_offset": 4, "reason": "of the export"}
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in (LINE, more)) + "\n\n")
    both = read_edits(file)
    assert [(line.byte_offset, line.raw_text) for line in both] == [(3, "a\u2028b"), (4, "a\u2028b")]
    file.write_text(json.dumps([LINE, more]))
    assert read_edits(file) == both


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no line"),
        ("{", "holds no JSON lines"),
        ("[1]", "line 1 of the edits: it: "),
        (json.dumps(LINE | {"byte_offset": "3"}), "line 1 of the edits: byte_offset: "),
        (json.dumps(LINE | {"file_digest": "x"}), "line 1 of the edits: file_digest: "),
        ("\n".join([json.dumps(LINE)] * 2), "line 2 of the edits: this place was named before"),
    ],
)
def test_a_file_of_edits_that_is_none_is_refused(tmp_path, text, said):
    (tmp_path / "edits").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_edits(tmp_path / "edits")
