"""Does cost grow linearly from orders to features? Simulated events through ingest, book, resample and normalize.

    python -m benchmarks.scale [millions of events …, default 1 10 100]

Each size runs in a process and a home of its own. First the tables are checked against counts that do not come from
Spark: rows of ``orders`` and ``trades`` against the simulator, their sums in ``bars`` against DuckDB. Then wall clock,
CPU seconds and peak memory (resident, of Python, Java and workers together) are printed by step and million events, the
exponent of the growth of CPU seconds (1 is linear), and what it says of four billion events.
The claims: the exponent between 0.9 and 1.1; peak memory at the largest size at most 1.5 times that at the smallest.
"""

import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.temporary_home import temporary_home

EVENTS_A_SECOND = 2.0  # of market time and symbol: a hundred million are most of a year
GOAL_EVENTS = 4_000_000_000
CORES = (2, 32)
STEPS = ("ingest", "book", "resample", "normalize")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TIMES, _RESIDENT = slice(10, 14), 20  # places in _stat, see proc(5)


def _stat(pid: str) -> list[int] | None:
    """Numbers of /proc/<pid>/stat behind the name and the state."""
    try:
        return [int(number) for number in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:]]
    except (OSError, ValueError):
        return None


def _tree(pid: int) -> Iterator[list[int]]:
    """Of a process and all below it."""
    stats = {name: stat for name in os.listdir("/proc") if name.isdigit() and (stat := _stat(name))}
    below = {pid}
    while more := {int(name) for name, stat in stats.items() if stat[0] in below} - below:
        below |= more
    return (stat for name, stat in stats.items() if int(name) in below)


class Meter:
    """CPU seconds so far and peak memory since the last look, of this process and all below it."""

    def __init__(self) -> None:
        """Begin to watch, twice a second."""
        self._peak = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, sum(stat[_RESIDENT] for stat in _tree(os.getpid())) * _PAGE)
            time.sleep(0.5)

    def cpu_seconds(self) -> float:
        """User and system time, also of ended children that were waited for."""
        return sum(sum(stat[_TIMES]) for stat in _tree(os.getpid())) / _TICKS

    def peak_bytes(self) -> int:
        """Largest sum of resident memory since this was asked last."""
        peak, self._peak = self._peak, 0
        return peak


def _measured(meter: Meter, work: Callable[[], object]) -> dict[str, float]:
    meter.peak_bytes()
    wall, cpu = time.perf_counter(), meter.cpu_seconds()
    work()
    seconds = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": meter.cpu_seconds() - cpu}
    return {**seconds, "peak_bytes": meter.peak_bytes()}


def _run(home: Path, n_events: int) -> dict[str, Any]:
    """Simulate, run the steps, check the tables."""
    from jobs import pipeline
    from jobs.app import App
    from jobs.config import Config
    from jobs.simulator.market import Market, last_for_messages
    from jobs.simulator.simulation import simulate
    from jobs.sources import Source

    market = last_for_messages(Market(messages_per_second=EVENTS_A_SECOND), n_events)
    summary = simulate(market, home / "files")
    app = App(is_quiet=True)
    app.config = Config(home=home, bars={"seconds": [60]}, model_bar_seconds=60, book={})
    source = Source(path=str(home / "files"), format="coinbase_full", exchange="simulated")
    meter = Meter()
    app.session()
    work: dict[str, Callable[[], object]] = {
        "ingest": lambda: pipeline.ingest_step(app, [source], 0.0),
        "book": lambda: pipeline.book_step(app),
        "resample": lambda: pipeline.resample_step(app),
        "normalize": lambda: pipeline.normalize_step(app),
    }
    try:
        steps = {step: _measured(meter, work[step]) for step in STEPS}
        counts = {
            name: app.session().table(name).count() for name in ("orders", "trades", "quotes", "bars", "features")
        }
        _check(home / "warehouse" / "foretable.db", sum(summary.n_messages.values()), counts)
    finally:
        app.close()
    return {"n_events": counts["orders"], "counts": counts, "steps": steps}


