"""Damaged files of both formats: what becomes of each line is what an independent reading of the documents expects."""

import itertools
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from expected_events import COLUMNS
from expected_ingest import Ledger, read
from fuzzed_files import built, recipes
from hypothesis import HealthCheck, Phase, given, settings

from jobs.ingest_codes import CODES
from jobs.pipeline import ingest_step
from jobs.readers.file_reader import FileReport, FileTask, read_file
from jobs.sources import Source
from models.errors import NothingToDo

FORMATS = ("coinbase_full", "bitstamp_log")
QUIET = {"deadline": None, "derandomize": True, "database": None, "suppress_health_check": list(HealthCheck)}
FILES_A_RUN = 50


def source_of(format_, path):
    symbol = "BTC-USD" if format_ == "bitstamp_log" else None
    return Source(path=str(path), format=format_, exchange=format_.replace("_", "-"), symbol=symbol)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("n_files", [100, pytest.param(2_000, marks=pytest.mark.torture)])
def test_each_line_of_a_damaged_file_is_read_as_the_documents_say(n_files, format_, tmp_path):
    now = datetime.now(UTC)
    path = tmp_path / "file"

    @settings(**QUIET, max_examples=n_files)
    @given(recipes(format_))
    def check(recipe):
        data = built(format_, *recipe)
        path.write_bytes(data)
        task = FileTask(file_index=0, path=str(path), n_bytes=len(data))
        batches = list(read_file(task, source_of(format_, path), int(now.timestamp() * 1e6)))
        *rows, report = pa.Table.from_batches(batches).to_pylist()
        report = FileReport.model_validate_json(report["raw_text"])
        wanted = read("file", data, format_, now)
        good = {offset: row for (_, offset, _), row in wanted.rows}
        assert {row["byte_offset"]: row["code"] for row in rows if row["byte_offset"] in good} == dict.fromkeys(good)
        assert {row["byte_offset"]: stored(row) for row in rows if row["kind"] == "event"} == good
        check_refused([row for row in rows if row["kind"] == "refused"], wanted.refused)
        assert (report.state, report.n_read, report.n_pending) == (wanted.state, wanted.n_read, wanted.n_pending)
        assert report.digest == wanted.digest

    check()


def stored(row):
    """The row of a table as the expectation writes it."""
    row = dict(row)
    if isinstance(row["event_time"], datetime):
        row["event_time"] = (row["event_time"].astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            microseconds=1
        )
    return tuple(row[name] for name in COLUMNS)


def check_refused(rows, wanted):
    """Each refused line has a code that its content explains, its place and its text."""
    assert {(row["byte_offset"], row["line_number"], row["raw_text"]) for row in rows} == {
        (offset, number, text) for offset, (number, _, text) in wanted.items()
    }
    for row in rows:
        assert row["code"] in wanted[row["byte_offset"]][1], (row["code"], wanted[row["byte_offset"]])
        assert row["code"] in CODES


@pytest.fixture
def fuzz(spark, schema, make_app, home, tmp_path):
    return Fuzz(make_app(), home / "warehouse" / f"{schema}.db", tmp_path)


