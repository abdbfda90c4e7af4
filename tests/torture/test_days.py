"""Days of a faulty market in pieces, some late, through one process: sums agree after each day, memory stays flat."""

import os
import re
import subprocess
import time

import numpy as np
import psutil
import pytest
import yaml
from chains import SETTINGS
from deltalake import DeltaTable
from recorded_days import Arrived, RecordedDays

UP_TO_DATE = 99
MODEL = "daily"
SCHEMA = "tb_days"
WARM_DAYS = 3
CLEANER_SECONDS = 3
MOST_MIB_A_DAY = 8  # of what is live; a day of lines held by mistake would be more


class Days:
    """A pipeline whose files arrive in pieces, and the sums of all tables."""

    def __init__(self, folder, home, states):
        self.files = folder / "files"
        self.files.mkdir()
        self.arrived = Arrived()
        self.states = states
        source = {"path": str(self.files), "format": "coinbase_full", "exchange": "simulated"}
        model = {"name": MODEL, "family": "ridge", "label": "return_5m"}
        settings = SETTINGS | {
            "sources": [source], "models": [model], "bars": {"seconds": [60]}, "model_bar_seconds": 60,
            "labels": [{"name": "return_5m", "kind": "log_return", "horizon_seconds": 300}],
        }  # fmt: skip
        (folder / "foretable.yml").write_text(yaml.safe_dump(settings))
        self.words = ["--config", str(folder / "foretable.yml"), "--home", str(home), "--schema", SCHEMA, "run"]

    def arrive(self, pieces):
        for name, lines, is_damaged in pieces:
            self.arrived.add(lines, is_damaged)
            (self.files / name).write_bytes(b"".join(lines))

    def table(self, name, columns=None):
        rows = DeltaTable(self.states.folder(SCHEMA) / name)
        return rows.to_pyarrow_table(columns=columns).to_pandas()

    def check(self):
        """Nothing that arrived is missing or doubled, from the files to the predictions."""
        wanted = self.arrived
        ledger = self.table("ingested_files")
        assert sorted(ledger["file_digest"]) == sorted(wanted.digests)
        sums = ledger[["n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending"]].sum().tolist()
        assert sums == [wanted.n_read, len(wanted.good), wanted.n_damaged, wanted.n_duplicate, 0]
        assert (ledger["n_read"] == ledger["n_good"] + ledger["n_quarantined"] + ledger["n_duplicate"]).all()
        runs = self.table("runs")
        ingests = runs[(runs["job"] == "ingest") & (runs["state"] == "done")]
        assert ingests["n_read"].sum() == wanted.n_read
        assert len(self.table("orders", ["sequence"])) == len(wanted.good)
        assert len(self.table("orders__quarantine", ["code"])) == wanted.n_damaged
        holes = self.table("gaps", ["symbol", "first_missing", "last_missing"])
        assert sorted(map(tuple, holes.to_numpy())) == sorted(wanted.holes())
        trades, bars = self.table("trades", ["symbol", "size"]), self.table("bars", ["symbol", "volume", "n_trades"])
        assert len(trades) == bars["n_trades"].sum() == wanted.n_trades
        assert trades.groupby("symbol")["size"].sum().to_dict() == wanted.volume
        assert bars.groupby("symbol")["volume"].sum().to_dict() == wanted.volume
        key = ["exchange", "symbol", "bar_seconds", "bar_start"]
        features, predictions = self.table("features", key), self.table("predictions", [*key, "model", "version"])
        assert (predictions["model"] == MODEL).all()
        assert not predictions.duplicated([*key, "version"]).any()  # a day's model scores what is new since the last
        assert not features.duplicated(key).any()
        assert set(map(tuple, features.to_numpy())) == set(map(tuple, predictions[key].to_numpy()))
        assert self.states.published(SCHEMA) == self.states.newest(SCHEMA)
        return len(features)


def live_mebibytes(pid):
    """Memory that Python holds, and what is live in its JVM: Spark lets go of blocks after a collection has shown them."""
    process = psutil.Process(pid)
    java = next(child.pid for child in process.children() if "java" in child.cmdline()[0])
    subprocess.run(["jcmd", str(java), "GC.run"], stdout=subprocess.DEVNULL, check=True)
    time.sleep(CLEANER_SECONDS)
    histogram = subprocess.run(["jcmd", str(java), "GC.class_histogram"], stdout=subprocess.PIPE, text=True, check=True)
    (n_bytes,) = re.findall(r"^Total\s+\d+\s+(\d+)", histogram.stdout, re.MULTILINE)
    return process.memory_info().rss / 2**20, int(n_bytes) / 2**20


def slope(values):
    """Mebibytes that a day adds, once warm."""
    return float(np.polyfit(range(len(values)), values, 1)[0])


@pytest.mark.torture
def test_days_in_pieces_through_one_process_add_up_in_flat_memory(pool, states, torture_home, tmp_path, figure):
    n_days = int(os.environ.get("FORETABLE_TORTURE_DAYS", "10"))
    days = Days(tmp_path, torture_home, states)
    recorded = RecordedDays(tmp_path / "recorded", n_days, messages_per_second=0.135, seed=11)
    worker = pool.take(n_ahead=1)
    worker.run(schema=SCHEMA, home=str(torture_home))
    started, memory = time.monotonic(), []
    for day, pieces in enumerate(recorded.arrivals):
        days.arrive(pieces)
        if day == n_days // 2:  # another process is killed at it
            doomed = pool.take()
            place = tmp_path / "pause"
            place.mkdir()
            doomed.ask(arguments=days.words, pause=f"after_write:{place}")
            while not (place / "reached").exists():
                assert not doomed.has_answered(0.02), doomed.answer()
            doomed.kill()
        answer = worker.run(arguments=days.words)
        assert answer["code"] == 0, answer
        n_features = days.check()
        memory.append(live_mebibytes(worker.pid))
    assert worker.run(arguments=days.words)["code"] == UP_TO_DATE
    pool.give_back(worker)
    python, java = ([round(values[i]) for values in memory] for i in (0, 1))
    figure(
        f"{n_days} days, {recorded.n_messages:,} messages with {recorded.n_faults:,} faults, {n_features:,} rows of features "
        f"in {time.monotonic() - started:,.0f} s: all sums agree after each day"
    )
    figure(f"    MiB at the end of each day: Python {python}, live in Java {java}")
    if n_days > WARM_DAYS + 2:
        slopes = slope(python[WARM_DAYS:]), slope(java[WARM_DAYS:])
        figure(f"    slope after day {WARM_DAYS}: {slopes[0]:+.1f} and {slopes[1]:+.1f} MiB a day")
        assert max(slopes) < MOST_MIB_A_DAY, memory
