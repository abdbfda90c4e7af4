"""Order events a second and core that the book replays: the kernel alone, and from Parquet to quotes.

    python -m benchmarks.book [events, default 2,000,000]

A made-up deep book (thousands of orders, most events near the best prices) is written as Spark writes ``orders``, and
its first events are replayed by the plain book of the tests as well: equal in every column, or the benchmark ends.
CPU seconds of this process count, the best of several rounds, so that a busy machine blurs them less; its load is
printed. The goal: 5 million a second and core from Parquet to quotes.
"""

import heapq
import random
import runpy
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.surroundings import load, machine
from jobs.arrow_views import DECIMAL
from jobs.book.event_columns import EVENT_COLUMNS
from jobs.book.replay import BookOptions, BookReplay

GOAL = 5_000_000
N_RESTING = 10_000
N_COMPARED = 20_000
ROUNDS = 5
REFERENCE = Path(__file__).parents[1] / "tests" / "reference" / "book_reference.py"
TICK = 1_000_000  # units of 1e-8
START_US = 1_700_000_000_000_000
WORDS = ["event", "side"]
_SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("event", pa.string()),
        ("event_time", pa.timestamp("us", "UTC")),
        ("order_id", pa.string()),
        ("side", pa.string()),
        ("price", DECIMAL),
        ("size", DECIMAL),
        ("remaining_size", DECIMAL),
        ("maker_order_id", pa.string()),
        ("snapshot", pa.string()),
    ]
)


class DeepMarket:
    """Order flow around a wandering price: Pareto distances, cancels mostly of young orders, trades at the best."""

    def __init__(self, seed: int) -> None:
        """Begin with an empty book."""
        self.random = random.Random(seed)
        self.rows: list[tuple[Any, ...]] = []  # event, order, side, price, size, remaining, maker
        self.orders: dict[str, list[Any]] = {}
        self.live: list[str] = []
        self.place: dict[str, int] = {}
        self.queues: dict[str, list[tuple[int, int, str]]] = {"buy": [], "sell": []}
        self.middle = 1_000_000

    def best(self, side: str) -> str | None:
        """Order with priority on a side."""
        queue = self.queues[side]
        while queue and queue[0][2] not in self.orders:
            heapq.heappop(queue)
        return queue[0][2] if queue else None

    def submit(self) -> None:
        """A limit order that does not cross."""
        side = self.random.choice(["buy", "sell"])
        sign = 1 if side == "buy" else -1
        price = max(1, self.middle - sign * int(5 * self.random.random() ** (-1 / 1.1)))
        other = self.best("sell" if side == "buy" else "buy")
        if other is not None:
            limit = self.orders[other][1] - sign
            price = min(price, limit) if side == "buy" else max(price, limit)
        digits = f"{self.random.getrandbits(128):032x}"
        order = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        size = self.random.randint(1, 1_000_000) * 100
        self.rows.append(("received", order, side, price, size, None, None))
        self.rows.append(("open", order, side, price, None, size, None))
        self.place[order] = len(self.live)
        self.live.append(order)
        self.orders[order] = [side, price, size]
        heapq.heappush(self.queues[side], (-sign * price, len(self.rows), order))

    def leave(self, order: str) -> None:
        """The order is done."""
        side, price, size = self.orders.pop(order)
        last = self.live.pop()
        place = self.place.pop(order)
        if last != order:
            self.live[place], self.place[last] = last, place
        self.rows.append(("done", order, side, price, None, size, None))

    def cancel(self) -> None:
        """Most cancels are of young orders."""
        age = int(self.random.expovariate(1 / 200)) if self.random.random() < 0.85 else self.random.randrange(10**9)
        self.leave(self.live[-1 - age % len(self.live)])

    def trade(self) -> None:
        """Half of what is first in the queue, or all of it."""
        side = self.random.choice(["buy", "sell"])
        maker = self.best(side)
        if maker is None:
            return
        order = self.orders[maker]
        size = order[2] if self.random.random() < 0.5 else max(1, order[2] // 2)
        order[2] -= size
        self.rows.append(("match", None, side, order[1], size, None, maker))
        if order[2] == 0:
            self.leave(maker)

    def play(self, n_events: int) -> list[tuple[Any, ...]]:
        """At least so many events."""
        while len(self.rows) < n_events:
            draw = self.random.random()
            if draw < 0.05:
                self.middle += self.random.choice((-1, 1))
            if draw < 0.47 or len(self.orders) < N_RESTING:
                self.submit()
            elif draw < 0.93:
                self.cancel()
            else:
                self.trade()
        return self.rows[:n_events]


def _orders(rows: list[tuple[Any, ...]]) -> pa.Table:
    n = len(rows)
    event, order, side, price, size, remaining, maker = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "sequence": pa.array(np.arange(1, n + 1)),
        "event": event,
        "event_time": pa.array(START_US + 500 * np.arange(n)).cast(pa.timestamp("us", "UTC")),
        "order_id": pa.array(order, pa.string()),
        "side": side,
        "price": _decimals([one * TICK for one in price]),
        "size": _decimals(size),
        "remaining_size": _decimals(remaining),
        "maker_order_id": pa.array(maker, pa.string()),
        "snapshot": pa.nulls(n, pa.string()),
    }
    return pa.table(columns, schema=_SCHEMA)


