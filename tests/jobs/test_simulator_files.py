"""Files of the simulated exchange: format, determinism, injected faults, and nothing half-written."""

import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from jobs.commands.simulate import simulate as command
from jobs.simulator.faults import MALFORMED_KINDS, Faults, damage
from jobs.simulator.instruments import INSTRUMENTS
from jobs.simulator.market import Market, last_for_messages
from jobs.simulator.simulation import simulate
from jobs.simulator.truth import market_truth
from models.errors import SafetyError, StorageError, UsageError

EVENING = Market(start_time=datetime(2024, 2, 28, 23, 0, tzinfo=UTC), duration_seconds=7200, seed=3)
DIRTY = Faults(gap_share=0.01, duplicate_share=0.01, disorder_share=0.01, malformed_share=0.03)


def lines_of(summary):
    return [line for file in summary.files for line in gzip.decompress(file.read_bytes()).split(b"\n")[:-1]]


def shape(message):
    return message["type"], message.get("order_type"), message.get("reason")


def test_keys_and_texts_look_like_the_real_recording(recordings, tmp_path):
    real = {}
    with gzip.open(recordings / "l3_coinbase_full" / "coinbase_full_2018-03-25T0000Z_60s.jsonl.gz", "rt") as file:
        for message in map(json.loads, file):
            real.setdefault(shape(message), {})[tuple(key for key in message if key not in ("client_oid", "funds"))] = (
                message
            )
    patterns = {
        "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
        **dict.fromkeys(("price", "size", "remaining_size"), r"\d+\.\d{8}"),
        **dict.fromkeys(
            ("order_id", "maker_order_id", "taker_order_id"),
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        ),
    }
    seen = Counter()
    for line in lines_of(simulate(EVENING, tmp_path)):
        message = json.loads(line)
        assert line == json.dumps(message, separators=(",", ":")).encode()
        if message["type"] == "change":
            continue
        example = real[shape(message)][tuple(message)]
        for key, value in message.items():
            assert type(value) is type(example[key])
            if key in patterns:
                assert re.fullmatch(patterns[key], value)
                assert re.fullmatch(patterns[key], example[key])
        seen[shape(message)] += 1
    assert len(seen) == 6


def test_a_change_has_the_fields_of_the_exchange_documentation(tmp_path):
    messages = map(json.loads, lines_of(simulate(EVENING, tmp_path)))
    change = next(message for message in messages if message["type"] == "change")
    assert set(change) == {
        *("type", "time", "sequence", "order_id", "product_id"),
        *("new_size", "old_size", "price", "side"),
    }


def test_a_file_holds_one_utc_day_across_a_leap_day(tmp_path):
    summary = simulate(EVENING, tmp_path)
    assert [file.name for file in summary.files] == [
        "coinbase_full_20240228.jsonl.gz",
        "coinbase_full_20240229.jsonl.gz",
    ]
    for file, day in zip(summary.files, ("2024-02-28", "2024-02-29"), strict=True):
        times = [json.loads(line)["time"] for line in gzip.decompress(file.read_bytes()).splitlines()]
        assert {time[:10] for time in times} == {day}
        assert times == sorted(times)


def test_written_times_are_those_of_the_oracle(tmp_path):
    truth = market_truth(EVENING)
    expected = truth.quotes["event_time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").tolist()
    assert [json.loads(line)["time"] for line in lines_of(simulate(EVENING, tmp_path))] == expected


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    first, again = simulate(EVENING, tmp_path / "a", DIRTY), simulate(EVENING, tmp_path / "b", DIRTY)
    other = simulate(replace(EVENING, seed=4), tmp_path / "c", DIRTY)
    assert [file.read_bytes() for file in first.files] == [file.read_bytes() for file in again.files]
    assert first.faults == again.faults
    assert [file.read_bytes() for file in first.files] != [file.read_bytes() for file in other.files]


def test_plain_and_compressed_files_hold_the_same_lines(tmp_path):
    plain = simulate(EVENING, tmp_path, is_compressed=False)
    assert [file.suffix for file in plain.files] == [".jsonl", ".jsonl"]
    assert b"".join(file.read_bytes() for file in plain.files).splitlines() == lines_of(simulate(EVENING, tmp_path))


