"""A gap, a repetition or a late line anywhere in a clean hour is found, each one, and nothing is found in a clean one.

Only what is missing before the first or after the last line of a symbol cannot be seen: its number is not known.
"""

import json
from random import Random

import pytest

from jobs.ingest import ingest
from jobs.simulator.market import Market
from jobs.simulator.simulation import simulate
from jobs.sources import Source

EXCHANGE = "simulated"


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """Messages of an hour of one symbol."""
    market = Market(symbols=("BTC-USD",), duration_seconds=3_600, messages_per_second=0.1, seed=3)
    files = simulate(market, tmp_path_factory.mktemp("hour"), is_compressed=False).files
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def gap(messages, place, random):
    n_missing = min(random.choice([1, 1, 2, 10]), len(messages) - 1 - place)
    return messages[:place] + messages[place + n_missing :], (place, n_missing)


def duplicate(messages, place, random):
    later = random.randint(place + 1, len(messages))
    return [*messages[:later], messages[place], *messages[later:]], place


def late(messages, place, random):
    later = random.randint(place + 1, len(messages) - 1)
    return messages[:place] + messages[place + 1 : later + 1] + [messages[place]] + messages[later + 1 :], place


FAULTS = {"gap": gap, "duplicate": duplicate, "late": late}


def injected(hour, n_each):
    """Hours by symbol, each with one fault; of every kind at the borders and at other places, and some without."""
    random, hours, faults = Random(1), {}, {}
    for kind, inject in FAULTS.items():
        last = len(hour) - (1 if kind == "duplicate" else 2)
        first = 1 if kind == "gap" else 0
        for place in {first, first + 1, last - 1, last, *random.sample(range(first, last), n_each - 4)}:
            symbol = f"{kind}-{place}"
            hours[symbol], faults[symbol] = inject(hour, place, random)
    hours |= {f"clean-{i}": hour for i in range(n_each // 4)}
    return hours, faults


def check_all_are_found_and_none_invented(spark, folder, hour, n_each):
    hours, faults = injected(hour, n_each)
    for symbol, messages in hours.items():
        lines = (json.dumps(message | {"product_id": symbol}) for message in messages)
        (folder / f"{symbol}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    summary = ingest(spark, Source(path=str(folder), format="coinbase_full", exchange=EXCHANGE), 0, "r")
    first = hour[0]["sequence"]

    wanted = sorted(
        (symbol, first + fault[0], first + fault[0] + fault[1] - 1)
        for symbol, fault in faults.items()
        if symbol.startswith("gap")
    )
    found = spark.table("gaps").select("symbol", "first_missing", "last_missing").collect()
    assert sorted(map(tuple, found)) == wanted

    ledger = {file.source_file.removesuffix(".jsonl"): file for file in summary.files}
    assert {s for s, file in ledger.items() if file.n_duplicate} == {s for s in faults if s.startswith("duplicate")}
    assert {s for s, file in ledger.items() if file.n_disordered} == {s for s in faults if s.startswith("late")}
    assert max(max(file.n_duplicate, file.n_disordered) for file in ledger.values()) == 1
    assert sum(file.n_quarantined for file in ledger.values()) == 0

    counts = dict(spark.sql("SELECT symbol, count(*) FROM orders GROUP BY symbol").collect())
    missing = {s: fault[1] for s, fault in faults.items() if s.startswith("gap")}
    assert counts == {symbol: len(hour) - missing.get(symbol, 0) for symbol in hours}
    stored = spark.table("ingested_files").selectExpr("sum(n_disordered)", "sum(n_duplicate)").first()
    assert tuple(stored) == tuple(sum(s.startswith(kind) for s in faults) for kind in ("late", "duplicate"))


def test_faults_at_the_borders_and_in_between_are_found_and_none_invented(spark, schema, tmp_path, hour):
    check_all_are_found_and_none_invented(spark, tmp_path, hour, n_each=8)


@pytest.mark.slow
def test_faults_at_hundreds_of_lines_of_the_hour_are_found_and_none_invented(spark, schema, tmp_path, hour):
    check_all_are_found_and_none_invented(spark, tmp_path, hour, n_each=100)
