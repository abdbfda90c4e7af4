"""How cost grows from one million simulated order events to more: ingest, book, bars and features, each step measured.

    python -m benchmarks.scale [millions of events …, default 1 3 10]

Each size runs in a process and a home of its own: the market of the demo, as long as it takes, a file a day. Before a
figure is printed the tables are counted against what was simulated: every message is an order event, every match a
trade, and the volume of the bars is that of the trades. CPU and memory are those of the whole family of processes
(Python, Java, Python workers); memory is the proportional set size, looked at twice a second.

Java gets its whole heap at the start: it would take it in the first few million events anyhow, and what grows with the
data would not be seen beside that.

The claim, for which three sizes are needed: from each size to the next one the cost of a further million differs by at
most a tenth, and so does the peak of memory. What four billion events would cost is extrapolated from the last two
sizes.
"""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

from benchmarks.surroundings import in_a_process, machine
from jobs.prepare import main as prepare

TOLERANCE = 0.1
MILLIONS_OF_ALL = 4_000
STEPS = ("ingest", "book", "resample", "normalize")
CORES = (2, 32)
WHOLE_HEAP = {"spark.driver.extraJavaOptions": "-Xms4g -XX:+AlwaysPreTouch"}


class Family:
    """CPU seconds and peak memory of this process and all that it has started."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._me = psutil.Process()
        self._seconds: dict[tuple[int, float], float] = {}
        self.peak_mebibytes = 0.0

    def look(self) -> float:
        """CPU seconds up to now; workers that have ended count with what they had when last looked at."""
        n_bytes = 0
        for process in [self._me, *self._me.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._seconds[process.pid, process.create_time()] = times.user + times.system
                n_bytes += process.memory_full_info().pss
        self.peak_mebibytes = max(self.peak_mebibytes, n_bytes / 2**20)
        return sum(self._seconds.values())

    @contextlib.contextmanager
    def watched(self, told: dict[str, float]) -> Iterator[None]:
        """Put wall time, CPU and peak memory of the block into ``told``."""
        self.peak_mebibytes = 0.0
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(0.5):
                self.look()

        before, started = self.look(), time.perf_counter()
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()
        seconds = time.perf_counter() - started
        told |= {"wall": seconds, "cpu": self.look() - before, "mebibytes": self.peak_mebibytes}


def measure(home: Path, millions: float) -> dict[str, Any]:
    """Simulate a market of that many events and take it through the steps; in a process of its own."""
    from jobs.app import App
    from jobs.config import Config
    from jobs.pipeline import book_step, ingest_step, normalize_step, resample_step
    from jobs.simulator.market import Market, last_for_messages
    from jobs.simulator.simulation import simulate
    from jobs.sources import Source

    market = last_for_messages(Market(), int(millions * 1e6))
    with ProcessPoolExecutor(1, get_context("spawn")) as simulation:  # what it leaves in memory is not ours
        simulated = simulation.submit(simulate, market, home / "files").result()
    n_events = sum(simulated.n_messages.values())
    app = App(is_quiet=True)
    app.config = Config(home=home, book={}, spark=WHOLE_HEAP)
    source = Source(path=str(home / "files"), format="coinbase_full", exchange="simulated")
    todo = {
        "ingest": lambda: ingest_step(app, [source], 0.01),
        "book": lambda: book_step(app),
        "resample": lambda: resample_step(app),
        "normalize": lambda: normalize_step(app),
    }
    spark = app.session()
    spark.sql("SELECT count(*) FROM orders").collect()  # what a session costs once is not a matter of size
    family, told = Family(), {name: {} for name in STEPS}
    for name in STEPS:
        with family.watched(told[name]):
            todo[name]()
    counts = spark.sql(
        "SELECT (SELECT count(*) FROM orders) AS orders, "
        "(SELECT count(*) FROM orders WHERE event = 'match') AS matches, "
        "(SELECT count(*) FROM trades) AS trades, (SELECT sum(size) FROM trades) AS traded, "
        "(SELECT sum(volume) FROM bars) AS volume, (SELECT count(*) FROM quotes) AS quotes, "
        "(SELECT count(*) FROM bars) AS bars, (SELECT count(*) FROM features) AS features"
    ).first()
    n_widths = len(app.config.bars.seconds)
    assert abs(n_events / (millions * 1e6) - 1) < 0.02, n_events
    assert counts.orders == n_events, (counts, n_events)
    assert counts.trades == counts.matches > 0, counts
    assert counts.volume == n_widths * counts.traded, counts
    assert 0 < counts.features <= counts.bars, counts
    app.close()
    return {"events": n_events, "steps": told, "quotes": counts.quotes, "bars": counts.bars}


def print_size(found: dict[str, Any]) -> None:
    """The steps of one size, by million events."""
    millions = found["events"] / 1e6
    print(f"{found['events']:,} events, {found['quotes']:,} quotes, {found['bars']:,} bars")
    for name, told in found["steps"].items():
        print(
            f"    {name:10s} {told['wall']:8.1f} s  {told['wall'] / millions:7.1f} s and {told['cpu'] / millions:7.1f} "
            f"CPU s a million  peak {told['mebibytes']:6.0f} MiB"
        )


def total(found: dict[str, Any], what: str) -> float:
    """Sum over the steps."""
    return sum(told[what] for told in found["steps"].values())


def main() -> int:
    """Measure all sizes; 1 where cost or memory grows otherwise than claimed."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(Path(sys.argv[2]), float(sys.argv[3]))))
        return 0
    sizes = [float(text) for text in sys.argv[1:]] or [1.0, 3.0, 10.0]
    if code := prepare():  # what is compiled once is not a matter of size either
        return code
    print(machine("pyspark"), flush=True)
    found = []
    for size in sizes:
        found.append(in_a_process("benchmarks.scale", size))
        print_size(found[-1])
        sys.stdout.flush()
    further = [
        (total(after, "cpu") - total(before, "cpu")) / ((after["events"] - before["events"]) / 1e6)
        for before, after in pairwise(found)
    ]
    peaks = [max(told["mebibytes"] for told in one["steps"].values()) for one in found]
    print("CPU s of a further million:", ", ".join(f"{seconds:.1f}" for seconds in further))
    print("peak MiB:", ", ".join(f"{peak:.0f}" for peak in peaks))
    is_linear = len(further) > 1 and all(abs(b / a - 1) <= TOLERANCE for a, b in pairwise(further))
    is_flat = all(b / a - 1 <= TOLERANCE for a, b in pairwise(peaks))
    if further:
        hours = further[-1] * MILLIONS_OF_ALL / 3600
        told = ", ".join(f"{hours / cores:,.0f} h on {cores} cores" for cores in CORES)
        print(f"four billion events, extrapolated from the last two sizes: {hours:,.0f} CPU hours, {told}")
    linear = "is" if is_linear else "is NOT shown to be"
    print(f"cost {linear} linear within a tenth, memory {'is' if is_flat else 'is NOT'} flat")
    return int(not (is_linear and is_flat))


if __name__ == "__main__":
    sys.exit(main())
