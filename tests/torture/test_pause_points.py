"""One job is held at a named point while another runs to its end: the result is that of one after the other."""

import itertools
from collections import Counter

import pytest
from chains import JOBS, MODEL

from jobs.pause_points import POINTS

TRY_AGAIN = 75
FINE = (0, 99, TRY_AGAIN)
SMALL = [("ingest", "after_write", "resample"), ("normalize", "before_publish", "score"), ("train", "locked", "train")]
ALL = {point: [(a, point, b) for a, b in itertools.product(JOBS, JOBS)] for point in POINTS}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def two(pool):
    """The worker that is held, and the other."""
    pool.start(1)
    workers = pool.take(), pool.take()
    yield workers
    for worker in workers:
        pool.give_back(worker)


class Cases:
    """Starts each case from the same tables and models, in which every job has something to do."""

    def __init__(self, states, staggered, command, two):
        self.states, self.staggered, self.command = states, staggered, command
        self.held, self.other = two
        self._serial = {}

    def fresh(self):
        schema = f"ta_pair_{next(_numbers)}"
        self.states.copy(self.staggered.schema, schema)
        self.states.restore_models("ta_staggered")
        return schema

    def words(self, schema, job):
        return self.command(self.staggered.settings, schema, job)

    def serial(self, *jobs):
        """What the jobs leave when they run one after the other; computed once."""
        if jobs not in self._serial:
            schema = self.fresh()
            self._serial.setdefault((), self.states.whole(schema, MODEL))
            for number, job in enumerate(jobs, start=1):
                answer = self.other.run(arguments=self.words(schema, job))
                assert answer["code"] in (0, 99), (jobs, job, answer)
                self._serial.setdefault(jobs[:number], self.states.whole(schema, MODEL))
            self.states.drop(schema)
        return self._serial[jobs]

    def interleave(self, a, point, b, folder):
        """Hold ``a`` at the point, run ``b``, let ``a`` go on. Whether it came there, both codes, and the result."""
        schema = self.fresh()
        self.held.ask(arguments=self.words(schema, a), pause=f"{point}:{folder}")
        while not (folder / "reached").exists() and not self.held.has_answered(0.02):
            pass
        is_held = (folder / "reached").exists()
        of_b = self.other.run(arguments=self.words(schema, b))
        if is_held:
            seen = self.states.published(schema)
            expected = () if of_b["code"] == TRY_AGAIN else (b,)
            assert seen == self.serial(*expected)["published"], (a, point, b)
        (folder / "go").touch()
        of_a = self.held.answer()
        assert of_a["code"] in FINE, (a, point, b, of_a)
        assert of_b["code"] in FINE, (a, point, b, of_b)
        whole = self.states.whole(schema, MODEL)
        self.states.drop(schema)
        return is_held, of_a["code"], of_b["code"], whole


@pytest.fixture(scope="module")
def world(states, staggered, command, two):
    """The cases of all points; what jobs leave one after the other is computed once for all."""
    return Cases(states, staggered, command, two)


@pytest.mark.parametrize(
    ("where", "cases"),
    [
        pytest.param("some points", SMALL, id="some", marks=pytest.mark.slow),
        *(pytest.param(point, pairs, id=point, marks=pytest.mark.torture) for point, pairs in ALL.items()),
    ],
)
def test_a_job_that_is_held_and_another_end_as_one_after_the_other(where, cases, world, tmp_path, figure, progress):
    outcomes = Counter()
    for number, (a, point, b) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        is_held, code_a, code_b, whole = world.interleave(a, point, b, folder)
        if a == b and is_held:
            assert code_b == TRY_AGAIN, (a, point)
        if TRY_AGAIN in (code_a, code_b):
            done = [job for job, code in ((a, code_a), (b, code_b)) if code != TRY_AGAIN]
            assert whole["published"] == world.serial(*done)["published"], (a, point, b)
            outcomes["exit 75"] += 1
        elif whole == (serial := world.serial(a, b) if a != b else world.serial(a)):
            outcomes["first, then second"] += 1
        else:
            assert whole == world.serial(b, a), (a, point, b, serial)
            outcomes["second, then first"] += 1
        outcomes["held"] += is_held
        if number % 10 == 9:
            progress(f"{where}: {number + 1} of {len(cases)} pairs")
    n_held = outcomes.pop("held")
    told = ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items()))
    figure(f"{len(cases)} pairs of jobs at {where} ({n_held} came there): {told}; 0 other")
