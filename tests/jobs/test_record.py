"""Recording from an exchange on loopback that drops, repeats, reorders, closes, falls silent and refuses."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fake_exchange import FakeBinance

from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions, BookReplay
from jobs.cli import run
from jobs.readers.file_reader import FileTask, read_file
from jobs.record.capture_file import CaptureFile, finish_leftovers
from jobs.record.feeds import make_feed
from jobs.record.recorder import Recorder, RecordSettings
from jobs.sources import Source
from models.errors import StorageError, TryAgainError

NOW_US = 4_000_000_000_000_000


def recorded(folder, exchange, **settings):
    """What a recording of everything that the exchange sends came to, and what it said."""
    said = []

    async def record():
        async with exchange:
            feed = make_feed("binance", ["TESTUSDT"], exchange.url, exchange.book_url)
            recorder = Recorder(
                feed, RecordSettings(folder, "binance", longest_wait_seconds=0.1, **settings), said.append
            )
            running = asyncio.create_task(recorder.run(exchange.is_done))
            return await asyncio.wait_for(running, 60)

    return asyncio.run(record()), said


def events_by_epoch(folder):
    """Events of the recorded files, by connection."""
    tables = []
    for path in sorted(folder.glob("*.gz")):
        source = Source(path=str(path), format="binance_websocket", exchange="binance")
        task = FileTask(file_index=0, path=str(path), n_bytes=path.stat().st_size)
        tables.append(pa.Table.from_batches(list(read_file(task, source, NOW_US))))
    table = pa.concat_tables(tables)
    assert set(table.filter(pc.equal(table["kind"], "refused"))["code"].to_pylist()) == {"NOT_AN_ORDER_EVENT"}
    events = table.filter(pc.equal(table["kind"], "event")).sort_by("sequence")
    return {
        epoch: events.filter(pc.equal(events["epoch"], epoch)) for epoch in sorted(set(events["epoch"].to_pylist()))
    }


def replay(events):
    book = BookReplay(BookOptions(is_contiguous=False, depth_seconds=0))
    batches = events.select(EVENT_COLUMNS).combine_chunks().to_batches()
    return book, [row for batch in batches for quotes in book.replay(batch) for row in quotes.to_pylist()]


def assert_last_quote_is_true(quotes, exchange):
    bid, bid_size, ask, ask_size = exchange.best()
    last = quotes[-1]
    assert last["state"] == "valid"
    assert (last["bid_price"], last["ask_price"]) == (bid, ask)
    assert (last["bid_size"], last["ask_size"]) == (bid_size + Decimal("0.5"), ask_size + Decimal("0.5"))


def test_a_quiet_recording_is_one_file_with_every_message(tmp_path):
    exchange = FakeBinance(300)
    result, _ = recorded(tmp_path, exchange)
    assert (result.n_messages, result.n_connections, result.n_books) == (301, 1, 1)
    [events] = events_by_epoch(tmp_path).values()
    trades = events.filter(pc.equal(events["event"], "match"))["trade_id"].to_pylist()
    assert trades == exchange.trades
    book, quotes = replay(events)
    assert (book.counts.n_gaps, book.counts.n_contradictions) == (0, 0)
    assert_last_quote_is_true(quotes, exchange)


@pytest.mark.parametrize("fault", ["drop", "swap"])
def test_a_missed_update_is_found_and_healed_by_another_book(tmp_path, fault):
    exchange = FakeBinance(400, {100: fault, 250: fault}, seed=3)
    result, _ = recorded(tmp_path, exchange)
    [events] = events_by_epoch(tmp_path).values()
    book, quotes = replay(events)
    assert (result.n_connections, result.n_books) == (1, 3)
    assert book.counts.n_gaps == 2
    states = [row["state"] for row in quotes]
    assert states.count("invalid_after_gap") > 0
    assert_last_quote_is_true(quotes, exchange)


def test_what_comes_twice_changes_nothing(tmp_path):
    exchange = FakeBinance(300, dict.fromkeys(range(50, 250), "repeat"), seed=1)
    result, _ = recorded(tmp_path, exchange)
    assert result.n_messages == 501
    [events] = events_by_epoch(tmp_path).values()
    book, quotes = replay(events)
    assert book.counts.n_gaps == 0
    assert_last_quote_is_true(quotes, exchange)


@pytest.mark.parametrize("fault", ["close", "silent"])
def test_a_connection_that_ends_is_made_again_as_an_epoch_of_its_own(tmp_path, fault):
    exchange = FakeBinance(300, {100: fault, 200: fault}, seed=2)
    result, said = recorded(tmp_path, exchange, silent_seconds=0.5)
    assert (result.n_connections, exchange.n_connections, len(result.files)) == (3, 3, 3)
    assert sum("the connection ended" in text for text in said) == 2
    by_epoch = events_by_epoch(tmp_path)
    assert len(by_epoch) == 3
    for events in by_epoch.values():
        book, quotes = replay(events)
        assert book.counts.n_gaps == 0
    assert_last_quote_is_true(quotes, exchange)


def test_refusals_at_first_and_a_book_that_is_late_are_waited_for(tmp_path):
    exchange = FakeBinance(300, n_refusals=3, n_failing_books=2)
    result, said = recorded(tmp_path, exchange)
    assert (result.n_messages, result.n_books) == (301, 1)
    assert sum("503" in text for text in said) == 3
    assert sum("the book of TESTUSDT was not to be had" in text for text in said) == 2
    [events] = events_by_epoch(tmp_path).values()
    assert_last_quote_is_true(replay(events)[1], exchange)


def test_an_exchange_that_cannot_be_reached_is_told_after_five_tries(tmp_path):
    with pytest.raises(TryAgainError, match=r"ws://127\.0\.0\.1:\d+ cannot be reached .*503"):
        recorded(tmp_path, FakeBinance(1, n_refusals=9))
    assert not list(tmp_path.iterdir())


def test_files_are_cut_by_time_and_read_as_one_recording(tmp_path):
    exchange = FakeBinance(300)
    result, _ = recorded(tmp_path, exchange, part_seconds=0.2)
    assert len(result.files) >= 3
    [events] = events_by_epoch(tmp_path).values()
    assert_last_quote_is_true(replay(events)[1], exchange)


def test_each_file_has_its_digest_beside_it_and_receive_times_that_ascend(tmp_path):
    recorded(tmp_path, FakeBinance(200), part_seconds=0.2)
    notes = sorted(tmp_path.glob("*.sha256"))
    assert len(notes) == len(list(tmp_path.glob("*.gz"))) > 1
    for note in notes:
        checked = subprocess.run(["sha256sum", "-c", note.name], cwd=tmp_path, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
    times = []
    for path in sorted(tmp_path.glob("*.gz")):
        with gzip.open(path, "rt") as lines:
            header, *messages = [line.partition(" ") for line in lines]
        assert json.loads(header[2])["foretable_capture"]["exchange"] == "binance"
        times += [int(time) for time, _, _ in messages]
    assert times == sorted(set(times))


def test_what_a_kill_left_open_is_finished_by_the_next_recording(tmp_path):
    file = CaptureFile(tmp_path, "binance", 1_700_000_000_000, 1)
    file.write(1_700_000_000_000_000_001, '{"whole": 1}')
    file.sync()
    hidden = next(tmp_path.glob(".binance*"))
    with hidden.open("ab") as cut:
        cut.write(b'1700000000000000002 {"cut": ')
    (tmp_path / f"{hidden.name}.gz").write_bytes(b"half compressed")
    file._file.close()
    [whole] = finish_leftovers(tmp_path)
    with gzip.open(whole, "rt") as lines:
        assert lines.readlines()[1:] == ['1700000000000000001 {"whole": 1}\n']
    assert not list(tmp_path.glob(".*"))
    assert finish_leftovers(tmp_path) == []


def test_a_file_without_a_message_leaves_nothing(tmp_path):
    assert CaptureFile(tmp_path, "binance", 1_700_000_000_000, 1).close() is None
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(StorageError, match=r"the recording cannot be written to .*make room"):
        CaptureFile(tmp_path / "absent", "binance", 1_700_000_000_000, 1)


def test_a_folder_that_is_a_file_is_one_sentence_too(tmp_path, capsys):
    (tmp_path / "raw").write_text("")
    assert run(["record", "binance", "--symbol", "X", "--folder", str(tmp_path / "raw" / "x")]) == 74
    assert capsys.readouterr().err.endswith("cannot be written (Not a directory): choose another one\n")


@pytest.mark.parametrize("address", ["ws://example.com/x", "ws://127.0.0.1.example.com:80", "http://10.0.0.1:9"])
def test_a_plain_address_elsewhere_is_refused(tmp_path, address, capsys):
    assert run(["record", "binance", "--symbol", "X", "--folder", str(tmp_path), "--url", address]) == 77
    assert "is not encrypted" in capsys.readouterr().err


class ExchangeInThread:
    """The exchange beside a process that records from it."""

    def __init__(self, exchange_of):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.exchange = asyncio.run_coroutine_threadsafe(self._start(exchange_of), self.loop).result(20)

    async def _start(self, exchange_of):
        return await exchange_of().__aenter__()

    def close(self):
        asyncio.run_coroutine_threadsafe(self.exchange.__aexit__(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def endless_exchange():
    beside = ExchangeInThread(lambda: FakeBinance(10**9))
    yield beside.exchange
    beside.close()


def start(exchange, folder, *more):
    command = [sys.executable, "-m", "jobs.cli", "record", "binance", "--symbol", "TESTUSDT", "--folder", str(folder)]
    addresses = ["--url", exchange.url, "--book-url", exchange.book_url]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, *addresses, *more], env=os.environ, **pipes)


def wait_until_something_is_recorded(folder, exchange):
    until, n_sent = time.monotonic() + 60, exchange.n_sent
    while exchange.n_sent < n_sent + 300:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_whole_files(tmp_path, endless_exchange, number):
    process = start(endless_exchange, tmp_path)
    wait_until_something_is_recorded(tmp_path, endless_exchange)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "next: " in err
    assert "messages" in out
    assert len(list(tmp_path.glob("*.gz"))) == 1
    [events] = events_by_epoch(tmp_path).values()
    assert len(events) > 200


def test_after_kill_9_the_next_recording_finishes_the_file_and_nothing_whole_is_lost(tmp_path, endless_exchange):
    process = start(endless_exchange, tmp_path)
    wait_until_something_is_recorded(tmp_path, endless_exchange)
    time.sleep(1.5)  # more than the time between two syncs
    process.kill()
    process.communicate()
    [hidden] = tmp_path.glob(".*.ndjson")
    n_whole = hidden.read_bytes().count(b"\n") - 1
    assert n_whole > 200
    again = start(endless_exchange, tmp_path, "--minutes", "0.02")
    _, err = again.communicate(timeout=30)
    assert again.returncode == 0, err
    assert "which an earlier recording left open" in err
    first, *_ = sorted(tmp_path.glob("*.gz"))
    with gzip.open(first, "rt") as lines:
        assert len(lines.readlines()) == n_whole + 1
    assert not list(tmp_path.glob(".*.ndjson"))


def test_two_recordings_into_one_folder_are_kept_apart(tmp_path, endless_exchange):
    process = start(endless_exchange, tmp_path)
    try:
        wait_until_something_is_recorded(tmp_path, endless_exchange)
        second = start(endless_exchange, tmp_path)
        _, err = second.communicate(timeout=30)
        assert second.returncode == 75
        assert "another recording writes into" in err
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