class Fuzz:
    """Runs of ingest over fuzzed files, each checked against the ledgers of what was expected."""

    def __init__(self, app, warehouse, folder):
        self.app, self.warehouse, self.folder = app, warehouse, folder
        self.ledgers = {format_: Ledger(format_, datetime.now(UTC)) for format_ in FORMATS}
        self.n_files, self.lines = 0, {"good": 0, "refused": 0, "duplicate": 0, "pending": 0}
        self.codes = set()

    def run(self, format_, contents):
        folder = self.folder / f"{format_}_{self.n_files:05}"
        folder.mkdir()
        named = {f"{folder.name}_{i:02}.log": data for i, data in enumerate(contents)}
        for name, data in named.items():
            (folder / name).write_bytes(data)
        self.n_files += len(named)
        fresh = self.ledgers[format_].ingest(named)
        source = source_of(format_, folder)
        rows = ingest_step(self.app, [source], max_bad=1.0)
        counts = {row["source_file"]: (row["state"], row["read"], row["good"], row["quarantined"], row["duplicate"],
                                       row["pending"]) for row in rows}  # fmt: skip
        assert counts == {file.name: file.counts for file in fresh}
        self._check_run(source.path, fresh)
        with pytest.raises(NothingToDo):
            ingest_step(self.app, [source], max_bad=1.0)

    def _check_run(self, target, fresh):
        (run,) = [row for row in self.rows("runs") if row["target"] == target]
        totals = [sum(counts) for counts in zip(*(file.counts[1:] for file in fresh), strict=True)]
        n_read, n_good, n_quarantined, n_duplicate, n_pending = totals
        names = ("n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending")
        assert run["state"] == "done"
        assert [run[name] for name in names] == totals
        assert n_read == n_good + n_quarantined + n_duplicate + n_pending
        assert dict(run["input_files"]) == {file.name: file.digest for file in fresh}
        for name, n in zip(self.lines, (n_good, n_quarantined, n_duplicate, n_pending), strict=True):
            self.lines[name] += n

    def rows(self, table):
        return DeltaTable(self.warehouse / table).to_pyarrow_table().to_pylist()

    def check_tables(self):
        """All tables at once, read without Spark."""
        tables = {name: self.rows(name) for name in
                  ("orders", "trades", "gaps", "orders__quarantine", "ingested_files")}  # fmt: skip
        for format_, ledger in self.ledgers.items():
            exchange = source_of(format_, "x").exchange
            of = {name: [row for row in rows if row["exchange"] == exchange] for name, rows in tables.items()}
            wanted = {(file.name, offset): row for file in ledger.files.values() for offset, row in file.good.items()}
            assert len(of["orders"]) == len(wanted)
            assert {(row["source_file"], row["byte_offset"]): stored(row) for row in of["orders"]} == wanted
            assert {row["file_digest"] for row in of["ingested_files"]} == set(ledger.files)
            assert len(of["ingested_files"]) == len(ledger.files)
            refused = sorted(of["orders__quarantine"], key=lambda row: row["file_digest"])
            by_file = {digest: list(rows) for digest, rows in
                       itertools.groupby(refused, key=lambda row: row["file_digest"])}  # fmt: skip
            for digest, file in ledger.files.items():
                check_refused(by_file.pop(digest, []), file.refused)
            assert by_file == {}
            assert all(row["reason"].endswith(".") for row in refused)
            self.codes |= {row["code"] for row in refused}
            assert sorted((row["symbol"], row["trade_id"]) for row in of["trades"]) == sorted(ledger.trades())
            if ledger.is_numbered:
                holes = sorted((row["symbol"], row["first_missing"], row["last_missing"]) for row in of["gaps"])
                assert holes == sorted(ledger.holes())


def drawn(format_, n):
    """The first ``n`` different files that Hypothesis thinks of."""
    found = {}

    @settings(**QUIET, max_examples=3 * n, phases=[Phase.generate])
    @given(recipes(format_))
    def remember(recipe):
        found.setdefault(built(format_, *recipe))

    remember()
    return list(found)[:n]


@pytest.mark.parametrize("n_files", [30, pytest.param(1_000, marks=pytest.mark.torture)])
def test_fuzzed_files_are_accounted_for_to_the_line(n_files, fuzz, figure):
    contents = {format_: drawn(format_, n_files // 2) for format_ in FORMATS}
    for start in range(0, n_files // 2, FILES_A_RUN):
        for format_ in FORMATS:
            fuzz.run(format_, contents[format_][start : start + FILES_A_RUN])
    fuzz.check_tables()
    assert fuzz.n_files == n_files
    lines = ", ".join(f"{n:,} {what}" for what, n in fuzz.lines.items())
    figure(f"{n_files:,} fuzzed files: {lines} lines, {len(fuzz.codes)} codes, every line explained")
