"""Messages a second that the simulator generates, formats and writes on one core.

    python -m benchmarks.simulator

The claim: at least 100,000 messages a second into gzip files, after the compiled kernels are in the cache.
CPU seconds of this process are counted, so that a busy machine does not blur the ratio.
"""

import tempfile
import time
from pathlib import Path

from jobs.simulator.coinbase_format import CoinbaseFormat
from jobs.simulator.faults import Faults
from jobs.simulator.generator import generate
from jobs.simulator.market import Market, last_for_messages
from jobs.simulator.simulation import simulate

CLAIM = 100_000


def _generate_and_format(market: Market) -> int:
    lines = CoinbaseFormat(market.symbols, market.seed, market.start_us)
    n_messages = 0
    for chunk in generate(market):
        lines.lines(chunk.messages)
        n_messages += len(chunk.messages)
    return n_messages


def _report(name: str, n_messages: int, cpu_seconds: float) -> None:
    rate = n_messages / cpu_seconds
    speed = f"{cpu_seconds:6.2f} CPU s {rate:>9,.0f} a second = {rate / CLAIM:5.2f} x claim"
    print(f"{name:<30} {n_messages:>9,} messages {speed}")


def main() -> None:
    """Measure each stage once, on about a million messages."""
    market = last_for_messages(Market(), 1_000_000)
    started = time.perf_counter()
    _generate_and_format(Market(duration_seconds=1))
    print(f"first message after {time.perf_counter() - started:.2f} s (compiles when the cache is empty)")
    started = time.process_time()
    _report("generate and format", _generate_and_format(market), time.process_time() - started)
    dirty = Faults(0.001, 0.001, 0.001, 0.001)
    for name, faults, is_compressed in (
        ("write .jsonl", Faults(), False),
        ("write .jsonl.gz", Faults(), True),
        ("write .jsonl.gz with faults", dirty, True),
    ):
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            summary = simulate(market, Path(folder), faults, is_compressed=is_compressed)
            _report(name, sum(summary.n_messages.values()), time.process_time() - started)


if __name__ == "__main__":
    main()