def _decimals(units: list[int | None]) -> pa.Array:
    is_there = np.array([one is not None for one in units])
    words = np.zeros((len(units), 2), dtype=np.int64)
    words[:, 0] = [one or 0 for one in units]
    buffers = [pa.py_buffer(np.packbits(is_there, bitorder="little")), pa.py_buffer(words)]
    return pa.Array.from_buffers(DECIMAL, len(units), buffers)


def _write(orders: pa.Table, path: Path) -> None:
    """With the encodings of Spark's writer at PARQUET_2_0: delta for numbers and ids, a dictionary for the rest."""
    packed = dict.fromkeys(("sequence", "event_time"), "DELTA_BINARY_PACKED")
    texts = dict.fromkeys(("order_id", "maker_order_id"), "DELTA_BYTE_ARRAY")
    pq.write_table(
        orders,
        path,
        compression="zstd",
        data_page_version="2.0",
        store_decimal_as_integer=True,
        use_dictionary=[*WORDS, "price", "size", "remaining_size"],
        column_encoding=packed | texts,
    )


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path, read_dictionary=WORDS)
    yield from file.iter_batches(batch_size=65_536, columns=list(EVENT_COLUMNS), use_threads=False)


def _assert_equals_the_plain_book(orders: pa.Table) -> int:
    plain = runpy.run_path(str(REFERENCE))["ReferenceBook"]()
    book, n_rows = BookReplay(BookOptions()), 0
    (batch,) = orders.combine_chunks().to_batches()
    found = [row for quotes in book.replay(batch) for row in quotes.to_pylist()]
    events = ({**row, "event_time": round(row["event_time"].timestamp() * 1e6)} for row in batch.to_pylist())
    for expected in filter(None, map(plain.apply, events)):
        row = found[n_rows] | {"event_time": round(found[n_rows]["event_time"].timestamp() * 1e6)}
        assert row == expected, f"{row} is not {expected}"
        n_rows += 1
    assert n_rows == len(found)
    return n_rows


class _KernelOnly(BookReplay):
    """Leaves the rows where the kernel wrote them."""

    def _quotes(self, n_rows: int, n_depths: int) -> pa.RecordBatch:
        return _NO_ROWS


_NO_ROWS = pa.RecordBatch.from_pylist([], schema=pa.schema([]))


def _replay(book: BookReplay, batches: Iterator[pa.RecordBatch]) -> int:
    return sum(quotes.num_rows for batch in batches for quotes in book.replay(batch))


def _best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _report(name: str, n_events: int, seconds: float) -> None:
    rate = n_events / seconds
    print(f"{name:<24} {seconds:6.2f} CPU s {1e9 * seconds / n_events:6.0f} ns an event {rate:>11,.0f} a second"
          f" = {rate / GOAL:4.2f} x goal")  # fmt: skip


def main() -> None:
    """Compare a sample, then measure each stage."""
    n_events = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    pa.set_cpu_count(1)
    print(machine("numba", "pyarrow"))
    orders = _orders(DeepMarket(seed=0).play(n_events))
    n_rows = _assert_equals_the_plain_book(orders.slice(0, N_COMPARED))
    print(f"the first {N_COMPARED:,} events give the {n_rows:,} rows of the plain book, equal in every column")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        _write(orders, path)
        batches = list(_batches(path))
        _report("read Parquet", n_events, _best(lambda: list(_batches(path))))
        _report("kernel only", n_events, _best(lambda: _replay(_KernelOnly(BookOptions()), iter(batches))))
        _report("Arrow to quotes", n_events, _best(lambda: _replay(BookReplay(BookOptions()), iter(batches))))
        _report("Parquet to quotes", n_events, _best(lambda: _replay(BookReplay(BookOptions()), _batches(path))))
    book = BookReplay(BookOptions())
    n_rows = _replay(book, iter(batches))
    saved = len(book.save())
    print(f"{n_rows:,} rows of quotes; the book saved at the end has {saved:,} bytes; {load()}")


if __name__ == "__main__":
    main()
