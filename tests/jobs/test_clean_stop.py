"""Real signals to this very process: where they break in, where they wait, and what they cancel."""

import contextlib
import os
import signal
import threading
import time

import pytest

from jobs.clean_stop import shielded, stoppable
from jobs.runs import recorded_run
from jobs.stop_request import Stopped, StopRequest

ENDLESS = "SELECT count(*) FROM range(1000000000000) WHERE id % 7 = 9"
GROUP = "spark.jobGroup.id"


def send(number, after_seconds=0.3):
    """Send a signal to this process a little later."""
    timer = threading.Timer(after_seconds, os.kill, (os.getpid(), number))
    timer.start()
    return timer


def wait_in_python(seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    raise AssertionError("nothing stopped it")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_block_of_python(spark, number, code):
    before = signal.getsignal(number)
    send(number)
    with pytest.raises(Stopped, match=f"stopped by {signal.Signals(number).name}") as caught, stoppable(spark):
        wait_in_python()
    assert caught.value.exit_code == code
    assert signal.getsignal(number) is before


def test_a_signal_cancels_the_spark_job_of_a_block(spark):
    send(signal.SIGTERM, 1.0)
    with pytest.raises(Stopped, match="stopped by SIGTERM"), stoppable(spark):
        spark.sql(ENDLESS).collect()
    assert spark.sql("SELECT 1 AS one").first().one == 1
    assert spark.sparkContext.getLocalProperty(GROUP) is None


def test_each_later_job_of_a_stopped_block_is_cancelled_too(spark):
    def work():
        with stoppable(spark) as request:
            request.reason = Stopped(signal.SIGTERM)  # as the handler leaves it while Spark works
            spark.sql(ENDLESS).collect()

    with pytest.raises(Stopped):
        work()


def test_a_time_limit_ends_python_and_spark(spark):
    for work in (wait_in_python, spark.sql(ENDLESS).collect):
        began = time.monotonic()
        with pytest.raises(Stopped, match=r"stopped after 0\.5 s") as caught, stoppable(spark, 0.5):
            work()
        assert (caught.value.is_time_limit, caught.value.exit_code) == (True, 75)
        assert time.monotonic() - began < 10


def test_a_block_within_its_time_limit_is_left_alone(spark):
    with stoppable(spark, 30):
        assert spark.range(5).count() == 5


def test_a_shield_is_broken_by_nothing_and_the_block_ends_after_it(spark):
    seen = []

    def work():
        with stoppable(spark):
            with shielded():
                send(signal.SIGTERM, 0).join()
                time.sleep(0.3)
                seen.append(spark.range(7).count())
            wait_in_python(5)

    with pytest.raises(Stopped):
        work()
    assert seen == [7]


def test_what_cleans_up_after_a_cancelled_job_is_broken_into_by_nothing(spark):
    ends = []

    def work():
        with stoppable(spark, 0.2) as request, request.shielded():
            try:
                with request.exposed():
                    spark.sql(ENDLESS).collect()
            finally:
                time.sleep(0.5)  # the time limit goes on asking
                ends.append("cleaned up")

    with pytest.raises(Stopped, match=r"stopped after 0\.2 s"):
        work()
    assert ends == ["cleaned up"]


def test_what_ended_well_under_a_time_limit_counts_but_a_signal_is_told(spark):
    with stoppable(spark, 0.2) as request, request.shielded():
        time.sleep(0.5)
    with pytest.raises(Stopped), stoppable(spark) as request, request.shielded():
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_inner_block_leaves_the_signals_to_the_outer_one(spark):
    with stoppable(spark) as outer, stoppable(spark, 0.01) as inner:
        assert inner is outer
        time.sleep(0.3)
    with StopRequest().listening(), stoppable(spark):
        os.kill(os.getpid(), signal.SIGTERM)  # this one only notes it, and looks when it likes
        time.sleep(0.3)


def test_jobs_of_others_go_on(spark):
    results = []
    other = threading.Thread(
        target=lambda: results.append(spark.range(0, 20_000_000, 1, 4).where("id % 7 = 9").count())
    )
    other.start()
    with pytest.raises(Stopped), stoppable(spark, 0.2):
        spark.sql(ENDLESS).collect()
    other.join()
    assert results == [0]


def test_a_stopped_run_is_cancelled_publishes_nothing_and_says_why(spark, schema):
    def work():
        with recorded_run(spark, "tick", "ticks", "") as run:
            run.begin()
            send(signal.SIGTERM)
            spark.sql(ENDLESS).collect()

    with pytest.raises(Stopped):
        work()
    (row,) = spark.table("runs").collect()
    assert (row.state, row.message) == ("cancelled", "stopped by SIGTERM")


def test_a_signal_in_the_last_writes_of_a_run_leaves_it_done(spark, schema, monkeypatch):
    from jobs import runs

    publish = runs.publish

    def late(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        publish(*arguments)

    monkeypatch.setattr(runs, "publish", late)
    with pytest.raises(Stopped), recorded_run(spark, "tick", "ticks", ""):
        pass
    assert [row.state for row in spark.table("runs").collect()] == ["done"]


def test_a_request_that_somebody_swallowed_is_made_again(spark, monkeypatch):
    monkeypatch.setattr("jobs.stop_request._CLEAN_UP_SECONDS", 0.3)

    def work():
        with stoppable(spark):
            send(signal.SIGTERM)
            with contextlib.suppress(Stopped):  # as a callback out of C code does
                wait_in_python()
            wait_in_python()

    with pytest.raises(Stopped):
        work()