def _check(warehouse: Path, n_messages: int, counts: dict[str, int]) -> None:
    """What the tables hold against the simulator's count and DuckDB's sums over the files of the newest version."""
    import duckdb
    from deltalake import DeltaTable

    def files(table: str) -> list[str]:
        return DeltaTable(warehouse / table).file_uris()

    assert counts["orders"] == n_messages, f"{counts['orders']} rows of orders of {n_messages} messages"
    of_trades = "SELECT symbol, count(*) AS n, sum(size) AS volume, max(price) AS high, min(price) AS low"
    of_bars = "SELECT symbol, sum(n_trades) AS n, sum(volume) AS volume, max(high) AS high, min(low) AS low"
    ends = " FROM read_parquet($files) GROUP BY symbol ORDER BY symbol"
    trades = duckdb.execute(of_trades + ends, {"files": files("trades")}).fetchall()
    bars = duckdb.execute(of_bars + ends, {"files": files("bars")}).fetchall()
    assert trades == bars, f"bars {bars} do not add up to trades {trades}"
    assert counts["features"] == counts["bars"] > 0
    assert counts["quotes"] > 0


def _report(runs: list[dict[str, Any]]) -> bool:
    """Print all; whether the claims hold."""
    for run in runs:
        millions = run["n_events"] / 1e6
        print(f"\n{run['n_events']:,} events: " + ", ".join(f"{n:,} {name}" for name, n in run["counts"].items()))
        total = dict.fromkeys(("wall_seconds", "cpu_seconds"), 0.0)
        for step, measured in run["steps"].items():
            wall, cpu = (measured[name] / millions for name in total)
            gibibytes = measured["peak_bytes"] / 2**30
            print(f"  {step:<10} {wall:7.2f} s and {cpu:7.2f} CPU s a million events, peak {gibibytes:5.2f} GiB")
            for name in total:
                total[name] += measured[name]
        print(
            f"  {'together':<10} {total['wall_seconds'] / millions:7.2f} s and {total['cpu_seconds'] / millions:7.2f}"
        )
        run |= total | {"peak_bytes": max(measured["peak_bytes"] for measured in run["steps"].values())}
    if len(runs) < 2:
        return True
    first, last = runs[0], runs[-1]
    growth = math.log(last["n_events"] / first["n_events"])
    exponent = math.log(last["cpu_seconds"] / first["cpu_seconds"]) / growth
    memory = last["peak_bytes"] / first["peak_bytes"]
    a_million = last["cpu_seconds"] / (last["n_events"] / 1e6)
    print(
        f"\nCPU seconds grow with the power {exponent:.2f} of the events (claim: 0.9 to 1.1); memory {memory:.2f} times"
    )
    for cores in CORES:
        hours = a_million * GOAL_EVENTS / 1e6 / cores / 3600
        print(
            f"{GOAL_EVENTS:,} events at {a_million:.1f} CPU s a million: {hours:,.1f} hours on {cores} cores, all busy"
        )
    return 0.9 <= exponent <= 1.1 and memory <= 1.5


def main() -> int:
    """Each size in a process of its own; 1 where a claim does not hold."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(_run(Path(sys.argv[2]), int(sys.argv[3]))))
        return 0
    sizes = [round(float(word) * 1e6) for word in sys.argv[1:] or ("1", "10", "100")]
    packages = ", ".join(f"{name} {version(name)}" for name in ("pyspark", "delta-spark", "numba"))
    print(f"Python {platform.python_version()}, {packages}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    runs = []
    for size in sizes:
        with temporary_home() as home:
            words = [sys.executable, "-m", "benchmarks.scale", "--one", str(home), str(size)]
            runs.append(json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]))
    return int(not _report(runs))


if __name__ == "__main__":
    sys.exit(main())
