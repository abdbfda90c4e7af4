"""Whatever the order in which files come, wherever runs break off or are undone: the tables end as a rebuild would."""

import contextlib
import itertools
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.pipeline import ingest_step, normalize_step, resample_step
from jobs.score_step import score_step
from jobs.undo_run import undo_run
from models.errors import NothingToDo, SafetyError

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
N_TRAINING, N_MINUTES = 10, 22
JOBS = ("ingest", "resample", "normalize", "score")
# what tells the hour, the run, or which of two equal lines was read first
OF_THE_RUN = {"run_id", "scored_at", "features_version", "source_file", "byte_offset"}
TABLES = ("orders", "trades", "gaps", "bars", "feature_scales", "features", "predictions")
_numbers = itertools.count(1)


class BrokenOff(Exception):
    """What ends a run in the middle."""


def events(symbol, seed):
    """(minute, line) of a symbol: orders, trades and cancels, some minutes without any."""
    chance, price, sequence, found = random.Random(f"{symbol}{seed}"), 100, 0, []
    for minute in range(N_MINUTES):
        for kind in ("received", "match", "done"):
            if minute and chance.random() < 0.3:
                continue
            sequence += 1
            price += chance.choice((-1, 0, 1))
            moment = MIDNIGHT + timedelta(minutes=minute, seconds=chance.randrange(60))
            line = {
                "type": kind,
                "product_id": symbol,
                "sequence": sequence,
                "time": moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "side": chance.choice(("buy", "sell")),
                "price": str(price),
                "order_id": f"o{sequence}",
            }
            more = {
                "received": {"order_type": "limit", "size": "1"},
                "match": {"size": "2", "trade_id": sequence, "maker_order_id": "m", "taker_order_id": "t"},
                "done": {"reason": "canceled", "remaining_size": "1"},
            }
            found.append((minute, json.dumps(line | more[kind])))
    return found


def cut(seed, n_files):
    """Files of lines: training time first and whole, the rest thrown into the other files, some lines twice.

    Scales are fitted once, on training time: what came later into it would leave them as they are.
    """
    chance = random.Random(seed)
    files = [[] for _ in range(n_files + 1)]
    for minute, line in sorted(events("A-USD", seed) + events("B-USD", seed)):
        if minute < N_TRAINING:
            files[0].append(line)
            continue
        files[chance.randrange(1, n_files + 1)].append(line)
        if chance.random() < 0.1:
            files[chance.randrange(n_files + 1) or 1].append(line)
    return files


class Market:
    """A schema, and the steps over a folder to which files come."""

    def __init__(self, spark, make_app, folder, versions):
        folder.mkdir()
        self.spark, self.folder, self.versions = spark, folder, versions
        self.app = make_app(
            sources=[{"path": str(folder), "format": "coinbase_full", "exchange": "x"}],
            bars={"seconds": [60]},
            features={
                "items": [
                    {"name": "a", "kind": "log_return", "bars": 2, "scale": "zscore"},
                    {"name": "b", "kind": "imbalance", "buy": "n_buy_trades", "sell": "n_sell_trades", "bars": 1},
                ],
                "train_end": (MIDNIGHT + timedelta(minutes=N_TRAINING)).isoformat(),
            },
            labels=[{"name": "y", "horizon_seconds": 120}],
            models=[{"name": version.name, "family": version.family, "label": "y",
                     "sequence_length": version.sequence_length} for version in versions],
        )  # fmt: skip

    def arrive(self, number, lines):
        (self.folder / f"{number}.json").write_text("".join(f"{line}\n" for line in lines))

    def run(self, break_at=None):
        """All steps in order, broken off at that pause point where one is given; whether one had something to do."""
        steps = (
            lambda: ingest_step(self.app, self.app.config.sources, 0.0),
            lambda: resample_step(self.app),
            lambda: normalize_step(self.app),
            lambda: score_step(self.app, self.versions),
        )
        has_worked, points = False, itertools.count(1)

        def reached(point):
            if next(points) == break_at:
                raise BrokenOff(point)

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(BrokenOff):
            patch.setattr("jobs.commits.reached", reached)
            patch.setattr("jobs.runs.reached", reached)
            for step in steps:
                with contextlib.suppress(NothingToDo):
                    step()
                    has_worked = True
        return has_worked

    def undo(self, job, after):
        """Take back the newest finished run of a job, where it is newer than run number ``after``."""
        runs = self.spark.table("runs").where(f"state = 'done' AND job = '{job}' AND run_number > {after}")
        newest = runs.orderBy("run_number", ascending=False).first()
        if newest is not None:
            with contextlib.suppress(SafetyError):
                undo_run(self.spark, newest.run_id, print)

    def content(self):
        return {
            table: sorted(
                repr(tuple(row)) for row in rows.select([c for c in rows.columns if c not in OF_THE_RUN]).collect()
            )
            for table in TABLES
            for rows in [self.spark.table(table)]
        }


@pytest.fixture(scope="session")
def versions(register):
    return [register("incremental_ridge")[1], register("incremental_steps", "lstm", sequence_length=3, epochs=1)[1]]


@pytest.fixture(scope="session")
def market_of(spark, schema_copy, make_app, tmp_path_factory):
    @contextlib.contextmanager
    def opened(versions):
        number = next(_numbers)
        with schema_copy(f"incremental_{number}"):
            yield Market(spark, make_app, tmp_path_factory.mktemp("incremental") / "files", versions)

    return opened


def check_equals_a_rebuild(market_of, versions, seed, n_files, order, happenings):
    """Files come in ``order``, one before each happening: a run, broken off at a point or not, or an undo of a job."""
    files = cut(seed, n_files)
    waiting = list(order)
    with market_of(versions) as market:
        market.arrive(0, files[0])
        assert market.run()
        base = market.spark.sql("SELECT max(run_number) AS n FROM runs").first().n
        for happening in happenings:
            if waiting and not isinstance(happening, str):
                number = waiting.pop(0)
                market.arrive(number, files[number])
            if isinstance(happening, str):
                market.undo(happening, base)
            else:
                market.run(break_at=happening)
        for number in waiting:
            market.arrive(number, files[number])
        market.run()
        assert not market.run()
        got = market.content()
    with market_of(versions) as market:
        for number, lines in enumerate(files):
            market.arrive(number, lines)
        market.run()
        expected = market.content()
    for table in TABLES:
        assert got[table] == expected[table], table
    assert len(expected["predictions"]) == len(versions) * len(expected["features"]) > 0
    assert len(expected["gaps"]) == 0
    assert any("'OK'" in row for row in expected["predictions"])


@pytest.mark.slow
def test_a_late_file_a_broken_run_and_an_undone_one_end_as_a_rebuild(market_of, versions):
    check_equals_a_rebuild(market_of, versions[:1], seed=7, n_files=2, order=[2, 1], happenings=[17, "resample"])


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    order=st.permutations([1, 2, 3, 4]),
    happenings=st.lists(st.one_of(st.none(), st.integers(1, 24), st.sampled_from(JOBS)), min_size=2, max_size=6),
)
def test_random_arrivals_breaks_and_undos_end_as_a_rebuild(market_of, versions, seed, order, happenings):
    check_equals_a_rebuild(market_of, versions, seed, 4, order, happenings)