def test_counts_are_those_of_the_files(tmp_path):
    summary = simulate(EVENING, tmp_path)
    counts = Counter(json.loads(line)["product_id"] for line in lines_of(summary))
    assert summary.n_messages == dict(counts)
    assert summary.n_lines == counts.total()
    assert summary.faults == ()


def test_undoing_the_recorded_faults_gives_the_clean_lines(tmp_path):
    clean = lines_of(simulate(EVENING, tmp_path / "clean"))
    place = {(message["product_id"], message["sequence"]): i for i, message in enumerate(map(json.loads, clean))}
    summary = simulate(EVENING, tmp_path / "dirty", DIRTY)
    by_file = {file.name: gzip.decompress(file.read_bytes()).split(b"\n")[:-1] for file in summary.files}
    removed, restored = set(), []
    for fault in summary.faults:
        message = clean[place[fault.symbol, fault.sequence]]
        if fault.kind == "gap":
            restored.append(message)
            continue
        line = by_file[fault.file][fault.line_number - 1]
        removed.add((fault.file, fault.line_number))
        if fault.kind in MALFORMED_KINDS:
            assert line != message
            assert line == damage(message, fault.kind)[0]
            restored.append(message)
        else:
            assert line == message
            restored += [message] if fault.kind == "disorder" else []
    untouched = [
        line
        for name, lines in by_file.items()
        for number, line in enumerate(lines, start=1)
        if (name, number) not in removed
    ]
    assert set(restored).isdisjoint(untouched)
    kept = set(untouched)
    assert untouched == [line for line in clean if line in kept]
    assert sorted(untouched + restored) == sorted(clean)
    n_lines = len(clean) + Counter(fault.kind for fault in summary.faults)["duplicate"]
    assert summary.n_lines == sum(map(len, by_file.values())) == n_lines - sum(f.kind == "gap" for f in summary.faults)


def test_every_kind_of_fault_occurs_about_as_often_as_asked(tmp_path):
    summary = simulate(replace(EVENING, duration_seconds=6 * 3600), tmp_path, DIRTY)
    counts = Counter(fault.kind for fault in summary.faults)
    n_messages = sum(summary.n_messages.values())
    for kind in ("gap", "duplicate", "disorder"):
        assert counts[kind] / n_messages == pytest.approx(0.01, rel=0.2)
    assert sum(counts[kind] for kind in MALFORMED_KINDS) / n_messages == pytest.approx(0.03, rel=0.2)
    assert min(counts[kind] for kind in MALFORMED_KINDS) > 50


