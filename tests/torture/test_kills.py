"""SIGKILL to the whole process in the middle of a job: readers never see half of it, and a rerun heals the rest."""

import itertools
import random
import time
from collections import Counter

import pytest
from chains import JOBS, MODEL

from jobs.pause_points import POINTS

LONGEST_DELAY_SECONDS = 1.0
SMALL = [("ingest", "after_write"), ("normalize", None), ("train", "before_publish")]


class Killer:
    """Kills workers in a job of one schema, at a random instant or after they came to a pause point."""

    def __init__(self, pool, states, chain, command, folder, seed):
        self.pool, self.states, self.chain, self.command, self.folder = pool, states, chain, command, folder
        self.random = random.Random(seed)
        self.numbers = itertools.count()
        self.kills = Counter()  # (job, phase) to kills

    def kill(self, schema, job, point):
        """Kill a worker in ``job``; False where it had ended before."""
        worker = self.pool.take(n_ahead=2)
        before = self._mark(schema)
        pause, place = self._pause(point)
        worker.ask(arguments=self.command(self.chain.settings, schema, job), pause=pause)
        if place is not None:
            self._wait_there(worker, place)
        else:
            worker.has_answered(self.random.uniform(0, 1.1 * self.chain.seconds[job]))
        if worker.has_answered():
            answer = worker.answer()
            assert answer["code"] in (0, 99), (job, answer)
            self.pool.give_back(worker)
            return False
        worker.kill()
        self.kills[job, self._phase(schema, job, before)] += 1
        return True

    def _pause(self, point):
        if point is None:
            return "", None
        place = self.folder / str(next(self.numbers))
        place.mkdir()
        return f"{point}:{place}", place

    def _wait_there(self, worker, place):
        while not (place / "reached").exists() and not worker.has_answered(0.02):
            pass
        if self.random.random() < 0.5:  # else it dies at the very point
            (place / "go").touch()
            worker.has_answered(self.random.uniform(0, LONGEST_DELAY_SECONDS))

    def _mark(self, schema):
        return self.states.newest_versions(schema), len(self.states.models(MODEL))

    def _phase(self, schema, job, before):
        if self._mark(schema) == before:
            return "before the first write"
        last = self.states.runs(schema)[-1:]
        return "after the record" if last == [(job, "done")] else "between"


def check_readable(states, chain, schema, job):
    """Readers see all of the job or nothing of it; what is not published can be read as well."""
    earlier = JOBS[JOBS.index(job) - 1] if job != JOBS[0] else "nothing"
    assert states.published(schema) in (chain.published[earlier], chain.published[job]), job
    states.newest(schema)
    states.models(MODEL)


def finish(worker, states, chain, command, schema, job):
    """Run the job to its end: the content is that of the unbroken run."""
    answer = worker.run(arguments=command(chain.settings, schema, job))
    assert answer["code"] in (0, 99), (job, answer)
    assert states.newest(schema) == chain.newest[job], job
    assert states.published(schema) == chain.published[job], job
    assert {state for _, state in states.runs(schema)} <= {"done", "killed"}, states.runs(schema)


def plans(n_kills):
    """Rounds of (job, pause point or None for a random instant), each job twice a round."""
    if n_kills == len(SMALL):
        yield SMALL
        return
    points = itertools.cycle(POINTS)
    while True:
        yield [(job, point) for job in JOBS for point in (None, next(points))]


@pytest.mark.parametrize(
    "n_kills", [pytest.param(len(SMALL), marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.torture)]
)
def test_killed_jobs_are_healed_by_the_next_run(n_kills, pool, states, chain, command, tmp_path, figure, progress):
    killer = Killer(pool, states, chain, command, tmp_path, seed=n_kills)
    started, n_done = time.monotonic(), 0
    finisher = pool.take(n_ahead=2)
    for number, plan in enumerate(plans(n_kills)):
        schema = f"ta_kills_{number}"
        states.copy("ta_empty", schema)
        states.restore_models("ta_untrained")
        for job in JOBS:
            for _, point in (kill for kill in plan if kill[0] == job):
                if n_done < n_kills and killer.kill(schema, job, point):
                    n_done += 1
                    check_readable(states, chain, schema, job)
            finish(finisher, states, chain, command, schema, job)
        assert states.whole(schema, MODEL) == chain.whole
        states.drop(schema)
        progress(f"{n_done} of {n_kills} SIGKILLs: each table readable, each rerun as an unbroken run")
        if n_done == n_kills or number > n_kills:
            break
    pool.give_back(finisher)
    assert n_done >= min(n_kills, 2)
    seconds = time.monotonic() - started
    figure(f"{n_done} SIGKILLs in {seconds:,.0f} s: tables readable {n_done}/{n_done}, each rerun as an unbroken run")
    for job in JOBS:
        phases = ", ".join(f"{n} {phase}" for (name, phase), n in sorted(killer.kills.items()) if name == job)
        figure(f"    {job}: {phases or 'none'}")
