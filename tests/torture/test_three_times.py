"""Every job three times, in two processes, and once more without its memory: not a row of any table differs."""

import pytest
from chains import JOBS, MODEL

UP_TO_DATE = 99


@pytest.mark.slow
@pytest.mark.torture
def test_every_job_three_times_leaves_the_same_rows(pool, states, chain, command, figure):
    states.copy(chain.schema, "ta_thrice")
    states.restore_models("ta_trained")
    whole = states.whole("ta_thrice", MODEL)
    assert whole["newest"] == chain.newest["score"]
    workers = [pool.take(), pool.take()]
    for worker in workers:
        for job in JOBS:
            answer = worker.run(arguments=command(chain.settings, "ta_thrice", job))
            assert answer["code"] == UP_TO_DATE, (job, answer)
            assert states.whole("ta_thrice", MODEL) == whole, job
    n_runs = len(states.runs("ta_thrice"))
    assert n_runs == len(JOBS)
    workers[0].run(sql="DELETE FROM ta_thrice.runs")
    for job in JOBS:
        answer = workers[1].run(arguments=command(chain.settings, "ta_thrice", job))
        assert answer["code"] in (0, UP_TO_DATE), (job, answer)
        assert states.whole("ta_thrice", MODEL) == whole, job
    for worker in workers:
        pool.give_back(worker)
    states.drop("ta_thrice")
    figure(f"{len(JOBS)} jobs three times in 2 processes, and once without the memory of their runs: same row hashes")