@pytest.mark.parametrize(
    ("kind", "damaged"),
    [
        ("truncated_json", b'{"price":"2.00000000","product_id":'),
        ("nan_price", b'{"price":"NaN","product_id":"A","sequence":7,"time":"T"}'),
        ("negative_price", b'{"price":"-1.00000000","product_id":"A","sequence":7,"time":"T"}'),
        ("zero_price", b'{"price":"0.00000000","product_id":"A","sequence":7,"time":"T"}'),
        ("missing_field", b'{"price":"2.00000000","product_id":"A","time":"T"}'),
        ("not_utf8", b'{"price":"2.00000000","product_id":"\xffA","sequence":7,"time":"T"}'),
        ("not_json", b"connection reset by peer"),
    ],
)
def test_each_kind_of_damage_is_what_its_name_says(kind, damaged):
    line = b'{"price":"2.00000000","product_id":"A","sequence":7,"time":"T"}'
    assert damage(line, kind) == (damaged[: len(line) // 2] if kind == "truncated_json" else damaged, kind)


def test_a_line_without_a_price_is_truncated_instead():
    assert damage(b'{"size":"1"}', "nan_price") == (b'{"size', "truncated_json")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_stopping_leaves_whole_files_only(tmp_path, error):
    whole = simulate(EVENING, tmp_path / "whole")

    def stop_on_the_second_day(share, text):
        if share > 0.6:
            raise error

    with pytest.raises(error):
        simulate(EVENING, tmp_path / "stopped", progress=stop_on_the_second_day)
    (left,) = (tmp_path / "stopped").iterdir()
    assert left.name == whole.files[0].name
    assert left.read_bytes() == whole.files[0].read_bytes()


def test_a_second_run_leaves_the_files_as_they_are(tmp_path):
    first = simulate(EVENING, tmp_path)
    before = [file.stat() for file in first.files]
    simulate(EVENING, tmp_path)
    assert [(s.st_mtime_ns, s.st_ino) for s in before] == [
        (s.st_mtime_ns, s.st_ino) for s in (file.stat() for file in first.files)
    ]


def test_a_file_of_another_market_is_never_overwritten(tmp_path):
    (file, *_) = simulate(EVENING, tmp_path).files
    before = file.read_bytes()
    with pytest.raises(SafetyError, match=r"20240228.*exists with other content: choose an empty folder"):
        simulate(replace(EVENING, seed=9), tmp_path)
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*: (Not a directory|File exists); .*choose another folder"):
        simulate(EVENING, tmp_path / "file" / "folder")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("symbols", ("XRP-USD",), r"cannot simulate symbols \['XRP-USD'\]: choose from BTC-USD"),
        ("symbols", (), r"choose from BTC-USD"),
        ("symbols", ("BTC-USD", "BTC-USD"), "name each once"),
        ("start_time", datetime(2024, 1, 1), "time zone"),
        ("duration_seconds", 0, "duration must be 1 to 94867200 seconds, got 0"),
        ("messages_per_second", 0.0, "must be 0.01 to 10000, got 0.0"),
        ("signal_strength", float("nan"), "signal strength must be 0 to 5, got nan"),
        ("half_life_seconds", 0.5, "half-life must be 1 to 86400 seconds, got 0.5"),
    ],
)
def test_a_setting_out_of_range_is_refused(setting, value, message):
    with pytest.raises(UsageError, match=message):
        Market(**{setting: value})


def test_more_messages_than_the_longest_market_sends_are_refused():
    with pytest.raises(UsageError, match=r"1,000,000,000 messages take too long: .* within 1098 days; choose more"):
        last_for_messages(Market(), 1_000_000_000)


@pytest.mark.parametrize("shares", [{"gap_share": -0.1}, {"gap_share": 0.6, "malformed_share": 0.6}])
def test_fault_shares_out_of_range_are_refused(shares):
    with pytest.raises(UsageError, match="at least 0 and together at most 1"):
        Faults(**shares)


@pytest.mark.parametrize("symbols", [("BTC-USD", "ETH-USD"), tuple(INSTRUMENTS)])
def test_the_number_of_messages_asked_for_is_met_within_five_percent(symbols):
    market = last_for_messages(Market(symbols=symbols), 100_000)
    assert len(market_truth(market).quotes) == pytest.approx(100_000, rel=0.05)


def test_the_command_prints_the_paths_and_nothing_else_on_stdout(tmp_path):
    arguments = ["--out", str(tmp_path / "feed"), "--hours", "0.2", "--truth", str(tmp_path / "truth.parquet")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'feed' / 'coinbase_full_20240101.jsonl.gz'}\n"
    assert "messages in" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed", "truth.parquet"]


def test_the_command_prints_one_json_object_with_every_fault(tmp_path):
    arguments = ["--out", str(tmp_path), "--messages", "2000", "--malformed", "0.01", "--json", "--quiet"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    record = json.loads(result.stdout)
    assert result.stderr == ""
    assert record["n_lines"] == sum(record["n_messages"].values()) == pytest.approx(2000, rel=0.15)
    assert {fault["kind"] for fault in record["faults"]} <= set(MALFORMED_KINDS)
    assert record["faults"]


def test_a_dry_run_writes_nothing(tmp_path):
    result = CliRunner().invoke(command, ["--out", str(tmp_path / "feed"), "--dry-run"], catch_exceptions=False)
    assert "would write about 1,000,0" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hours", "1", "--messages", "5"], "--messages and --hours exclude each other"),
        (["--hours", "-1"], "--hours must be above 0"),
        (["--start", "yesterday"], "--start yesterday is not an instant"),
    ],
)
def test_the_command_refuses_wrong_options_in_one_sentence(tmp_path, arguments, message):
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(command, ["--out", str(tmp_path), *arguments], catch_exceptions=False)
